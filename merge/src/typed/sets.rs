//! Which fields a value states.

use serde_json::Value;

use super::{Form, form_of, segment_of};
use crate::fields::FieldSet;
use crate::path::Segment;
use crate::schema::{Entries, TypeRef};

/// The fields a value states (`TypedValue.ToFieldSet`): its leaves, the entries of keyed lists, sets
/// and maps, and what is empty or null.
pub(crate) fn field_set(at: TypeRef<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(at, value, &mut Vec::new(), &mut set);
    set
}

fn collect(at: TypeRef<'_>, value: &Value, path: &mut Vec<Segment>, set: &mut FieldSet) {
    match form_of(at, value) {
        Form::Scalar(_) => set.insert(path),
        Form::Map(map) if map.atomic => set.insert(path),
        Form::List(list) if list.entries == Entries::Atomic => set.insert(path),
        Form::Map(map) => {
            for (name, inner) in value.as_object().into_iter().flatten() {
                path.push(Segment::field(name));
                if let Some(child) = at.child(name) {
                    collect(child, inner, path, set);
                }
                let empty =
                    inner.is_null() || inner.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || !map.fields.contains_key(name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Form::List(list) => {
            let Some(element) = at.element() else {
                return;
            };
            for item in value.as_array().into_iter().flatten() {
                if let Ok(segment) = segment_of(at, list, item) {
                    path.push(segment);
                    collect(element, item, path, set);
                    set.insert(path);
                    path.pop();
                }
            }
        }
        Form::None => {}
    }
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
