//! Which fields a value states.

use serde_json::Value;

use super::{Form, form_of, segment_of};
use crate::fields::FieldSet;
use crate::path::Segment;
use crate::schema::{Entries, TypeRef};

/// The fields a value states (`TypedValue.ToFieldSet`): its leaves, the entries of keyed lists, sets
/// and maps, and what is empty or null.
pub(crate) fn field_set(at: TypeRef<'_>, value: &Value) -> FieldSet {
    below(at, value).1
}

/// Whether a value is a field itself, and what it states below.
fn below(at: TypeRef<'_>, value: &Value) -> (bool, FieldSet) {
    let mut set = FieldSet::new();
    match form_of(at, value) {
        Form::Scalar(_) => return (true, set),
        Form::Map(map) if map.atomic => return (true, set),
        Form::List(list) if list.entries == Entries::Atomic => return (true, set),
        Form::Map(_) => {
            for (name, inner) in value.as_object().into_iter().flatten() {
                let (declared, child) = at.child_declared(name);
                let (leaf, inside) = child.map_or((false, FieldSet::new()), |at| below(at, inner));
                let empty =
                    inner.is_null() || inner.as_object().is_some_and(serde_json::Map::is_empty);
                set.put(Segment::field(name), leaf || empty || !declared, inside);
            }
        }
        Form::List(list) => {
            if let Some(element) = at.element() {
                for item in value.as_array().into_iter().flatten() {
                    if let Ok(segment) = segment_of(at, list, item) {
                        set.put(segment, true, below(element, item).1);
                    }
                }
            }
        }
        Form::None => {}
    }
    (false, set)
}

/// The set with every declared field on the way to a member made a member too
/// (`Set.EnsureNamedFieldsAreMembers`): structs are not owned themselves, but go with what they hold.
pub(crate) fn with_named_fields(at: Option<TypeRef<'_>>, set: &FieldSet) -> FieldSet {
    let mut out = FieldSet::new();
    for (segment, member, children) in set.entries() {
        let (declared, child) = match (segment, at) {
            (Segment::Field(name), Some(at)) => (at.field(name).is_some(), at.child(name)),
            (Segment::Key(_), Some(at)) => (false, at.element()),
            _ => (false, None),
        };
        let below = with_named_fields(child, children);
        out.put(segment.clone(), member || (declared && !children.is_empty()), below);
    }
    out
}
