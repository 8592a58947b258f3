//! What the machine wants done. The caller carries effects out and reports each by an event.

use std::collections::BTreeSet;

use jiff::Timestamp;
use merge::{Digest, ObjectId};

use super::{Note, Outcome};
use crate::plan::{Prune, StepId};
use crate::record::{Inventory, Ledger, Render};

/// Something to do. Effects of one decision are begun in their order; those that call the server may
/// then run at the same time.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Make this durable, then send [`super::Event::Recorded`] or `RecordFailed`. Nothing else is in
    /// flight meanwhile.
    Record(Box<Checkpoint>),
    /// Apply a step of the plan that is being carried out: the rollback's, once it was handed in.
    Apply(StepId),
    /// From now until [`Effect::Finish`], report the objects of the wave at this position of the plan:
    /// each once as it is, then whenever its health or version changes.
    Observe {
        /// The wave's position, from 0.
        wave: u32,
    },
    /// Delete an object, by uid and resourceVersion.
    Prune(Prune),
    /// Delete a pod by uid: it belongs to an earlier revision, will never be ready, and an ordered
    /// StatefulSet waits for it for ever. Its controller makes a new one of the right revision.
    FreePod {
        /// The pod.
        pod: ObjectId,
        /// Its uid, which the deletion must carry.
        uid: String,
    },
    /// Draft and check, locally alone, the plan back to this render's bundle, and send
    /// [`super::Event::RollbackReady`] or `RollbackImpossible`.
    PrepareRollback {
        /// The last healthy render.
        to: Render,
        /// What was created since: the plan prunes it, whatever the policy says about pruning.
        revoked: BTreeSet<ObjectId>,
    },
    /// Send [`super::Event::Tick`] at this time. A later one replaces it.
    WakeAt(Timestamp),
    /// One thing that happened, for people.
    Note(Box<Note>),
    /// The run has ended: stop watching, report this. No effect follows.
    Finish(Box<Outcome>),
}

/// What must be durable before the machine goes on. Write the bundle first, then the inventory, then
/// the ledger, so that a ledger never names what is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Which moment of a run this is.
    pub moment: Moment,
    /// The ledger.
    pub ledger: Ledger,
    /// The inventory, if it differs from what was last recorded.
    pub inventory: Option<Inventory>,
    /// The render whose bundle must be stored: the one being synced. Writing what is
    /// stored already is nothing to do.
    pub bundle: Option<Digest>,
    /// The bundles that are still needed. Once the ledger is written, others may be deleted.
    pub keep: BTreeSet<Digest>,
}

/// The moments of a run at which something is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Before the first write of a sync.
    Begin,
    /// Before the next write after a wait: the claim is still this run's.
    Resume,
    /// A gate failed: the render is in quarantine, a rollback is announced.
    RollBack,
    /// Before the first write of a rollback.
    BeginRollback,
    /// Everything is healthy; before the first deletion.
    Prune,
    /// A run ended, whichever way.
    End,
}
