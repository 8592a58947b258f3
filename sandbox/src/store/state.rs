//! What the store's lock guards.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::kind::{Change, ChangeType, Kind};
use super::watcher::{Subscription, TooOld, channel};
use super::{Expect, Key, NotCommitted, version_of};
use crate::registry::{GroupResource, items};

#[derive(Debug)]
pub(super) struct State {
    pub(super) version: u64,
    kinds: HashMap<GroupResource, Kind>,
    /// Where the object with a uid is.
    pub(super) uids: HashMap<String, Key>,
    /// The objects that name a uid among their owners.
    pub(super) owners: HashMap<String, BTreeSet<Key>>,
    history: usize,
}

impl State {
    pub(super) fn new(history: usize) -> Self {
        Self {
            version: 0,
            kinds: HashMap::new(),
            uids: HashMap::new(),
            owners: HashMap::new(),
            history,
        }
    }

    fn kind(&mut self, resource: &GroupResource) -> &mut Kind {
        self.kinds.entry(resource.clone()).or_default()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let kind = self.kinds.get(&key.resource)?;
        kind.objects.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    pub(super) fn list(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
    ) -> Vec<Arc<Value>> {
        let Some(kind) = self.kinds.get(resource) else { return Vec::new() };
        match namespace {
            None => kind.objects.values().cloned().collect(),
            Some(namespace) => kind
                .objects
                .range((namespace.to_owned(), String::new())..)
                .take_while(|((object_namespace, _), _)| object_namespace == namespace)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        }
    }

    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<(Key, Arc<Value>)> {
        let mut found = Vec::new();
        for (resource, kind) in &self.kinds {
            let of_kind = kind
                .objects
                .range((namespace.to_owned(), String::new())..)
                .take_while(|((object_namespace, _), _)| object_namespace == namespace);
            found.extend(of_kind.map(|((_, name), object)| {
                let key = Key {
                    resource: resource.clone(),
                    namespace: namespace.to_owned(),
                    name: name.clone(),
                };
                (key, Arc::clone(object))
            }));
        }
        found.sort_by(|(one, _), (two, _)| one.cmp(two));
        found
    }

    pub(super) fn check_namespace(&self, namespace: &str) -> Result<(), NotCommitted> {
        let key = Key {
            resource: GroupResource::new("", "namespaces"),
            namespace: String::new(),
            name: namespace.to_owned(),
        };
        let found = self.get(&key).ok_or(NotCommitted::NoNamespace)?;
        let going = found.pointer("/metadata/deletionTimestamp").is_some();
        if going { Err(NotCommitted::Terminating) } else { Ok(()) }
    }

    pub(super) fn put(
        &mut self,
        key: &Key,
        expect: Expect,
        mut object: Value,
        namespaced: bool,
    ) -> Result<Arc<Value>, NotCommitted> {
        let previous = self.get(key);
        match (expect, &previous) {
            (Expect::Absent, None) => {
                if namespaced {
                    self.check_namespace(&key.namespace)?;
                }
            }
            (Expect::Version(version), Some(live)) if version_of(live) == version => {}
            _ => return Err(NotCommitted::Raced),
        }
        self.version += 1;
        stamp(&mut object, self.version);
        let object = Arc::new(object);
        if let Some(previous) = &previous {
            self.forget(key, previous);
        }
        self.index(key, &object);
        let what = if previous.is_some() { ChangeType::Modified } else { ChangeType::Added };
        let (version, bound) = (self.version, self.history);
        let kind = self.kind(&key.resource);
        kind.objects.insert((key.namespace.clone(), key.name.clone()), Arc::clone(&object));
        kind.record(Change { what, version, object: Arc::clone(&object), previous }, bound);
        Ok(object)
    }

    pub(super) fn remove(&mut self, key: &Key, version: u64) -> Result<Arc<Value>, NotCommitted> {
        let live = self.get(key).filter(|live| version_of(live) == version);
        let live = live.ok_or(NotCommitted::Raced)?;
        self.version += 1;
        self.forget(key, &live);
        let mut last = Value::clone(&live);
        stamp(&mut last, self.version);
        let last = Arc::new(last);
        let (version, bound) = (self.version, self.history);
        let kind = self.kind(&key.resource);
        kind.objects.remove(&(key.namespace.clone(), key.name.clone()));
        let object = Arc::clone(&last);
        let change = Change { what: ChangeType::Deleted, version, object, previous: Some(live) };
        kind.record(change, bound);
        Ok(last)
    }

    fn index(&mut self, key: &Key, object: &Value) {
        if let Some(uid) = merge::object::uid(object) {
            self.uids.insert(uid.to_owned(), key.clone());
        }
        for owner in owner_uids(object) {
            self.owners.entry(owner.to_owned()).or_default().insert(key.clone());
        }
    }

    fn forget(&mut self, key: &Key, object: &Value) {
        if let Some(uid) = merge::object::uid(object) {
            self.uids.remove(uid);
        }
        for owner in owner_uids(object) {
            if let Some(dependents) = self.owners.get_mut(owner) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.owners.remove(owner);
                }
            }
        }
    }

    pub(super) fn subscribe(
        &mut self,
        resource: &GroupResource,
        from: Option<u64>,
    ) -> Result<Subscription, TooOld> {
        let Some(from) = from else { return Ok(self.subscribe_now(resource)) };
        let kind = self.kind(resource);
        if from < kind.compacted {
            return Err(TooOld { oldest: kind.compacted });
        }
        let (follower, subscription) = channel(kind.since(from));
        kind.followers.push(follower);
        Ok(subscription)
    }

    pub(super) fn subscribe_now(&mut self, resource: &GroupResource) -> Subscription {
        let (follower, subscription) = channel(Vec::new());
        self.kind(resource).followers.push(follower);
        subscription
    }

    pub(super) fn restart_history(&mut self, resource: &GroupResource) {
        let version = self.version;
        let kind = self.kind(resource);
        kind.history.clear();
        kind.compacted = version;
    }
}

fn stamp(object: &mut Value, version: u64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), json!(version.to_string()));
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    items(object, &["metadata", "ownerReferences"])
        .filter_map(|owner| owner.get("uid").and_then(Value::as_str))
}
