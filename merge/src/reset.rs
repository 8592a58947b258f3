//! What a write cannot change, and what an object is before anything is written to it.

use serde_json::{Map, Value};

use crate::fields::FieldSet;
use crate::object::{self, GroupVersionKind};
use crate::path::{Path, Segment};
use crate::schema::{Schemas, TypeRef};

/// The fields a server resets on a write to a resource or to its status (`GetResetFields` of the
/// kinds' strategies): ownership of them is neither taken nor given.
pub(crate) fn fields(
    schemas: &Schemas,
    gvk: Option<&GroupVersionKind>,
    subresource: Option<&str>,
) -> FieldSet {
    let Some(gvk) = gvk else {
        return FieldSet::new();
    };
    let of = |paths: &[&[&str]]| {
        FieldSet::of(paths.iter().map(|names| Path::fields(names.iter().copied())))
    };
    match (subresource, gvk.group.as_str(), gvk.kind.as_str()) {
        (None, ..) if schemas.has_status(gvk) => of(&[&["status"]]),
        (Some("status"), "apps", "Deployment") => of(&[&["spec"], &["metadata", "labels"]]),
        (Some("status"), "", "Pod") => {
            of(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]])
        }
        (Some("status"), "apiextensions.k8s.io", _) => of(&[&["spec"], &["metadata"]]),
        (Some("status"), ..) if schemas.is_custom(gvk) => of(&[&["spec"], &["metadata"]]),
        (Some("status"), ..) => of(&[&["spec"]]),
        _ => FieldSet::new(),
    }
}

/// Put the fields that a write cannot change back to what they were.
pub(crate) fn restore(fields: &FieldSet, live: Option<&Value>, new: &mut Value) {
    for path in fields.paths() {
        let names: Vec<&str> = path.segments().iter().filter_map(Segment::as_field).collect();
        let Some((last, above)) = names.split_last() else {
            continue;
        };
        let mut parent = Some(&mut *new);
        for name in above {
            parent = parent.and_then(|value| value.get_mut(name));
        }
        let Some(parent) = parent.and_then(Value::as_object_mut) else {
            continue;
        };
        match live.and_then(|live| path.find(live)) {
            Some(value) => parent.insert((*last).to_owned(), value.clone()),
            None => parent.remove(*last),
        };
    }
}

/// What a server adds to a new object after it noted who owns what (`PrepareForCreate` of the kinds'
/// strategies, admission): nobody owns it.
pub(crate) fn added_later(gvk: Option<&GroupVersionKind>) -> FieldSet {
    let finalizer = |name: &str| {
        let entry = Segment::Value(Value::String(name.to_owned()));
        let list = Path::fields(["metadata", "finalizers"]);
        FieldSet::of([list.join(entry), list])
    };
    match gvk.map(|gvk| (gvk.group.as_str(), gvk.kind.as_str())) {
        Some(("", "Namespace")) => FieldSet::of([Path::fields(["spec", "finalizers"])]),
        Some(("", "PersistentVolumeClaim")) => finalizer("kubernetes.io/pvc-protection"),
        Some(("", "PersistentVolume")) => finalizer("kubernetes.io/pv-protection"),
        _ => FieldSet::new(),
    }
}

/// Put what no write changes, whatever it says, to what it was: when the object was made, and that it is
/// going (`ValidateObjectMetaAccessorUpdate`, which sets these before it compares). A missing uid is the
/// old one's. A new object is given all of them later.
pub(crate) fn keep_life(live: Option<&Value>, new: &mut Value) {
    let Some(new) = new.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let before = |name: &str| {
        live.and_then(object::metadata)?.get(name).filter(|value| !value.is_null()).cloned()
    };
    for name in ["creationTimestamp", "deletionTimestamp"] {
        match before(name) {
            Some(time) => drop(new.insert(name.to_owned(), time)),
            None if live.is_none() => drop(new.remove(name)),
            None => {}
        }
    }
    for name in ["deletionGracePeriodSeconds", "uid"] {
        let missing = new.get(name).is_none_or(|own| own.is_null() || own == "");
        if let Some(value) = before(name).filter(|_| missing) {
            new.insert(name.to_owned(), value);
        }
    }
}

/// An object of a kind with nothing written to it.
///
/// For built-in kinds that is the empty Go struct as JSON: structs that are no pointers are there
/// (OpenAPI states their default as `{}`), and so are zero values that are always written (required
/// fields). For others it is the kind alone.
pub(crate) fn blank(root: TypeRef<'_>, like: &Value) -> Value {
    let mut object = blank_struct(root);
    for name in ["apiVersion", "kind"] {
        if let Some(value) = like.get(name) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(object)
}

fn blank_struct(at: TypeRef<'_>) -> Map<String, Value> {
    let mut out = Map::new();
    for name in at.field_names() {
        let Some(field) = at.field(name) else {
            continue;
        };
        let value = match at.default_of(name) {
            Some(Value::Object(default)) if default.is_empty() && field.is_struct() => {
                Value::Object(blank_struct(field))
            }
            Some(Value::Object(_)) => Value::Null,
            Some(zero) if at.requires(name) => zero.clone(),
            None if at.requires(name) => Value::Null,
            _ => continue,
        };
        out.insert(name.to_owned(), value);
    }
    out
}
