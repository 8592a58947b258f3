//! One collection: its objects in order, its last changes, and who follows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::watcher::Follower;

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeType {
    Added,
    Modified,
    Deleted,
}

/// One change, as watchers get it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) what: ChangeType,
    pub(crate) version: u64,
    pub(crate) object: Arc<Value>,
    /// The object before: whether a selector chose it then decides what its watchers are told now.
    pub(crate) previous: Option<Arc<Value>>,
}

/// A collection.
#[derive(Debug, Default)]
pub(super) struct Kind {
    /// By namespace, then name: the order of lists.
    pub(super) objects: BTreeMap<(String, String), Arc<Value>>,
    pub(super) history: VecDeque<Arc<Change>>,
    /// A watch may start at this version or later.
    pub(super) compacted: u64,
    pub(super) followers: Vec<Follower>,
}

impl Kind {
    /// Hands a change to every follower and keeps it; the oldest kept change goes when `bound` is met.
    pub(super) fn record(&mut self, change: Change, bound: usize) {
        let change = Arc::new(change);
        self.followers.retain(|follower| follower.send(&change));
        if self.history.len() >= bound.max(1)
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.history.push_back(change);
    }

    /// The changes after a version.
    pub(super) fn since(&self, version: u64) -> Vec<Arc<Change>> {
        let start = self.history.partition_point(|change| change.version <= version);
        self.history.iter().skip(start).cloned().collect()
    }
}
