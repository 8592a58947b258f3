//! What a write cannot change, and what an object is before anything is written to it.

use serde_json::{Map, Value};

use crate::fields::FieldSet;
use crate::object::GroupVersionKind;
use crate::path::Path;
use crate::schema::{Schemas, Scope, TypeRef};

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

/// Drop what does not survive a built-in kind's Go struct: nulls, and empty lists and maps that are
/// written only when they hold something.
pub(crate) fn tidy(schemas: &Schemas, object: &mut Value) {
    let gvk = GroupVersionKind::of(object);
    let builtin = |gvk: &GroupVersionKind| {
        !schemas.is_custom(gvk)
            && matches!(schemas.scope(gvk), Some(Scope::Namespaced | Scope::Cluster) | None)
    };
    if let Some(root) = gvk.filter(builtin).and_then(|gvk| schemas.root(&gvk)) {
        tidy_value(root, object);
    }
}

fn tidy_value(at: TypeRef<'_>, value: &mut Value) {
    if at.is_free() {
        return;
    }
    match value {
        Value::Object(fields) => {
            fields.retain(|name, inner| {
                let Some(child) = at.child(name) else {
                    return true;
                };
                tidy_value(child, inner);
                let always = at.requires(name)
                    || at.default_of(name).is_some_and(|default| default.as_object().is_some());
                let empty = match inner {
                    Value::Null => true,
                    Value::Array(items) => items.is_empty(),
                    Value::Object(map) => {
                        map.is_empty() && !child.is_struct() && !child.is_free() && at.is_struct()
                    }
                    _ => false,
                };
                always || !empty
            });
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                items.iter_mut().for_each(|item| tidy_value(element, item));
            }
        }
        _ => {}
    }
}
