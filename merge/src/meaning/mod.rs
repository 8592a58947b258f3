//! Values by what they mean: two objects of one meaning have one canonical form.

use serde_json::Value;

use crate::schema::Schemas;

/// The canonical form of an object. A field that is null is one that is not there.
pub fn canonical(schemas: &Schemas, object: &Value) -> Value {
    let _ = schemas;
    without_nulls(object)
}

/// Whether two objects mean the same.
pub fn same(schemas: &Schemas, one: &Value, two: &Value) -> bool {
    canonical(schemas, one) == canonical(schemas, two)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, child)| !child.is_null())
            .map(|(name, child)| (name.clone(), without_nulls(child)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
