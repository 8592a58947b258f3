//! The fields of a value, as its schema divides it: struct fields and map keys, entries of keyed lists
//! by their keys, of sets by their value. What the schema replaces as a whole is one field.

use std::collections::{BTreeMap, BTreeSet};

use merge::GroupVersionKind;
use merge::path::{Path, Segment};
use merge::schema::{Entries, Schemas, TypeRef};
use serde_json::Value;

/// A value's own fields with their values and types, in order; `None` where it is one field by itself.
pub(super) type Parts<'v, 's> = Vec<(Segment, &'v Value, TypeRef<'s>)>;

/// Divides a value.
pub(super) fn parts<'v, 's>(
    schemas: &'s Schemas,
    value: &'v Value,
    kind: TypeRef<'s>,
) -> Option<Parts<'v, 's>> {
    match value {
        Value::Object(map) if !map.is_empty() && !kind.is_atomic_map() => {
            // An undeclared field is refused elsewhere; here it is divided by what it looks like.
            let child =
                |name: &str| kind.child(name).unwrap_or_else(|| schemas.root_or_deduced(None));
            Some(
                map.iter()
                    .map(|(name, it)| (Segment::field(name.as_str()), it, child(name)))
                    .collect(),
            )
        }
        Value::Array(items) if !items.is_empty() => {
            let element = kind.element()?;
            let segments: Vec<Segment> = match kind.entries()? {
                Entries::Atomic => return None,
                Entries::Set => items.iter().cloned().map(Segment::Value).collect(),
                Entries::Keyed(keys) => {
                    items.iter().map(|item| key(item, keys, element)).collect::<Option<_>>()?
                }
            };
            // Entries that cannot be told apart are one value, as for the server.
            let distinct: BTreeSet<&Segment> = segments.iter().collect();
            if distinct.len() != segments.len() {
                return None;
            }
            Some(segments.into_iter().zip(items).map(|(it, item)| (it, item, element)).collect())
        }
        _ => None,
    }
}

fn key(item: &Value, keys: &[String], element: TypeRef<'_>) -> Option<Segment> {
    let fields = item.as_object()?;
    let mut stated = BTreeMap::new();
    for name in keys {
        if let Some(value) = fields.get(name).or_else(|| element.default_of(name)) {
            stated.insert(name.clone(), value.clone());
        }
    }
    (!stated.is_empty()).then_some(Segment::Key(stated))
}

/// The type of an object, or the one its values look like.
pub(super) fn root<'s>(schemas: &'s Schemas, object: &Value) -> TypeRef<'s> {
    schemas.root_or_deduced(GroupVersionKind::of(object).as_ref())
}

/// The fields of an object that have no others below them.
pub(super) fn leaves(schemas: &Schemas, object: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    collect(schemas, object, root(schemas, object), &Path::root(), &mut found);
    found
}

fn collect(
    schemas: &Schemas,
    value: &Value,
    kind: TypeRef<'_>,
    path: &Path,
    found: &mut Vec<Path>,
) {
    match parts(schemas, value, kind) {
        Some(parts) => {
            for (segment, child, kind) in parts {
                collect(schemas, child, kind, &path.join(segment), found);
            }
        }
        None => found.push(path.clone()),
    }
}
