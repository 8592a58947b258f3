//! The two controllers without which a cluster keeps what it should not: the garbage collector, which
//! follows `ownerReferences`, and the namespace controller, which empties a namespace that goes away.
//!
//! Both run inside the write that gives them work, before it is answered: what a client sees afterwards
//! is what it would see on a real cluster a moment later.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Api, definitions};
use super::delete::is_held_by;
use super::{has_finalizers, is_terminating, metadata_mut};
use crate::registry::{GroupResource, items};
use crate::store::{Expect, Key, version_of};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

fn namespaces() -> GroupResource {
    GroupResource::new("", "namespaces")
}

fn namespace_key(name: &str) -> Key {
    Key { resource: namespaces(), namespace: String::new(), name: name.to_owned() }
}

impl Api {
    pub(super) fn collect_after_put(&self, key: &Key, object: &Arc<Value>) {
        if is_terminating(object) {
            if key.resource == namespaces() {
                self.empty_namespace(&key.name);
            } else if is_held_by(object, ORPHAN) {
                self.orphan_dependents(key, object);
            } else if is_held_by(object, FOREGROUND) {
                self.delete_dependents(object);
                self.let_owner_go(key);
            }
        } else {
            self.collect_if_unowned(key, object);
        }
    }

    pub(super) fn collect_after_remove(&self, key: &Key, object: &Arc<Value>) {
        let uid = merge::object::uid(object).unwrap_or_default();
        for (dependent_key, dependent) in self.store.dependents(uid) {
            self.collect_if_unowned(&dependent_key, &dependent);
        }
        // Owners that wait for this one.
        for owner in owner_uids(object) {
            if let Some((owner_key, _)) = self.store.by_uid(&owner) {
                self.let_owner_go(&owner_key);
            }
        }
        if !key.namespace.is_empty() {
            self.let_namespace_go(&key.namespace);
        }
        let definition = format!("{}.{}", key.resource.plural, key.resource.group);
        let definition_key =
            Key { resource: definitions(), namespace: String::new(), name: definition };
        self.let_definition_go(&definition_key);
    }

    /// Deletes an object none of whose owners is left; if some are, forgets those that are not.
    fn collect_if_unowned(&self, key: &Key, object: &Arc<Value>) {
        let owners = owner_uids(object);
        if owners.is_empty() || is_terminating(object) {
            return;
        }
        let solid = |uid: &String| {
            self.store.by_uid(uid).is_some_and(|(owner_key, owner)| {
                let reachable =
                    owner_key.namespace.is_empty() || owner_key.namespace == key.namespace;
                reachable && !(is_terminating(&owner) && is_held_by(&owner, FOREGROUND))
            })
        };
        let gone = |uid: &String| self.store.by_uid(uid).is_none();
        if owners.iter().all(gone) || !owners.iter().any(|uid| solid(uid) || !gone(uid)) {
            self.delete_in_background(key, object);
        } else if owners.iter().any(gone) && owners.iter().any(solid) {
            let lost: BTreeSet<String> = owners.into_iter().filter(gone).collect();
            self.drop_owners(key, object, &lost);
        }
    }

    fn drop_owners(&self, key: &Key, object: &Arc<Value>, lost: &BTreeSet<String>) {
        let mut next = Value::clone(object);
        if let Some(metadata) = metadata_mut(&mut next)
            && let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut)
        {
            owners.retain(|owner| {
                let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
                !lost.contains(uid)
            });
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
        // Who was quicker is looked at by a collection of its own.
        let _ = self.store.put(key, Expect::Version(version_of(object)), next, false);
    }

    fn orphan_dependents(&self, key: &Key, object: &Arc<Value>) {
        let uid = merge::object::uid(object).unwrap_or_default();
        let lost = BTreeSet::from([uid.to_owned()]);
        for (dependent_key, dependent) in self.store.dependents(uid) {
            self.drop_owners(&dependent_key, &dependent, &lost);
        }
        self.drop_finalizer(key, ORPHAN);
    }

    fn delete_dependents(&self, object: &Value) {
        let uid = merge::object::uid(object).unwrap_or_default();
        for (key, dependent) in self.store.dependents(uid) {
            if !is_terminating(&dependent) {
                self.delete_in_background(&key, &dependent);
            }
        }
    }

    /// Lets an owner go that is deleted in the foreground and whose blocking dependents are gone.
    fn let_owner_go(&self, key: &Key) {
        let Some(owner) = self.store.get(key) else { return };
        if !is_terminating(&owner) || !is_held_by(&owner, FOREGROUND) {
            return;
        }
        let uid = merge::object::uid(&owner).unwrap_or_default();
        let blocks = |dependent: &Value| {
            items(dependent, &["metadata", "ownerReferences"]).any(|reference| {
                reference.get("uid").and_then(Value::as_str) == Some(uid)
                    && reference.get("blockOwnerDeletion") == Some(&json!(true))
            })
        };
        if !self.store.dependents(uid).iter().any(|(_, dependent)| blocks(dependent)) {
            self.drop_finalizer(key, FOREGROUND);
        }
    }

    fn drop_finalizer(&self, key: &Key, finalizer: &str) {
        let Some(live) = self.store.get(key) else { return };
        let mut next = Value::clone(&live);
        if let Some(metadata) = metadata_mut(&mut next)
            && let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut)
        {
            finalizers.retain(|one| one != finalizer);
            if finalizers.is_empty() {
                metadata.remove("finalizers");
            }
        }
        if has_finalizers(&next) {
            let _ = self.store.put(key, Expect::Version(version_of(&live)), next, false);
        } else {
            self.remove(key, &live);
        }
    }

    /// Deletes everything in a namespace that goes away.
    fn empty_namespace(&self, name: &str) {
        for (key, object) in self.store.in_namespace(name) {
            if !is_terminating(&object) {
                self.delete_in_background(&key, &object);
            }
        }
        self.let_namespace_go(name);
    }

    /// Removes a namespace that goes away once it is empty and nothing else holds it.
    fn let_namespace_go(&self, name: &str) {
        let key = namespace_key(name);
        let Some(namespace) = self.store.get(&key).filter(|object| is_terminating(object)) else {
            return;
        };
        if self.store.in_namespace(name).is_empty() && !has_finalizers(&namespace) {
            self.remove(&key, &namespace);
        }
    }
}

fn owner_uids(object: &Value) -> Vec<String> {
    items(object, &["metadata", "ownerReferences"])
        .filter_map(|owner| owner.get("uid").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}
