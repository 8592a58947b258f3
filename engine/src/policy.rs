//! What an application's owner allows a sync to do. Values only: who sets them is the caller's
//! business (flags of the one-shot, or an Application's spec), who heeds them is [`crate::plan`] and
//! [`crate::sync`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::gate::GraceTable;
use crate::ignore::Rules;

/// What a sync may do, and how long it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether objects that Git no longer has are deleted.
    pub prune: bool,
    /// What follows when a wave's gate fails.
    pub on_failure: OnFailure,
    /// What to do with a live object that is not ours.
    pub adoption: Adoption,
    /// How long a wave may take to become healthy.
    pub timeout: Duration,
    /// How long everything must stay healthy before a revision counts as the last healthy one.
    pub bake: Duration,
    /// How long each trouble may last before it fails the gate.
    pub grace: GraceTable,
    /// How much one sync may delete without being told so.
    pub prune_guard: PruneGuard,
    /// Who checks a plan before its first write.
    pub preflight: Preflight,
    /// When a pod may be deleted that blocks an ordered StatefulSet for ever.
    pub free_pods: FreePods,
    /// What is left alone in objects, on the way back too.
    pub ignore: Rules,
}

impl Policy {
    /// The policy of the plan back. What it needs is in the records, and what it would refuse was
    /// accepted before, so the server is not asked; and it deletes what the failed revision created,
    /// nothing else that happens to be left over.
    #[must_use]
    pub fn of_rollback(&self) -> Self {
        Self { preflight: Preflight::Local, prune: false, ..self.clone() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            prune: false,
            on_failure: OnFailure::Rollback,
            adoption: Adoption::Refuse,
            timeout: Duration::from_secs(300),
            bake: Duration::from_secs(30),
            grace: GraceTable::default(),
            prune_guard: PruneGuard::default(),
            preflight: Preflight::Server,
            free_pods: FreePods::InRollback,
            ignore: Rules::default(),
        }
    }
}

/// What follows when a wave's gate fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Put the last healthy revision back.
    Rollback,
    /// Leave everything as it is for a person to look at.
    Hold,
}

/// What to do with a live object that neither the inventory nor its own annotation calls ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adoption {
    /// The plan does not pass its check.
    Refuse,
    /// It becomes ours: a step of its own, shown with what it changes.
    Adopt,
    /// It is compared and shown, and never written.
    Observe,
}

/// Who checks a plan before its first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preflight {
    /// Our own rules, then the server by dry run.
    Server,
    /// Our own rules alone.
    Local,
}

/// When a pod may be deleted that belongs to an earlier revision, never becomes ready, and is waited
/// for by an ordered StatefulSet (Kubernetes documents this under "Forced rollback").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FreePods {
    /// Never: a person deletes it.
    Never,
    /// While putting the last healthy revision back.
    InRollback,
    /// In every run.
    Always,
}

/// How much one sync may delete without approval. Both bounds must be passed before anything is
/// withheld: half of three objects is an ordinary Tuesday, half of thirty is a wrong path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneGuard {
    /// The share of the inventory, in percent, that may go at once.
    pub percent: u8,
    /// Fewer deletions than this never trip the guard.
    pub at_least: usize,
}

impl Default for PruneGuard {
    fn default() -> Self {
        Self { percent: 50, at_least: 10 }
    }
}

impl PruneGuard {
    /// Whether deleting `prunes` of `total` recorded objects needs approval.
    pub fn trips(&self, prunes: usize, total: usize) -> bool {
        prunes >= self.at_least && prunes * 100 > total * usize::from(self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_trips_on_many_and_most() {
        let guard = PruneGuard::default();
        for (prunes, total, trips) in [
            (0, 0, false),
            (3, 3, false),
            (9, 9, false),
            (10, 10, true),
            (10, 20, false),
            (11, 21, true),
            (500, 1000, false),
            (501, 1000, true),
        ] {
            assert_eq!(guard.trips(prunes, total), trips, "{prunes} of {total}");
        }
    }
}
