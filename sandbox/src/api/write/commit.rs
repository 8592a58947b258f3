//! What follows a change that was entered: definitions are served or no longer served, addresses freed,
//! and the controllers that live in the server look at what is new.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Api, definitions};
use super::{is_terminating, metadata_mut};
use crate::clock;
use crate::custom::definition::{CLEANUP, establish};
use crate::ownership;
use crate::registry::{GroupResource, items};
use crate::store::{Expect, Key, version_of};

/// The namespaces every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The address of the API server inside the cluster.
const SERVER_ADDRESS: &str = "10.96.0.1";

impl Api {
    /// What a new cluster begins with.
    pub(in super::super) fn bootstrap(&self) {
        for name in NAMESPACES {
            let namespace = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
            });
            self.seed("namespaces", "", name, namespace);
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": SERVER_ADDRESS, "clusterIPs": [SERVER_ADDRESS],
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        });
        self.seed("services", "default", "kubernetes", service);
    }

    fn seed(&self, plural: &str, namespace: &str, name: &str, mut object: Value) {
        merge::defaults::fill(&mut object);
        if let Some(metadata) = metadata_mut(&mut object) {
            metadata.insert("uid".to_owned(), json!(self.names.uid()));
            metadata.insert("creationTimestamp".to_owned(), json!(clock::text()));
        }
        if plural == "services"
            && let Ok(lease) = self.addresses.allocate(None, &mut object)
        {
            lease.keep();
        }
        let key = Key {
            resource: GroupResource::new("", plural),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        // An empty store refuses nothing.
        let _ = self.store.put(&key, Expect::Absent, object, false);
    }

    /// After an object was created or changed.
    pub(in super::super) fn after_put(&self, key: &Key, object: &Arc<Value>) {
        if key.resource == definitions() {
            self.install(key, object);
        }
        if self.controllers {
            self.collect_after_put(key, object);
        }
    }

    /// After an object was removed.
    pub(super) fn after_remove(&self, key: &Key, object: &Arc<Value>) {
        if key.resource.group.is_empty() && &*key.resource.plural == "services" {
            self.addresses.release(object, None);
        }
        if key.resource == definitions() {
            self.reload_definitions();
        }
        if self.controllers {
            self.collect_after_remove(key, object);
        }
    }

    /// Serves a definition, or takes its objects and then itself away.
    fn install(&self, key: &Key, object: &Arc<Value>) {
        if is_terminating(object) {
            self.uninstall(key, object);
            return;
        }
        let mut next = Value::clone(object);
        establish(&mut next, &clock::text());
        if next == **object {
            self.reload_definitions();
            return;
        }
        let is_new = object.pointer("/status/acceptedNames/kind").and_then(Value::as_str);
        if is_new.unwrap_or_default().is_empty() {
            let group = object.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
            let plural =
                object.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or_default();
            self.store.restart_history(&GroupResource::new(group, plural));
        }
        ownership::track_status(
            &self.registry(),
            object,
            &mut next,
            "kube-apiserver",
            &clock::text(),
        );
        // Whoever changed it meanwhile is followed by an installation of its own.
        let _ = self.store.put(key, Expect::Version(version_of(object)), next, false);
        self.reload_definitions();
    }

    fn uninstall(&self, key: &Key, object: &Arc<Value>) {
        let group = object.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
        let plural =
            object.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or_default();
        let storage = GroupResource::new(group, plural);
        for custom in self.store.list(&storage, None).objects {
            let key = Key {
                resource: storage.clone(),
                namespace: merge::object::namespace(&custom).unwrap_or_default().to_owned(),
                name: merge::object::name(&custom).unwrap_or_default().to_owned(),
            };
            self.delete_in_background(&key, &custom);
        }
        self.let_definition_go(key);
    }

    /// Removes a terminating definition once none of its objects is left.
    pub(super) fn let_definition_go(&self, key: &Key) {
        let Some(object) = self.store.get(key).filter(|object| is_terminating(object)) else {
            return;
        };
        let group = object.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
        let plural =
            object.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or_default();
        if !self.store.list(&GroupResource::new(group, plural), None).objects.is_empty() {
            return;
        }
        let others = items(&object, &["metadata", "finalizers"]).filter(|one| *one != CLEANUP);
        let others: Vec<Value> = others.cloned().collect();
        if others.is_empty() {
            self.remove(key, &object);
            return;
        }
        let mut next = Value::clone(&object);
        if let Some(metadata) = metadata_mut(&mut next) {
            metadata.insert("finalizers".to_owned(), Value::Array(others));
        }
        if next != *object {
            let _ = self.store.put(key, Expect::Version(version_of(&object)), next, false);
        }
    }
}
