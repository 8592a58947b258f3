//! A field's path as people write it in a rule: a JSON pointer, or a jq path expression.

use std::fmt::Write as _;

use merge::path::{Path, Segment};
use serde_json::Value;

use super::pointer::escaped;

/// A path as a JSON pointer; `None` where it leads through list entries, whose places change.
pub(super) fn pointer(path: &Path) -> Option<String> {
    let mut out = String::new();
    for segment in path.segments() {
        out.push('/');
        out.push_str(&escaped(segment.as_field()?));
    }
    (!out.is_empty()).then_some(out)
}

/// How a key of a list entry is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// As it is written.
    Stated,
    /// Or left out, where its default is meant.
    Defaulted,
}

/// A path as a jq path expression, list entries by their keys; `None` where an entry is told by a value
/// that an expression cannot write out.
pub(super) fn expression(path: &Path, keys: Keys) -> Option<String> {
    let mut out = String::new();
    // Whether a `.` has to come before what follows.
    let mut begun = false;
    for segment in path.segments() {
        match segment {
            Segment::Field(name) if is_identifier(name) => {
                // Writing to a text cannot fail, here and below.
                let _ = write!(out, ".{name}");
            }
            Segment::Field(name) => {
                let dot = if begun { "" } else { "." };
                let _ = write!(out, "{dot}[{}]", written(&Value::String(name.clone()))?);
            }
            Segment::Index(place) => {
                let dot = if begun { "" } else { "." };
                let _ = write!(out, "{dot}[{place}]");
            }
            Segment::Value(value) => {
                let dot = if begun { "" } else { "." };
                let _ = write!(out, "{dot}[] | select(. == {}) | ", written(value)?);
            }
            Segment::Key(fields) => {
                let dot = if begun { "" } else { "." };
                let conditions: Option<Vec<String>> =
                    fields.iter().map(|(name, value)| condition(name, value, keys)).collect();
                let _ = write!(out, "{dot}[] | select({}) | ", conditions?.join(" and "));
            }
        }
        begun = matches!(segment, Segment::Field(_) | Segment::Index(_));
    }
    let whole = out.strip_suffix(" | ").unwrap_or(&out);
    (!whole.is_empty()).then(|| whole.to_owned())
}

fn condition(name: &str, value: &Value, keys: Keys) -> Option<String> {
    let field = if is_identifier(name) {
        format!(".{name}")
    } else {
        format!(".[{}]", written(&Value::String(name.to_owned()))?)
    };
    let value = written(value)?;
    Some(match keys {
        Keys::Stated => format!("{field} == {value}"),
        Keys::Defaulted => format!("({field} // {value}) == {value}"),
    })
}

/// A value as jq writes it. Maps are not written out in path expressions.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Object(_) | Value::Array(_) => None,
        value => Some(value.to_string()),
    }
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && letters.all(|it| it.is_ascii_alphanumeric() || it == b'_')
}
