//! Everything that is stored, in memory.
//!
//! * One counter gives every change its version; a version is never given twice.
//! * Bodies are shared (`Arc<Value>`) and never changed in place: whoever read one keeps it.
//! * The lock is held for look-ups, and for the moment a change is entered and handed to the watchers;
//!   nothing is merged, validated or serialised under it.
//! * A kind keeps its last changes, so that a watch may start in the past; before that, it is told so.
//! * An index by uid and by owner makes garbage collection proportional to what is collected.

mod kind;
mod state;
mod watcher;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::registry::GroupResource;
pub(crate) use kind::{Change, ChangeType};
use state::State;
pub(crate) use watcher::{Subscription, TooOld};

/// What names one stored object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) resource: GroupResource,
    /// Empty for cluster-scoped resources.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What must hold of an object for a change to be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It is not there.
    Absent,
    /// It is there, at this version.
    Version(u64),
}

/// Why a change was not entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotCommitted {
    /// The object is not as was expected; whoever decided must look again.
    Raced,
    /// Its namespace is not there.
    NoNamespace,
    /// Its namespace is going away.
    Terminating,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
}

/// One page of a collection, and the version it was read at.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) version: u64,
    pub(crate) objects: Vec<Arc<Value>>,
}

impl Store {
    pub(crate) fn new(history: usize) -> Self {
        Self { state: Mutex::new(State::new(history)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.state().get(key)
    }

    /// The objects of a collection in order of namespace and name; of one namespace if one is given.
    pub(crate) fn list(&self, resource: &GroupResource, namespace: Option<&str>) -> Listing {
        let state = self.state();
        Listing { version: state.version, objects: state.list(resource, namespace) }
    }

    /// The object with a uid, if it is there.
    pub(crate) fn by_uid(&self, uid: &str) -> Option<(Key, Arc<Value>)> {
        let state = self.state();
        let key = state.uids.get(uid)?.clone();
        let object = state.get(&key)?;
        Some((key, object))
    }

    /// The objects that name a uid among their owners.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(Key, Arc<Value>)> {
        let state = self.state();
        let keys = state.owners.get(uid).into_iter().flatten();
        keys.filter_map(|key| Some((key.clone(), state.get(key)?))).collect()
    }

    /// Every object of a namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<(Key, Arc<Value>)> {
        self.state().in_namespace(namespace)
    }

    /// Enters an object, if what is expected of the present one holds, and gives it the next version.
    /// With `namespaced`, a creation needs a namespace that is there and stays.
    pub(crate) fn put(
        &self,
        key: &Key,
        expect: Expect,
        object: Value,
        namespaced: bool,
    ) -> Result<Arc<Value>, NotCommitted> {
        self.state().put(key, expect, object, namespaced)
    }

    /// Whether a namespace takes new content.
    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), NotCommitted> {
        self.state().check_namespace(namespace)
    }

    /// Removes an object at a version; what is returned is its last state, at the version of the
    /// removal.
    pub(crate) fn remove(&self, key: &Key, version: u64) -> Result<Arc<Value>, NotCommitted> {
        self.state().remove(key, version)
    }

    /// Follows a collection from a version on (exclusively); `None` means from now.
    pub(crate) fn subscribe(
        &self,
        resource: &GroupResource,
        from: Option<u64>,
    ) -> Result<Subscription, TooOld> {
        self.state().subscribe(resource, from)
    }

    /// Reads a collection and follows it from that very moment.
    pub(crate) fn list_and_subscribe(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
    ) -> (Listing, Subscription) {
        let mut state = self.state();
        let listing = Listing { version: state.version, objects: state.list(resource, namespace) };
        (listing, state.subscribe_now(resource))
    }

    /// Forgets the history of a collection: what a definition's installation does.
    pub(crate) fn restart_history(&self, resource: &GroupResource) {
        self.state().restart_history(resource);
    }
}

/// The version an object carries.
pub(crate) fn version_of(object: &Value) -> u64 {
    merge::object::resource_version(object).and_then(|text| text.parse().ok()).unwrap_or_default()
}
