//! What a process finds when it starts: what the one before it was doing.

use merge::Digest;

use super::ledger::{Ledger, Phase, Quarantined, Render, RunKind};

/// What to do before, or instead of, applying a wanted render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was under way: plan and apply.
    Fresh,
    /// The same render was being applied and did not come to its end: plan and apply; what is there
    /// already shows as unchanged, and is gated again.
    Continue,
    /// A rollback did not come to its end: finish it first, then ask again.
    FinishRollback {
        /// What is being put back.
        to: Render,
        /// Why, if the ledger still knows.
        because: Option<Quarantined>,
    },
    /// The render failed before, and Git has not changed it.
    Refuse {
        /// When and why it failed.
        quarantined: Quarantined,
    },
}

impl Ledger {
    /// What a process that wants `wanted` applied must do first. An interrupted rollback comes before
    /// everything, since the cluster is between two renders; then the quarantine.
    pub fn resume(&self, wanted: Digest) -> Resume {
        let current = self.current.as_ref();
        if self.phase == Phase::RollingBack
            && let Some(run) = current.filter(|run| run.kind == RunKind::Rollback)
        {
            let because = self.quarantined.last().cloned();
            return Resume::FinishRollback { to: run.render.clone(), because };
        }
        if let Some(quarantined) = self.quarantine_of(wanted) {
            return Resume::Refuse { quarantined: quarantined.clone() };
        }
        let same = current.is_some_and(|run| run.render.digest == wanted);
        if self.phase == Phase::Syncing && same { Resume::Continue } else { Resume::Fresh }
    }
}
