//! Values as Go's `%q` and `%#v` spell them in the messages of a server.

use serde_json::Value;

/// A string with `%q`.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                let code = u32::from(c);
                out.push_str("\\x");
                out.extend(
                    [code >> 4, code & 15]
                        .into_iter()
                        .filter_map(|digit| char::from_digit(digit, 16)),
                );
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A scalar: strings quoted, numbers and booleans as they are, nothing as `"null"`.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null => quoted("null"),
        other => other.to_string(),
    }
}

/// `map[string]string` with `%#v`; Go sorts the keys.
pub(super) fn string_map(value: Option<&Value>) -> String {
    let Some(entries) = value.and_then(Value::as_object) else {
        return "map[string]string(nil)".to_owned();
    };
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| {
            format!("{}:{}", quoted(key), quoted(value.as_str().unwrap_or_default()))
        })
        .collect();
    format!("map[string]string{{{}}}", entries.join(", "))
}

/// `[]string` with `%#v`.
pub(super) fn strings(value: Option<&Value>) -> String {
    let Some(items) = value.and_then(Value::as_array) else { return "[]string(nil)".to_owned() };
    let items: Vec<String> =
        items.iter().map(|item| quoted(item.as_str().unwrap_or_default())).collect();
    format!("[]string{{{}}}", items.join(", "))
}

/// `v1.LabelSelector` with `%#v`.
pub(super) fn label_selector(value: &Value) -> String {
    let expressions = value.get("matchExpressions").and_then(Value::as_array).map_or_else(
        || "[]v1.LabelSelectorRequirement(nil)".to_owned(),
        |expressions| {
            let expressions: Vec<String> = expressions
                .iter()
                .map(|expression| {
                    let text = |field: &str| {
                        quoted(expression.get(field).and_then(Value::as_str).unwrap_or_default())
                    };
                    format!(
                        "v1.LabelSelectorRequirement{{Key:{}, Operator:{}, Values:{}}}",
                        text("key"),
                        text("operator"),
                        strings(expression.get("values"))
                    )
                })
                .collect();
            format!("[]v1.LabelSelectorRequirement{{{}}}", expressions.join(", "))
        },
    );
    format!(
        "v1.LabelSelector{{MatchLabels:{}, MatchExpressions:{expressions}}}",
        string_map(value.get("matchLabels"))
    )
}

/// `intstr.IntOrString` with `%#v`.
pub(super) fn int_or_string(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => {
            format!("intstr.IntOrString{{Type:1, IntVal:0, StrVal:{}}}", quoted(text))
        }
        other => {
            let number = other.and_then(Value::as_i64).unwrap_or_default();
            format!("intstr.IntOrString{{Type:0, IntVal:{number}, StrVal:\"\"}}")
        }
    }
}

/// `v1.OwnerReference` with `%#v`. Pointers are addresses in Go; they stand here as their type.
pub(super) fn owner_reference(value: &Value) -> String {
    let text = |field: &str| quoted(value.get(field).and_then(Value::as_str).unwrap_or_default());
    let pointer = |field: &str| match value.get(field) {
        Some(Value::Bool(_)) => "(*bool)(0xc000000000)",
        _ => "(*bool)(nil)",
    };
    format!(
        "v1.OwnerReference{{APIVersion:{}, Kind:{}, Name:{}, UID:{}, Controller:{}, BlockOwnerDeletion:{}}}",
        text("apiVersion"),
        text("kind"),
        text("name"),
        text("uid"),
        pointer("controller"),
        pointer("blockOwnerDeletion")
    )
}

/// `[]apiextensions.CustomResourceDefinitionVersion` with `%#v`, as a server holds the versions: what
/// all of them have in common is kept elsewhere. Pointers are addresses in Go; here they are one.
pub(super) fn definition_versions(value: Option<&Value>) -> String {
    let versions = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let own = |version: &Value, field: &str| {
        let found = version.get(field).filter(|found| !found.is_null()).cloned();
        found.filter(|found| versions.iter().any(|other| other.get(field) != Some(found)))
    };
    let pointer = |found: Option<&Value>, of: &str| match found {
        Some(_) => format!("(*{of})(0xc000000000)"),
        None => format!("(*{of})(nil)"),
    };
    let of = |kind: &str| format!("apiextensions.CustomResource{kind}");
    let spelled: Vec<String> = versions
        .iter()
        .map(|version| {
            let flag = |field: &str| version.get(field).and_then(Value::as_bool) == Some(true);
            format!(
                "{}{{Name:{}, Served:{}, Storage:{}, Deprecated:{}, DeprecationWarning:{}, Schema:{}, Subresources:{}, AdditionalPrinterColumns:{}}}",
                of("DefinitionVersion"),
                quoted(version.get("name").and_then(Value::as_str).unwrap_or_default()),
                flag("served"),
                flag("storage"),
                flag("deprecated"),
                pointer(version.get("deprecationWarning"), "string"),
                pointer(own(version, "schema").as_ref(), &of("Validation")),
                pointer(own(version, "subresources").as_ref(), &of("Subresources")),
                printer_columns(own(version, "additionalPrinterColumns").as_ref()),
            )
        })
        .collect();
    format!("[]{}{{{}}}", of("DefinitionVersion"), spelled.join(", "))
}

fn printer_columns(value: Option<&Value>) -> String {
    let name = "apiextensions.CustomResourceColumnDefinition";
    let Some(columns) = value.and_then(Value::as_array) else { return format!("[]{name}(nil)") };
    let spelled: Vec<String> = columns
        .iter()
        .map(|column| {
            let text =
                |field: &str| quoted(column.get(field).and_then(Value::as_str).unwrap_or_default());
            format!(
                "{name}{{Name:{}, Type:{}, Format:{}, Description:{}, Priority:{}, JSONPath:{}}}",
                text("name"),
                text("type"),
                text("format"),
                text("description"),
                column.get("priority").and_then(Value::as_i64).unwrap_or_default(),
                text("jsonPath"),
            )
        })
        .collect();
    format!("[]{name}{{{}}}", spelled.join(", "))
}
