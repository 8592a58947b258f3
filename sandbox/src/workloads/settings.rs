//! How the controllers behave: what they do that some servers do themselves, and how long the
//! things take that a kubelet would wait for. Seconds that an object's own spec states
//! (`progressDeadlineSeconds`, `minReadySeconds`, …) are real seconds and are not scaled.

use std::time::Duration;

/// What [`run`](super::run) does and how fast.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many nodes to create when the cluster has none.
    pub nodes: u32,
    /// Finish the deletion of namespaces: delete what is in them, then remove their finalizer.
    /// Off where the server does so itself.
    pub namespaces: bool,
    /// Delete objects whose owners are gone, and carry out foreground and orphan deletion.
    /// Off where the server does so itself.
    pub garbage_collection: bool,
    /// Write v1 Events.
    pub events: bool,
    /// How many requests may be in flight at once.
    pub concurrency: usize,
    /// How long things take.
    pub pace: Pace,
}

/// How long things take that a kubelet would wait for.
#[derive(Debug, Clone)]
pub struct Pace {
    /// From the start of a pod until it is ready, where no annotation says otherwise.
    pub ready_after: Duration,
    /// From being ready until a container of fate `fails-later` exits, where no annotation says
    /// otherwise.
    pub fails_after: Duration,
    /// How long an init container takes to start, and then runs.
    pub init_runs: Duration,
    /// How long a container of fate `crash` runs before it exits.
    pub runs_before_crash: Duration,
    /// The first back-off of a crashed container or a failed image pull; it doubles each time.
    pub first_back_off: Duration,
    /// The longest back-off. A real kubelet starts at 10 s and ends at 5 min.
    pub longest_back_off: Duration,
    /// How long a deleted pod takes to stop. A pod's grace period is an upper bound of it.
    pub stops_after: Duration,
}

impl Pace {
    /// The back-off after so many failures before: the first, doubled each time, up to the longest.
    pub(super) fn back_off(&self, before: u32) -> Duration {
        self.first_back_off.saturating_mul(1 << before.min(16)).min(self.longest_back_off)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ready_after: Duration::from_millis(100),
            fails_after: Duration::from_secs(2),
            init_runs: Duration::from_millis(20),
            runs_before_crash: Duration::from_millis(20),
            first_back_off: Duration::from_millis(20),
            longest_back_off: Duration::from_secs(2),
            stops_after: Duration::from_millis(10),
        }
    }
}

impl Default for Settings {
    /// What a bare kube-apiserver needs: everything on.
    fn default() -> Self {
        Self {
            nodes: 2,
            namespaces: true,
            garbage_collection: true,
            events: true,
            concurrency: 16,
            pace: Pace::default(),
        }
    }
}

impl Settings {
    /// What the sandbox's own [`Cluster`](crate::Cluster) needs, which finishes namespaces and
    /// collects garbage itself.
    pub fn for_sandbox() -> Self {
        Self { namespaces: false, garbage_collection: false, ..Self::default() }
    }
}
