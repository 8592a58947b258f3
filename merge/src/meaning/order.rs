//! What a schema says of values: which lists have entries whose order is no part of the meaning, and
//! where null is no value. Works for built-in kinds and custom resources alike.

use serde_json::{Number, Value};

use crate::schema::{Entries, TypeRef};

/// Brings the value into the one form its schema allows for. Without a schema only numbers have one.
pub(super) fn settle(schema: Option<TypeRef<'_>>, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| !(value.is_null() && is_no_value(schema, name)));
            for (name, value) in fields {
                settle(schema.and_then(|schema| schema.child(name)), value);
            }
        }
        Value::Array(items) => {
            let element = schema.and_then(TypeRef::element);
            for item in items.iter_mut() {
                settle(element, item);
            }
            match schema.and_then(TypeRef::entries) {
                Some(Entries::Keyed(keys)) => items.sort_by_cached_key(|item| identity(item, keys)),
                Some(Entries::Set) => items.sort_by_cached_key(Value::to_string),
                Some(Entries::Atomic) | None => {}
            }
        }
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Null stands for nothing in a declared field that is not nullable. In what no schema describes it is
/// a value like others.
fn is_no_value(schema: Option<TypeRef<'_>>, name: &str) -> bool {
    schema
        .and_then(|schema| schema.field(name))
        .is_some_and(|field| !field.is_nullable() && !field.is_free())
}

/// What tells an entry from others; the rest of the entry decides between equals.
fn identity(item: &Value, keys: &[String]) -> (Vec<String>, String) {
    let key = |key: &String| item.get(key).map_or_else(String::new, Value::to_string);
    (keys.iter().map(key).collect(), item.to_string())
}

/// `1.0` is written `1` by a server.
fn whole(number: &Number) -> Option<Number> {
    /// Above this not every whole number is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.is_i64() || number.is_u64() {
        return None;
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT)?;
    format!("{float:.0}").parse::<i64>().ok().map(Number::from)
}
