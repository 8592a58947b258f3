//! Values seen through their schema: what structured-merge-diff calls typed values.
//!
//! Pure functions of `(schema, value)`: which fields a value states ([`field_set`]), what is wrong
//! with it ([`validate`]), two values merged ([`overlay`]) or compared ([`compare`]), fields taken out
//! of a value ([`remove_items`]), a field set brought up to a changed schema ([`reconcile`]).
//! They follow v4.2 of structured-merge-diff, the one in Kubernetes 1.28.

mod compare;
mod keys;
mod readable;
mod reconcile;
mod remove;
mod sets;
mod trail;
mod validate;
mod walk;

pub(crate) use compare::{Comparison, compare};
pub(crate) use readable::{Unreadable, unreadable};
pub(crate) use reconcile::reconcile;
pub(crate) use remove::{keep_items, remove_items};
pub(crate) use sets::{field_set, with_named_fields};
pub(crate) use validate::{Problem, Wrong, validate};
pub(crate) use walk::overlay;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::path::Segment;
use crate::schema::{Entries, ListType, MapType, Scalar, TypeRef};

/// The forms a value may take at a place, narrowed by the value that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Forms {
    map: bool,
    scalar: bool,
    list: bool,
}

/// The one form a value is handled in.
enum Form<'a> {
    Map(&'a MapType),
    Scalar(Scalar),
    List(&'a ListType),
    None,
}

/// `deduceAtom`: the forms the schema admits; only the value's own, if it is among them.
fn forms(at: TypeRef<'_>, value: Option<&Value>) -> Forms {
    let admitted = Forms {
        map: at.map_type().is_some(),
        scalar: at.scalar().is_some(),
        list: at.list_type().is_some(),
    };
    let none = Forms { map: false, scalar: false, list: false };
    match value {
        Some(Value::Object(_)) if admitted.map => Forms { map: true, ..none },
        Some(Value::Array(_)) if admitted.list => Forms { list: true, ..none },
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if admitted.scalar => {
            Forms { scalar: true, ..none }
        }
        _ => admitted,
    }
}

/// `handleAtom`: maps first, then scalars, then lists.
fn form(at: TypeRef<'_>, forms: Forms) -> Form<'_> {
    if let Some(map) = at.map_type().filter(|_| forms.map) {
        Form::Map(map)
    } else if let Some(scalar) = at.scalar().filter(|_| forms.scalar) {
        Form::Scalar(scalar)
    } else if let Some(list) = at.list_type().filter(|_| forms.list) {
        Form::List(list)
    } else {
        Form::None
    }
}

fn form_of<'a>(at: TypeRef<'a>, value: &Value) -> Form<'a> {
    form(at, forms(at, Some(value)))
}

/// Why an entry of a list cannot be told apart from others, in the server's words.
fn segment_of(at: TypeRef<'_>, list: &ListType, item: &Value) -> Result<Segment, String> {
    match &list.entries {
        Entries::Atomic => Err("invalid indexing of non-associative list".to_owned()),
        Entries::Set => match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => {
                Err("not supported: associative list with lists as elements".to_owned())
            }
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null"
                    .to_owned())
            }
            scalar => Ok(Segment::Value(scalar.clone())),
        },
        Entries::Keyed(keys) => {
            let fields = match item {
                Value::Object(fields) => fields,
                Value::Null => {
                    return Err("associative list with keys may not have a null element".to_owned());
                }
                _ => {
                    return Err(
                        "associative list with keys may not have non-map elements".to_owned()
                    );
                }
            };
            let element = at.element();
            let mut key = BTreeMap::new();
            for name in keys {
                let default = || element.and_then(|element| element.default_of(name));
                let Some(value) = fields.get(name).or_else(default) else {
                    return Err(format!(
                        "associative list with keys has an element that omits key field \"{name}\" \
                         (and doesn't have default value)"
                    ));
                };
                key.insert(name.clone(), value.clone());
            }
            Ok(Segment::Key(key))
        }
    }
}

#[cfg(test)]
mod tests;
