//! Structural schemas at work: unknown fields are dropped, defaults filled in, values checked, in the
//! server's words (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema`).

use merge::validate::Cause;
use serde_json::{Value, json};

use crate::registry::items;

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

/// The fields every object has, whatever its schema says.
fn is_type_meta(field: &str) -> bool {
    matches!(field, "apiVersion" | "kind" | "metadata")
}

/// Drops every field the schema does not declare, unless it says to preserve them.
pub(crate) fn prune(schema: &Value, object: &mut Value) {
    prune_at(schema, object, true);
}

fn prune_at(schema: &Value, value: &mut Value, typed: bool) {
    let preserve = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let embedded = typed || flag(schema, "x-kubernetes-embedded-resource");
    let extra = schema.get("additionalProperties");
    match value {
        Value::Object(map) => {
            map.retain(|field, value| {
                if embedded && is_type_meta(field) {
                    return true;
                }
                let declared = schema.get("properties").and_then(|all| all.get(field));
                if let Some(declared) = declared.or_else(|| extra.filter(|it| it.is_object())) {
                    prune_at(declared, value, false);
                    return true;
                }
                preserve || extra.is_some_and(|extra| extra == &Value::Bool(true))
            });
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for item in list {
                    prune_at(items, item, false);
                }
            }
        }
        _ => {}
    }
}

/// Drops nulls where the schema takes none (`PruneNonNullableNullsWithoutDefaults`).
pub(crate) fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let declared = schema.get("properties");
            let extra = schema.get("additionalProperties").filter(|extra| extra.is_object());
            map.retain(|field, value| {
                let schema = declared.and_then(|all| all.get(field)).or(extra);
                let Some(schema) = schema else { return true };
                drop_nulls(schema, value);
                !value.is_null() || flag(schema, "nullable") || schema.get("default").is_some()
            });
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for item in list {
                    drop_nulls(items, item);
                }
            }
        }
        _ => {}
    }
}

/// Fills in defaults; a null where the schema has a default and takes no null counts as absent.
pub(crate) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (field, schema) in
                schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                if let Some(default) = schema.get("default") {
                    let replaces_null =
                        map.get(field).is_some_and(Value::is_null) && !flag(schema, "nullable");
                    if replaces_null || !map.contains_key(field) {
                        map.insert(field.clone(), default.clone());
                    }
                }
                if let Some(value) = map.get_mut(field) {
                    fill(schema, value);
                }
            }
            if let Some(extra) = schema.get("additionalProperties").filter(|it| it.is_object()) {
                let declared = schema.get("properties");
                for (field, value) in map.iter_mut() {
                    if declared.is_none_or(|declared| declared.get(field).is_none()) {
                        fill(extra, value);
                    }
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for item in list {
                    fill(items, item);
                }
            }
        }
        _ => {}
    }
}

/// What a custom object breaks of its schema.
pub(crate) fn check(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_at(schema, object, "", &mut causes);
    causes
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn invalid(reason: &'static str, field: &str, message: String) -> Cause {
    Cause { reason, field: field.to_owned(), message }
}

fn check_at(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    if let Some(expected) = expected_type(schema)
        && !has_type(schema, value)
    {
        let found = type_name(value);
        causes.push(invalid(
            "FieldValueTypeInvalid",
            path,
            format!(
                "Invalid value: \"{found}\": {path} in body must be of type {expected}: \"{found}\""
            ),
        ));
        return;
    }
    check_bounds(schema, value, path, causes);
    match value {
        Value::Object(map) => {
            for name in items(schema, &["required"]).filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    let message = "Required value".to_owned();
                    causes.push(invalid("FieldValueRequired", &join(path, name), message));
                }
            }
            let declared = schema.get("properties");
            let extra = schema.get("additionalProperties").filter(|extra| extra.is_object());
            for (field, value) in map {
                // Metadata is every object's own, and judged with every kind's.
                if path.is_empty() && is_type_meta(field) {
                    continue;
                }
                let schema = declared.and_then(|declared| declared.get(field)).or(extra);
                if let Some(schema) = schema {
                    check_at(schema, value, &join(path, field), causes);
                }
            }
            if flag(schema, "x-kubernetes-embedded-resource") {
                for field in ["apiVersion", "kind"] {
                    if map.get(field).and_then(Value::as_str).unwrap_or_default().is_empty() {
                        let message = "Required value: must not be empty".to_owned();
                        causes.push(invalid("FieldValueRequired", &join(path, field), message));
                    }
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for (index, item) in list.iter().enumerate() {
                    check_at(items, item, &format!("{path}[{index}]"), causes);
                }
            }
            check_unique(schema, list, path, causes);
        }
        _ => {}
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

fn expected_type(schema: &Value) -> Option<&str> {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Some("integer,string");
    }
    schema.get("type").and_then(Value::as_str)
}

fn has_type(schema: &Value, value: &Value) -> bool {
    if flag(schema, "x-kubernetes-int-or-string") {
        return value.is_string() || is_integer(value);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => is_integer(value),
        Some("number") => value.is_number(),
        _ => true,
    }
}

/// Whether it is a whole number, however it is spelled.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn check_bounds(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let listed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push(invalid(
            "FieldValueNotSupported",
            path,
            format!("Unsupported value: {value}: supported values: {}", listed.join(", ")),
        ));
    }
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(found) = value.as_f64() {
        if let Some(bound) = number("minimum").filter(|bound| found < *bound) {
            let message = format!(
                "Invalid value: {value}: {path} in body should be greater than or equal to {bound}"
            );
            causes.push(invalid("FieldValueInvalid", path, message));
        }
        if let Some(bound) = number("maximum").filter(|bound| found > *bound) {
            let message = format!(
                "Invalid value: {value}: {path} in body should be less than or equal to {bound}"
            );
            causes.push(invalid("FieldValueInvalid", path, message));
        }
    }
    let count = |name: &str| {
        schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
    };
    if let Some(text) = value.as_str() {
        let length = text.chars().count();
        if let Some(bound) = count("minLength").filter(|bound| length < *bound) {
            let message = format!(
                "Invalid value: {value}: {path} in body should be at least {bound} chars long"
            );
            causes.push(invalid("FieldValueInvalid", path, message));
        }
        if count("maxLength").is_some_and(|bound| length > bound) {
            let bound = count("maxLength").unwrap_or_default();
            let message = format!("Too long: may not be longer than {bound}");
            causes.push(invalid("FieldValueTooLong", path, message));
        }
    }
    if let Some(list) = value.as_array() {
        if let Some(bound) = count("minItems").filter(|bound| list.len() < *bound) {
            let found = list.len();
            let message = format!(
                "Invalid value: {found}: {path} in body should have at least {bound} items"
            );
            causes.push(invalid("FieldValueInvalid", path, message));
        }
        if let Some(bound) = count("maxItems").filter(|bound| list.len() > *bound) {
            let message = format!("Too many: {}: must have at most {bound} items", list.len());
            causes.push(invalid("FieldValueTooMany", path, message));
        }
    }
}

/// Lists that are sets, or maps by key, hold nothing twice.
fn check_unique(schema: &Value, list: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let keys: Vec<&str> =
        items(schema, &["x-kubernetes-list-map-keys"]).filter_map(Value::as_str).collect();
    let identity = |item: &Value| match schema.get("x-kubernetes-list-type")?.as_str()? {
        "set" => Some(item.clone()),
        "map" => {
            let of = |key: &&str| {
                let found = item.get(*key).cloned();
                found.map(|value| ((*key).to_owned(), value))
            };
            Some(Value::Object(keys.iter().filter_map(of).collect()))
        }
        _ => None,
    };
    let mut seen: Vec<Value> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Some(identity) = identity(item) else { return };
        if seen.contains(&identity) {
            let shown = json!(identity);
            causes.push(invalid(
                "FieldValueDuplicate",
                &format!("{path}[{index}]"),
                format!("Duplicate value: {shown}"),
            ));
        }
        seen.push(identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widget() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1},
            "colour": {"type": "string", "default": "blue", "enum": ["blue", "red"]},
            "port": {"x-kubernetes-int-or-string": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "tags": {"type": "array", "x-kubernetes-list-type": "set",
                "items": {"type": "string"}},
        }}}})
    }

    #[test]
    fn unknown_fields_go_and_preserved_ones_stay() {
        let mut object = json!({"kind": "Widget", "metadata": {"name": "a"}, "other": 1,
            "spec": {"size": 1, "shape": "round", "free": {"a": 1}}});
        prune(&widget(), &mut object);
        let expected = json!({"kind": "Widget", "metadata": {"name": "a"},
            "spec": {"size": 1, "free": {"a": 1}}});
        assert_eq!(object, expected);
    }

    #[test]
    fn defaults_fill_what_is_absent_or_null() {
        for spec in [json!({"size": 1}), json!({"size": 1, "colour": null})] {
            let mut object = json!({ "spec": spec });
            fill(&widget(), &mut object);
            assert_eq!(object["spec"]["colour"], "blue");
        }
    }

    #[test]
    fn broken_rules_are_named_with_their_field() {
        for (spec, field, message) in [
            (json!({}), "spec.size", "Required value"),
            (
                json!({"size": 0}),
                "spec.size",
                "Invalid value: 0: spec.size in body should be greater than or equal to 1",
            ),
            (
                json!({"size": 1, "port": true}),
                "spec.port",
                "Invalid value: \"boolean\": spec.port in body must be of type integer,string: \
                 \"boolean\"",
            ),
            (
                json!({"size": 1, "colour": "green"}),
                "spec.colour",
                "Unsupported value: \"green\": supported values: \"blue\", \"red\"",
            ),
            (json!({"size": 1, "tags": ["a", "a"]}), "spec.tags[1]", "Duplicate value: \"a\""),
        ] {
            let causes = check(&widget(), &json!({ "spec": spec }));
            assert_eq!(causes.len(), 1, "{causes:?}");
            assert_eq!((&*causes[0].field, &*causes[0].message), (field, message));
        }
    }
}
