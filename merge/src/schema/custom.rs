//! What a server does to the body of a custom resource: drop fields its schema does not declare,
//! and fill in the defaults it states (apiextensions' `pruning.Prune` and `defaulting.Default`).

use serde_json::Value;

use super::{Schemas, TypeRef};
use crate::object::GroupVersionKind;

impl Schemas {
    /// Make the body of a POST, a PUT or a patch to a custom resource what the server stores: unknown
    /// fields dropped, nulls dropped where none may stand, defaults filled in. Objects of other kinds
    /// stay as they are.
    pub fn settle_custom(&self, object: &mut Value) {
        if let Some(root) = self.custom_root(object) {
            prune(root, object);
            drop_nulls(root, object);
            fill(root, object);
            self.store(object);
        }
    }

    /// An object of a known kind without the fields that its schema does not declare, which a server
    /// does not read.
    pub fn declared(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(root) = GroupVersionKind::of(&object).and_then(|gvk| self.root(&gvk)) {
            prune(root, &mut object);
        }
        object
    }

    /// What is left of a custom resource once it is stored, in its definition's storage version: a
    /// field only another version has is lost.
    pub(crate) fn store(&self, object: &mut Value) {
        let stored = GroupVersionKind::of(object).and_then(|gvk| self.storage_root(&gvk));
        if let Some(root) = stored {
            prune(root, object);
        }
    }

    /// The same for what an apply made, before it is [stored](Self::store). A null the apply stated stays, for validation to refuse.
    pub(crate) fn settle_applied(&self, object: &mut Value) {
        if let Some(root) = self.custom_root(object) {
            prune(root, object);
            fill(root, object);
        }
    }

    fn custom_root(&self, object: &Value) -> Option<TypeRef<'_>> {
        let gvk = GroupVersionKind::of(object).filter(|gvk| self.is_custom(gvk))?;
        self.root(&gvk)
    }
}

/// Drop nulls where the schema admits none and has no default to put in their place
/// (`defaulting.PruneNonNullableNullsWithoutDefaults`).
fn drop_nulls(at: TypeRef<'_>, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, inner| {
                !inner.is_null()
                    || at.default_of(name).is_some()
                    || at.child(name).is_none_or(TypeRef::is_nullable)
            });
            for (name, inner) in fields.iter_mut() {
                if let Some(child) = at.child(name) {
                    drop_nulls(child, inner);
                }
            }
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                for item in items {
                    drop_nulls(element, item);
                }
            }
        }
        _ => {}
    }
}

/// Drop fields that are not declared where undeclared ones are not allowed.
fn prune(at: TypeRef<'_>, value: &mut Value) {
    match value {
        Value::Object(fields) if at.is_map() => {
            fields.retain(|name, _| at.child(name).is_some());
            for (name, inner) in fields.iter_mut() {
                if let Some(child) = at.child(name) {
                    prune(child, inner);
                }
            }
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                for item in items {
                    prune(element, item);
                }
            }
        }
        _ => {}
    }
}

/// Fill in defaults; a null where none may stand gives way to the default, or goes.
fn fill(at: TypeRef<'_>, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in at.field_names() {
                let nullable = at.field(name).is_some_and(TypeRef::is_nullable);
                let Some(default) = at.default_of(name) else {
                    continue;
                };
                if fields.get(name).is_none_or(|own| own.is_null() && !nullable) {
                    fields.insert(name.to_owned(), default.clone());
                }
            }
            for (name, inner) in fields.iter_mut() {
                if let Some(child) = at.child(name) {
                    fill(child, inner);
                }
            }
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                for item in items {
                    fill(element, item);
                }
            }
        }
        _ => {}
    }
}
