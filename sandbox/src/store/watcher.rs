//! The two ends of a watch. The channel between them is bounded; who falls that far behind is closed,
//! and asks again from where it was, as with a real server.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::kind::Change;

/// How many changes a watcher may be behind: two full rewrites of the largest applications we test
/// with. Each slot is a pointer.
const BACKLOG: usize = 16_384;

/// The store's end.
#[derive(Debug)]
pub(super) struct Follower {
    sender: mpsc::Sender<Arc<Change>>,
}

impl Follower {
    /// Hands over a change; `false` if the watcher is gone or too slow.
    pub(super) fn send(&self, change: &Arc<Change>) -> bool {
        self.sender.try_send(Arc::clone(change)).is_ok()
    }
}

/// The watcher's end: first what happened since its start, then what happens.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) past: Vec<Arc<Change>>,
    pub(crate) changes: mpsc::Receiver<Arc<Change>>,
}

/// The changes a watch wants to start at are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld {
    /// The oldest version a watch may start at.
    pub(crate) oldest: u64,
}

pub(super) fn channel(past: Vec<Arc<Change>>) -> (Follower, Subscription) {
    let (sender, changes) = mpsc::channel(BACKLOG);
    (Follower { sender }, Subscription { past, changes })
}
