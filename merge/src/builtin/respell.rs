//! The way through Go's structs and back: what a server's decoding drops and its encoding adds.
//!
//! `decode` leaves what is set: nulls go, and zero values of fields that are no pointers.
//! `encode` writes what Go always writes: structs held by value, fields without `omitempty`.
//! Defaulting stands between the two.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::{Map, Value};

use super::quantity::Quantity;
use super::{Field, Shape, Struct};

/// Takes out what a server does not keep, and spells quantities and bytes its way.
pub(crate) fn decode(kind: &Struct, object: &mut Map<String, Value>) {
    let mut drops = false;
    for (name, value) in object.iter_mut() {
        if stays(kind, value) {
            continue;
        }
        if let Some(field) = kind.field(name) {
            decode_value(&field.shape, value);
            drops |= is_dropped(field, value);
        }
    }
    if drops {
        object.retain(|name, value| {
            stays(kind, value) || !kind.field(name).is_some_and(|field| is_dropped(field, value))
        });
    }
}

/// Whether a value is kept as it is, whatever field it is in.
fn stays(kind: &Struct, value: &Value) -> bool {
    match value {
        Value::Bool(set) => *set,
        Value::String(text) => !kind.respells && !text.is_empty(),
        Value::Number(number) => !kind.respells && number.as_i64() != Some(0),
        _ => false,
    }
}

/// [`decode`] for a value of any shape.
pub(crate) fn decode_value(shape: &Shape, value: &mut Value) {
    match (shape, &mut *value) {
        (Shape::Struct(link), Value::Object(object)) => {
            if let Some(kind) = link.get() {
                decode(kind, object);
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                decode_value(item, value);
            }
        }
        (Shape::Map(entry), Value::Object(entries)) => {
            for value in entries.values_mut() {
                decode_value(entry, value);
                if value.is_null() {
                    *value = zero(entry);
                }
                if **entry == Shape::Quantity
                    && let Some(quantity) = Quantity::of(value)
                {
                    // SetDefaults_ResourceList rounds every amount of a resource list up to a thousandth.
                    *value = quantity.rounded_to_milli().to_string().into();
                }
            }
        }
        (Shape::Quantity, _) => {
            if let Some(quantity) = Quantity::of(value) {
                *value = quantity.to_string().into();
            }
        }
        (Shape::Bytes, Value::String(text)) => {
            if let Some(respelled) = base64_as_written_by_go(text) {
                *text = respelled;
            }
        }
        _ => {}
    }
}

/// Go's decoder skips line breaks inside base64 and ignores bits that do not make a byte; its encoder
/// writes neither.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn base64_as_written_by_go(text: &str) -> Option<String> {
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    LENIENT.decode(&joined).ok().map(|bytes| STANDARD.encode(bytes))
}

fn is_dropped(field: &Field, value: &Value) -> bool {
    let kept_when_zero = field.pointer || field.always;
    match value {
        Value::Null => true,
        Value::String(text) => {
            text.is_empty() && !kept_when_zero && matches!(field.shape, Shape::Text | Shape::Bytes)
        }
        Value::Bool(set) => !set && !kept_when_zero && field.shape == Shape::Boolean,
        Value::Number(number) => {
            number.as_i64() == Some(0) && !kept_when_zero && field.shape == Shape::Integer
        }
        Value::Array(items) => items.is_empty() && matches!(field.shape, Shape::List(_)),
        Value::Object(entries) => entries.is_empty() && matches!(field.shape, Shape::Map(_)),
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Text => "".into(),
        Shape::Integer | Shape::Number | Shape::IntOrString => 0.into(),
        Shape::Boolean => false.into(),
        Shape::Quantity => "0".into(),
        Shape::Struct(_) => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

/// Adds what Go writes whether it was set or not.
pub(crate) fn encode(kind: &Struct, object: &mut Map<String, Value>) {
    for (name, value) in object.iter_mut() {
        if (value.is_object() || value.is_array())
            && let Some(field) = kind.field(name)
        {
            encode_value(&field.shape, value);
        }
    }
    for (name, field) in &kind.written {
        if !object.contains_key(*name)
            && let Some(mut value) = always_written(field)
        {
            encode_value(&field.shape, &mut value);
            object.insert((*name).to_owned(), value);
        }
    }
}

/// [`encode`] for a value of any shape.
pub(crate) fn encode_value(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(link), Value::Object(object)) => {
            if let Some(kind) = link.get() {
                encode(kind, object);
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                encode_value(item, value);
            }
        }
        (Shape::Map(entry), Value::Object(entries)) => {
            for value in entries.values_mut() {
                encode_value(entry, value);
            }
        }
        _ => {}
    }
}

/// What stands for a field nobody set. `omitempty` does not work on structs, so those held by value
/// are always there: an empty object, a quantity of zero, a time of null.
pub(super) fn always_written(field: &Field) -> Option<Value> {
    if field.pointer {
        return field.always.then_some(Value::Null);
    }
    match field.shape {
        Shape::Struct(_) | Shape::Quantity | Shape::IntOrString | Shape::Time => {
            Some(zero(&field.shape))
        }
        _ => field.always.then(|| zero(&field.shape)),
    }
}
