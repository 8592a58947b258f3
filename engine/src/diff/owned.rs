//! fieldsV1 as it stands, read along with a sorted map instead of being made a field set.

use std::fmt::Write as _;
use std::sync::LazyLock;

use merge::schema::{Entries, TypeRef};
use serde_json::{Map, Value};

/// Nothing owned.
pub(super) static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The fields of one level, which are taken in their order. `f:` stands before every name, so they are
/// in the order of the names.
pub(super) struct Fields<'a>(std::iter::Peekable<serde_json::map::Iter<'a>>);

impl<'a> Fields<'a> {
    pub fn of(level: &'a Map<String, Value>) -> Self {
        let mut fields = level.iter().peekable();
        fields.next_if(|(key, _)| *key == ".");
        Self(fields)
    }

    /// What is owned under this name, if it is the next.
    pub fn take(&mut self, name: &str) -> Option<&'a Value> {
        let is_it = |key: &str| key.strip_prefix("f:") == Some(name);
        self.0.next_if(|(key, _)| is_it(key)).map(|(_, below)| below)
    }

    /// Whether everything was taken.
    pub fn is_done(&mut self) -> bool {
        self.0.peek().is_none()
    }
}

/// The entries of an object's managedFields, as they stand.
pub(super) fn entries(live: &Value) -> impl Iterator<Item = &Value> {
    let listed = live.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    listed.and_then(Value::as_array).into_iter().flatten()
}

/// Whether another manager holds fields that it did not write through a subresource.
pub(super) fn has_others(live: &Value, manager: &str) -> bool {
    entries(live).any(|entry| !is(entry, "manager", manager) && entry.get("subresource").is_none())
}

/// Whether another manager has applied fields.
pub(super) fn has_appliers(live: &Value, manager: &str) -> bool {
    entries(live).any(|entry| !is(entry, "manager", manager) && is(entry, "operation", "Apply"))
}

/// Whether an entry is what a manager applied to the object itself.
pub(super) fn is_applied_by(entry: &Value, manager: &str) -> bool {
    let is_of_whole = entry.get("subresource").is_none_or(|it| it == "");
    is(entry, "manager", manager) && is(entry, "operation", "Apply") && is_of_whole
}

/// Whether an entry is of fields that somebody applied.
pub(super) fn is_apply(entry: &Value) -> bool {
    is(entry, "operation", "Apply")
}

fn is(entry: &Value, field: &str, text: &str) -> bool {
    entry.get(field).and_then(Value::as_str) == Some(text)
}

/// Whether an entry holds a field, or something that it is a part of as a whole.
pub(super) fn holds<'a>(entry: &Value, names: impl IntoIterator<Item = &'a str>) -> bool {
    let mut here = entry.get("fieldsV1").and_then(Value::as_object);
    for name in names {
        let Some(level) = here else { return false };
        let Some(below) = level.get(&format!("f:{name}")).and_then(Value::as_object) else {
            return false;
        };
        if below.is_empty() {
            return true;
        }
        here = Some(below);
    }
    true
}

/// Spells an entry of a list as the key it has in fieldsV1; `false` if it has none. A spelling that is
/// not the server's is not found there, and then the objects are merged.
pub(super) fn spell_entry(
    text: &mut String,
    entries: &Entries,
    element: TypeRef<'_>,
    item: &Value,
) -> bool {
    text.clear();
    match entries {
        Entries::Atomic => false,
        Entries::Set => {
            text.push_str("v:");
            push(text, item);
            !matches!(item, Value::Object(_) | Value::Array(_) | Value::Null)
        }
        Entries::Keyed(keys) => {
            let Some(fields) = item.as_object() else { return false };
            text.push_str("k:");
            // Keys are written in their order, whatever order the schema names them in.
            let mut before: Option<&str> = None;
            for number in 0..keys.len() {
                let next = keys
                    .iter()
                    .map(String::as_str)
                    .filter(|key| before.is_none_or(|before| *key > before))
                    .min();
                let Some(key) = next else { return false };
                let Some(value) = fields.get(key).or_else(|| element.default_of(key)) else {
                    return false;
                };
                text.push(if number == 0 { '{' } else { ',' });
                text.push('"');
                text.push_str(key);
                text.push_str("\":");
                push(text, value);
                before = Some(key);
            }
            text.push('}');
            !keys.is_empty()
        }
    }
}

/// A scalar as JSON.
fn push(text: &mut String, value: &Value) {
    match value {
        Value::String(plain) if plain.bytes().all(is_plain) => {
            text.push('"');
            text.push_str(plain);
            text.push('"');
        }
        // Writing to a text cannot fail.
        _ => drop(write!(text, "{value}")),
    }
}

/// Whether JSON spells a byte of a text as it is.
const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f
}
