//! What a schema says of values: which lists have entries whose order is no part of the meaning, and
//! where null is no value. Works for built-in kinds and custom resources alike.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::schema::{Entries, TypeRef};

/// Brings the value into the one form its schema allows for. Without a schema only numbers have one.
pub(super) fn settle(schema: Option<TypeRef<'_>>, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.values().any(Value::is_null) {
                fields.retain(|name, value| !(value.is_null() && is_no_value(schema, name)));
            }
            for (name, value) in fields {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        settle(schema.and_then(|schema| schema.child(name)), value);
                    }
                    other => settle(None, other),
                }
            }
        }
        Value::Array(items) => {
            let element = schema.and_then(TypeRef::element);
            for item in items.iter_mut() {
                settle(element, item);
            }
            match schema.and_then(TypeRef::entries) {
                Some(Entries::Keyed(keys)) => items.sort_by(|one, two| by_keys(keys, one, two)),
                Some(Entries::Set) => items.sort_by(by_text),
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

/// The order of entries: by what tells them apart; the rest decides between equals.
fn by_keys(keys: &[String], one: &Value, two: &Value) -> Ordering {
    for key in keys {
        let order = match (one.get(key), two.get(key)) {
            (Some(one), Some(two)) => by_text(one, two),
            (one, two) => one.is_some().cmp(&two.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    one.to_string().cmp(&two.to_string())
}

/// The order of values as JSON texts.
fn by_text(one: &Value, two: &Value) -> Ordering {
    // Letters that are escaped, or sort before the closing quote, are left to the texts themselves.
    let plain = |text: &str| text.bytes().all(|byte| byte > b'"' && byte != b'\\');
    match (one, two) {
        (Value::String(one), Value::String(two)) if plain(one) && plain(two) => one.cmp(two),
        _ => one.to_string().cmp(&two.to_string()),
    }
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
