//! What the machine is told.

use std::sync::Arc;

use merge::{ErrorClass, ObjectId};
use serde::{Deserialize, Serialize};

use crate::gate::Observation;
use crate::plan::{Plan, StepId};
use crate::vouch::Settled;

/// Something that happened. Events may come in any order; one that no longer matters is ignored.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Begin.
    Start,
    /// The last [`super::Checkpoint`] is durable.
    Recorded,
    /// It could not be made so.
    RecordFailed(Failure),
    /// The answer to an [`super::Effect::Apply`]. Retrying is behind it: this is final.
    Applied {
        /// The step.
        step: StepId,
        /// What the server returned.
        result: Result<AppliedObject, Failure>,
    },
    /// An object as it was just seen, or its health as its pods were just seen.
    Observed {
        /// The object.
        id: ObjectId,
        /// What was seen.
        observation: Observation,
    },
    /// An object was deleted.
    Gone {
        /// The object.
        id: ObjectId,
        /// The uid it had. Without one the event is taken to be about the object that was applied.
        uid: Option<String>,
    },
    /// The objects of the run cannot be watched any longer: what becomes of them would go unseen.
    Blind(Failure),
    /// The answer to an [`super::Effect::Prune`]. "Not found" is a success.
    Pruned {
        /// The object.
        id: ObjectId,
        /// Whether the server took the deletion.
        result: Result<(), Failure>,
    },
    /// The answer to an [`super::Effect::FreePod`]. "Not found" is a success.
    Freed {
        /// The pod's uid.
        uid: String,
        /// Whether the server took the deletion.
        result: Result<(), Failure>,
    },
    /// The answer to an [`super::Effect::PrepareRollback`]: the plan back, checked locally.
    RollbackReady {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// There is no way back: the bundle cannot be read, or its plan was refused.
    RollbackImpossible(Failure),
    /// The time asked for by [`super::Effect::WakeAt`] has come.
    Tick,
    /// The user wants it to stop.
    Interrupt,
}

/// What an apply returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedObject {
    /// The object's uid.
    pub uid: String,
    /// Its resourceVersion: what is older says nothing about this apply.
    pub resource_version: String,
    /// Its generation, if its kind has one.
    pub generation: Option<i64>,
    /// The digest of the returned object under the fields we declared; see
    /// [`crate::record::Entry::settled`].
    pub settled: Option<Settled>,
}

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Who can mend it. It decides what follows: see [`super::Blame`].
    pub class: ErrorClass,
    /// What failed, and why, in the server's words where there are any.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }
}
