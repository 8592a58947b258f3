//! Fields taken out of a value.

use serde_json::{Map, Value};

use super::{Form, field_set, form_of, segment_of, with_named_fields};
use crate::fields::FieldSet;
use crate::schema::TypeRef;

/// The value without some fields (`TypedValue.RemoveItems`). A map or list that loses its last entry
/// becomes null, as the server leaves it.
pub(crate) fn remove_items(at: TypeRef<'_>, value: &Value, gone: &FieldSet) -> Value {
    match (form_of(at, value), value) {
        (Form::Scalar(_), _) => value.clone(),
        (Form::Map(_), Value::Object(fields)) => {
            let mut kept = Map::new();
            for (name, inner) in fields {
                let inner = match gone.field(name) {
                    Some((true, _)) => continue,
                    Some((false, below)) if !below.is_empty() => match at.child(name) {
                        Some(child) => remove_items(child, inner, below),
                        None => inner.clone(),
                    },
                    _ => inner.clone(),
                };
                kept.insert(name.clone(), inner);
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        (Form::List(list), Value::Array(items)) => {
            let mut kept = Vec::new();
            for item in items {
                let segment = segment_of(at, list, item).ok();
                if segment.as_ref().is_some_and(|segment| gone.has_member(segment)) {
                    continue;
                }
                let below = segment.as_ref().and_then(|segment| gone.below(segment));
                kept.push(match (below, at.element()) {
                    (Some(below), Some(element)) => remove_items(element, item, below),
                    _ => item.clone(),
                });
            }
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        _ => Value::Null,
    }
}

/// The value with nothing but some fields, and what leads to them (`TypedValue.ExtractItems`).
pub(crate) fn keep_items(at: TypeRef<'_>, value: &Value, kept: &FieldSet) -> Value {
    let all = with_named_fields(Some(at), &field_set(at, value));
    remove_items(at, value, &all.difference(&with_named_fields(Some(at), kept)))
}
