//! Bodies as a server reads them: their numbers, and what cannot be read into a kind's Go type.

use std::borrow::Cow;

use serde_json::Value;

use super::{kind_words, named};
use crate::object::GroupVersionKind;
use crate::schema::Schemas;
use crate::typed;

/// The server's words for the first value of a built-in kind that cannot be read; `None` if all can.
pub(super) fn refused(schemas: &Schemas, object: &Value) -> Option<String> {
    let gvk = GroupVersionKind::of(object).filter(|gvk| !schemas.is_custom(gvk))?;
    let found = typed::unreadable(schemas.root(&gvk)?, object);
    let (_, why) = found.first()?;
    Some(format!(
        "failed to convert new object ({}) to proper version: unable to convert unstructured object \
         to {}: {}",
        named(object),
        kind_words(object),
        why.server_words()
    ))
}

/// Numbers without a fraction as whole numbers: a server reads bodies through a YAML parser that
/// knows no `2.0`.
pub(super) fn whole_numbers(value: &Value) -> Cow<'_, Value> {
    if has_floats(value) { Cow::Owned(with_whole_numbers(value)) } else { Cow::Borrowed(value) }
}

fn has_floats(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_floats),
        Value::Object(fields) => fields.values().any(has_floats),
        _ => false,
    }
}

fn with_whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => {
                // Exact below 2^53, so its text without a fraction is the same number.
                format!("{float:.0}").parse::<i64>().map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(with_whole_numbers).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), with_whole_numbers(inner))).collect()
        }
        other => other.clone(),
    }
}
