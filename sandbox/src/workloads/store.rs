//! What the controllers know of the cluster: one index in memory, fed by watches and by the answers
//! to the controllers' own writes, so that a decision never overlooks what was just written.
//!
//! An event older than what is stored is ignored, and so is anything about a uid that is known to be
//! gone: a watch may lag behind the answer of a write.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kube::runtime::watcher::Event;
use serde_json::Value;

use super::kind::{Key, Kind};
use super::object;

/// A stored object changed: what it was and what it is. One of both is there.
#[derive(Debug)]
pub(super) struct Change {
    pub key: Key,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    by_controller: HashMap<String, BTreeSet<Key>>,
    unscheduled: BTreeSet<Key>,
    orphans: BTreeSet<Key>,
    gone: HashSet<String>,
    listing: HashMap<Kind, HashSet<Key>>,
    listed: HashSet<Kind>,
}

impl Store {
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of a kind in a namespace; of all namespaces, if that is empty.
    pub(super) fn in_namespace(
        &self,
        kind: Kind,
        namespace: &str,
    ) -> impl Iterator<Item = &Arc<Value>> + use<'_> {
        let namespace = namespace.to_owned();
        self.objects
            .range(Key::new(kind, &namespace, "")..)
            .take_while(move |(key, _)| {
                key.kind == kind && (namespace.is_empty() || key.namespace == namespace)
            })
            .map(|(_, object)| object)
    }

    /// The objects of a kind that the owner of that uid controls.
    pub(super) fn controlled_by(
        &self,
        kind: Kind,
        uid: &str,
    ) -> impl Iterator<Item = &Arc<Value>> + use<'_> {
        self.by_controller
            .get(uid)
            .into_iter()
            .flatten()
            .filter(move |key| key.kind == kind)
            .filter_map(|key| self.objects.get(key))
    }

    /// Pods that no node was chosen for.
    pub(super) fn unscheduled(&self) -> impl Iterator<Item = &Key> {
        self.unscheduled.iter()
    }

    /// ReplicaSets of a namespace that nobody controls.
    pub(super) fn orphaned_sets(&self, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        self.orphans
            .range(Key::new(Kind::ReplicaSet, namespace, "")..)
            .take_while(move |key| key.namespace == namespace)
            .filter_map(|key| self.objects.get(key))
    }

    /// Whether every kind was listed once.
    pub(super) fn is_complete(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.listed.contains(kind))
    }

    /// Takes in one event of a kind's watch.
    pub(super) fn observe(&mut self, kind: Kind, event: Event<Value>) -> Vec<Change> {
        match event {
            Event::Apply(object) => self.put(kind, object).into_iter().collect(),
            Event::Delete(object) => {
                let removed = self.remove(&Key::of(kind, &object), object::uid(&object));
                self.gone.remove(object::uid(&object));
                removed.into_iter().collect()
            }
            Event::Init => {
                self.listing.insert(kind, HashSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                if let Some(seen) = self.listing.get_mut(&kind) {
                    seen.insert(Key::of(kind, &object));
                }
                self.put(kind, object).into_iter().collect()
            }
            Event::InitDone => {
                self.listed.insert(kind);
                let Some(seen) = self.listing.remove(&kind) else { return Vec::new() };
                let missing: Vec<(Key, String)> = self
                    .in_namespace(kind, "")
                    .map(|object| (Key::of(kind, object), object::uid(object).to_owned()))
                    .filter(|(key, _)| !seen.contains(key))
                    .collect();
                missing.into_iter().filter_map(|(key, uid)| self.remove(&key, &uid)).collect()
            }
        }
    }

    /// Takes in an object that a watch or a write's answer shows.
    pub(super) fn put(&mut self, kind: Kind, mut object: Value) -> Option<Change> {
        if self.gone.contains(object::uid(&object)) {
            return None;
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        object::set(&mut object, "apiVersion", kind.api_version().into());
        object::set(&mut object, "kind", kind.as_str().into());
        let key = Key::of(kind, &object);
        if let Some(seen) = self.listing.get_mut(&kind) {
            seen.insert(key.clone());
        }
        let before = self.objects.get(&key).cloned();
        if let Some(before) = &before {
            if object::version(before) >= object::version(&object) {
                return None;
            }
            self.unlink(&key, &before.clone());
        }
        let after = Arc::new(object);
        self.link(&key, &after);
        self.objects.insert(key.clone(), Arc::clone(&after));
        Some(Change { key, before, after: Some(after) })
    }

    /// Takes in that the object of that uid is gone, as the answer to a delete says. The watch still
    /// has its own event to come, and perhaps older ones.
    pub(super) fn deleted(&mut self, key: &Key, uid: &str) -> Option<Change> {
        let removed = self.remove(key, uid);
        if removed.is_some() {
            self.gone.insert(uid.to_owned());
        }
        removed
    }

    fn remove(&mut self, key: &Key, uid: &str) -> Option<Change> {
        let before = self.objects.get(key).filter(|object| object::uid(object) == uid)?.clone();
        self.unlink(key, &before);
        self.objects.remove(key);
        Some(Change { key: key.clone(), before: Some(before), after: None })
    }

    fn link(&mut self, key: &Key, object: &Value) {
        if let Some(owner) = object::controller(object) {
            let uid = object::text(owner, "/uid").to_owned();
            self.by_controller.entry(uid).or_default().insert(key.clone());
        } else if key.kind == Kind::ReplicaSet {
            self.orphans.insert(key.clone());
        }
        if key.kind == Kind::Pod && object::text(object, "/spec/nodeName").is_empty() {
            self.unscheduled.insert(key.clone());
        }
    }

    fn unlink(&mut self, key: &Key, object: &Value) {
        if let Some(owner) = object::controller(object) {
            let uid = object::text(owner, "/uid");
            if let Some(keys) = self.by_controller.get_mut(uid) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_controller.remove(uid);
                }
            }
        }
        self.unscheduled.remove(key);
        self.orphans.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, uid: &str, version: u64) -> Value {
        json!({"metadata": {"name": name, "namespace": "a", "uid": uid,
            "resourceVersion": version.to_string(),
            "ownerReferences": [{"uid": "owner", "controller": true}]}})
    }

    fn names(store: &Store) -> Vec<&str> {
        store.controlled_by(Kind::Pod, "owner").map(|pod| object::name(pod)).collect()
    }

    #[test]
    fn a_late_event_does_not_undo_what_a_write_answered() {
        let mut store = Store::default();
        assert!(store.put(Kind::Pod, pod("x", "1", 7)).is_some());
        assert!(store.observe(Kind::Pod, Event::Apply(pod("x", "1", 6))).is_empty());
        assert!(store.observe(Kind::Pod, Event::Apply(pod("x", "1", 7))).is_empty());
        assert_eq!(names(&store), ["x"]);
    }

    #[test]
    fn what_was_deleted_stays_deleted_until_its_watch_says_so_and_a_namesake_lives() {
        let mut store = Store::default();
        store.put(Kind::Pod, pod("x", "1", 7));
        let key = Key::new(Kind::Pod, "a", "x");
        assert!(store.deleted(&key, "1").is_some());
        assert!(store.observe(Kind::Pod, Event::Apply(pod("x", "1", 8))).is_empty());
        assert_eq!(names(&store), [""; 0]);
        assert_eq!(store.observe(Kind::Pod, Event::Apply(pod("x", "2", 9))).len(), 1);
        assert!(store.observe(Kind::Pod, Event::Delete(pod("x", "1", 10))).is_empty());
        assert_eq!(names(&store), ["x"]);
    }

    #[test]
    fn a_new_list_removes_what_it_does_not_name_but_not_what_was_written_meanwhile() {
        let mut store = Store::default();
        store.put(Kind::Pod, pod("old", "1", 1));
        store.observe(Kind::Pod, Event::Init);
        store.observe(Kind::Pod, Event::InitApply(pod("listed", "2", 2)));
        store.put(Kind::Pod, pod("written", "3", 3));
        let changes = store.observe(Kind::Pod, Event::InitDone);
        assert_eq!(changes.len(), 1);
        assert_eq!(names(&store), ["listed", "written"]);
    }
}
