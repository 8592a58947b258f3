//! Values by what they mean: two objects of one meaning have one canonical form.
//!
//! What means the same is what a server stores as the same: quantities of one amount, base64 of one
//! content, `stringData` and `data`, absent, null and empty where Go drops what is empty, entries of
//! keyed lists and sets in another order (an apply keeps the live order), and defaults that are left
//! out. A number and a text stay two things (`80` and `"80"` for a port): the server keeps them apart,
//! and refuses the one or the other. In custom resources a text that looks like a quantity is a text,
//! and empty is not absent.
//!
//! A canonical form is for comparing and hashing, not for showing or sending.

mod order;

use serde_json::{Map, Value};

use crate::builtin::quantity::Quantity;
use crate::builtin::{self, Field, Shape, Struct, respell};
use crate::defaults;
use crate::object::GroupVersionKind;
use crate::schema::Schemas;

/// The canonical form of a whole object: defaults filled in, one spelling for each value.
pub fn canonical(schemas: &Schemas, object: &Value) -> Value {
    let mut filled = object.clone();
    defaults::fill(&mut filled);
    settle(schemas, filled)
}

/// The canonical form of what an object says itself: nothing is filled in, so that a field nobody
/// wrote is not there. For what is declared, as opposed to what is stored.
pub fn declared(schemas: &Schemas, object: &Value) -> Value {
    settle(schemas, object.clone())
}

/// Whether two objects mean the same.
pub fn same(schemas: &Schemas, one: &Value, two: &Value) -> bool {
    one == two || canonical(schemas, one) == canonical(schemas, two)
}

fn settle(schemas: &Schemas, mut object: Value) -> Value {
    let kind = builtin::type_of(&object);
    if let Some(fields) = object.as_object_mut() {
        match kind {
            Some(kind) => {
                if kind.name == "core/v1.Secret" {
                    defaults::move_string_data(fields);
                }
                respell::decode(kind, fields);
                shed(kind, fields);
            }
            None => {
                if let (Some(meta), Some(Value::Object(metadata))) =
                    (builtin::object_meta(), fields.get_mut("metadata"))
                {
                    respell::decode(meta, metadata);
                    shed(meta, metadata);
                }
            }
        }
    }
    let root = GroupVersionKind::of(&object).and_then(|gvk| schemas.root(&gvk));
    order::settle(root, &mut object);
    object
}

/// The amount a resource quantity stands for, in billionths; `None` if it is no quantity.
pub fn amount(value: &Value) -> Option<i128> {
    Quantity::of(value).map(Quantity::nanos)
}

/// Takes out what Go writes though nobody set it: there or not, it means the same.
fn shed(kind: &Struct, object: &mut Map<String, Value>) {
    let mut drops = false;
    for (name, value) in object.iter_mut() {
        if says_something(kind, value) {
            continue;
        }
        if let Some(field) = kind.field(name) {
            shed_value(&field.shape, value);
            drops |= !field.pointer && is_zero(field, value);
        }
    }
    if drops {
        object.retain(|name, value| {
            let field = kind.field(name).filter(|field| !field.pointer);
            !field.is_some_and(|field| is_zero(field, value))
        });
    }
}

/// Whether a value is no zero of any type, nor has another spelling.
fn says_something(kind: &Struct, value: &Value) -> bool {
    match value {
        Value::Bool(set) => *set,
        Value::String(text) => !kind.respells && !text.is_empty(),
        _ => false,
    }
}

fn shed_value(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(link), Value::Object(object)) => {
            if let Some(kind) = link.get() {
                shed(kind, object);
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                shed_value(item, value);
            }
        }
        (Shape::Map(entry), Value::Object(entries)) => {
            for value in entries.values_mut() {
                shed_value(entry, value);
            }
        }
        (Shape::Quantity, value) => {
            // A server writes 1024 and 1Ki as it was given them.
            if let Some(quantity) = Quantity::of(value) {
                *value = quantity.in_decimal().to_string().into();
            }
        }
        _ => {}
    }
}

fn is_zero(field: &Field, value: &Value) -> bool {
    match (&field.shape, value) {
        (_, Value::Null) => true,
        (Shape::Struct(_), Value::Object(object)) => object.is_empty(),
        (Shape::Text | Shape::Bytes, Value::String(text)) => text.is_empty(),
        (Shape::Quantity, Value::String(text)) => text == "0",
        (Shape::Integer | Shape::IntOrString, Value::Number(number)) => number.as_i64() == Some(0),
        (Shape::Boolean, Value::Bool(set)) => !set,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
