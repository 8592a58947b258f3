//! The defaults that a schema states must fit the schema (`defaulting.ValidateDefaults` of
//! apiextensions).

use merge::validate::Cause;
use serde_json::Value;

use super::schema;

/// What is wrong with the defaults in a schema that stands at `path` of its definition.
pub(crate) fn check(structure: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_at(structure, path, &mut causes);
    causes
}

fn check_at(structure: &Value, path: &str, causes: &mut Vec<Cause>) {
    if let Some(default) = structure.get("default") {
        for mut cause in schema::check(structure, default) {
            let below = if cause.field.is_empty() { "" } else { "." };
            cause.field = format!("{path}.default{below}{}", cause.field);
            causes.push(cause);
        }
    }
    let properties = structure.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        check_at(property, &format!("{path}.properties[{name}]"), causes);
    }
    for field in ["items", "additionalProperties"] {
        if let Some(below) = structure.get(field).filter(|below| below.is_object()) {
            check_at(below, &format!("{path}.{field}"), causes);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_default_that_does_not_fit_is_named_where_it_stands() {
        let structure = json!({"type": "object", "properties": {
            "size": {"type": "integer", "default": "x"},
            "fits": {"type": "string", "default": "x"},
            "list": {"type": "array", "items": {"type": "object", "default": {"a": 1},
                "properties": {"a": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties":
                {"type": "integer", "minimum": 2, "default": 1}},
        }});
        let found = check(&structure, "schema");
        let found: Vec<&str> = found.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(
            found,
            [
                "schema.properties[list].items.default.a",
                "schema.properties[map].additionalProperties.default",
                "schema.properties[size].default",
            ]
        );
    }
}
