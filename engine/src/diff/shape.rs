//! The fields of a value, as its schema divides it: struct fields and map keys, entries of keyed lists
//! by their keys, of sets by their value. What the schema replaces as a whole is one field.

use std::collections::{BTreeMap, BTreeSet};

use merge::GroupVersionKind;
use merge::path::{Path, Segment};
use merge::schema::{Entries, Scalar, Schemas, TypeRef};
use serde_json::{Map, Value};

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

/// Whether a value is of its type, as the server checks it before it merges
/// (structured-merge-diff's `validate`). What only that could decide is said not to fit.
pub(super) fn fits(at: TypeRef<'_>, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => {
            at.is_map()
                && map.iter().all(|(name, it)| at.child(name).is_some_and(|at| fits(at, it)))
        }
        Value::Array(items) => items_fit(at, items),
        Value::String(_) => matches!(at.scalar(), Some(Scalar::Text | Scalar::Any)),
        Value::Number(_) => {
            matches!(at.scalar(), Some(Scalar::Integer | Scalar::Number | Scalar::Any))
        }
        Value::Bool(_) => matches!(at.scalar(), Some(Scalar::Boolean | Scalar::Any)),
    }
}

/// Whether entries are of their type, and no two of them have one key.
pub(super) fn items_fit(at: TypeRef<'_>, items: &[Value]) -> bool {
    let (Some(entries), Some(element)) = (at.entries(), at.element()) else { return false };
    items.iter().all(|item| fits(element, item))
        && match entries {
            Entries::Atomic => true,
            Entries::Set => {
                let scalars =
                    !items.iter().any(|it| it.is_object() || it.is_array() || it.is_null());
                scalars && are_distinct(items, |item| Some(Segment::Value(item.clone())))
            }
            Entries::Keyed(keys) => {
                let told = |item: &Value| {
                    keys.iter()
                        .all(|key| item.get(key).or_else(|| element.default_of(key)).is_some())
                };
                items.iter().all(told) && are_distinct(items, |item| key(item, keys, element))
            }
        }
}

/// What of a value is of its type: fields that are not, or that it does not declare, are left out, and
/// so are lists whose entries cannot be told apart. `None` if nothing is left. What has lost all that
/// was in it goes too: a map that states nothing would state the whole map.
pub(super) fn fitting(at: TypeRef<'_>, value: &Value) -> Option<Value> {
    match value {
        Value::Object(map) if at.is_map() && !map.is_empty() => {
            let kept =
                |(name, it): (&String, &Value)| Some((name.clone(), fitting(at.child(name)?, it)?));
            let map: Map<String, Value> = map.iter().filter_map(kept).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Array(items) if !items.is_empty() => {
            let element = at.element()?;
            let kept = items.iter().filter_map(|item| fitting(element, item));
            let kept: Vec<Value> =
                kept.filter(|item| items_fit(at, std::slice::from_ref(item))).collect();
            (!kept.is_empty() && items_fit(at, &kept)).then_some(Value::Array(kept))
        }
        _ => fits(at, value).then(|| value.clone()),
    }
}

fn are_distinct(items: &[Value], segment: impl Fn(&Value) -> Option<Segment>) -> bool {
    let mut seen = BTreeSet::new();
    items.len() < 2 || items.iter().all(|item| segment(item).is_some_and(|it| seen.insert(it)))
}

/// Whether two entries of a keyed list are the same one.
pub(super) fn key_is(one: &Value, two: &Value, keys: &[String], element: TypeRef<'_>) -> bool {
    keys.iter().all(|key| {
        let one = one.get(key).or_else(|| element.default_of(key));
        one.is_some() && one == two.get(key).or_else(|| element.default_of(key))
    })
}
