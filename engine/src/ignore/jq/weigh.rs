//! How much work a value is, in steps: what may have to be looked at to compare it or to copy it.

use serde_json::Value;

/// Letters of a text that count as one step.
const LETTERS: usize = 64;

/// The steps of a text.
pub(super) const fn text(text: &str) -> u64 {
    (text.len() / LETTERS) as u64 + 1
}

/// The steps of a value.
pub(super) fn value(it: &Value) -> u64 {
    match it {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(letters) => text(letters),
        Value::Array(items) => items.iter().map(value).sum::<u64>() + 1,
        Value::Object(fields) => {
            fields.iter().map(|(name, it)| text(name) + value(it)).sum::<u64>() + 1
        }
    }
}
