//! What the machine knows between two events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use merge::ObjectId;

use super::course::Course;
use super::tally::Tally;
use super::{Outcome, Reason};
use crate::application::ApplicationName;
use crate::gate::{Ailing, Expected, Memory, Observation};
use crate::health::Status;
use crate::plan::{Plan, StepId};
use crate::policy::Policy;
use crate::record::{Inventory, Ledger, Phase, Render, Run, RunKind};

/// What a run is started with, besides its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The application.
    pub application: ApplicationName,
    /// The render that is wanted.
    pub render: Render,
    /// Who asked for it.
    pub requested_by: String,
    /// The ledger as it was read.
    pub ledger: Ledger,
    /// The inventory as it was read.
    pub inventory: Inventory,
    /// Whether the bundle of this render is stored and can be read.
    pub is_stored: bool,
    /// The objects of the plan that were unhealthy before.
    pub baseline: BTreeMap<ObjectId, Ailing>,
}

/// A run: its plan, its records, what it has seen and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Sync {
    pub(super) application: ApplicationName,
    pub(super) requested_by: String,
    pub(super) policy: Policy,
    pub(super) run: Run,
    /// When this process began, to the nanosecond; the record keeps whole seconds.
    pub(super) began: Option<Timestamp>,
    pub(super) course: Course,
    pub(super) tally: Tally,
    pub(super) records: Records,
    pub(super) objects: BTreeMap<ObjectId, Tracked>,
    pub(super) baseline: BTreeMap<ObjectId, Ailing>,
    /// What was asked of the server and has not been answered, with the time it was asked.
    pub(super) in_flight: BTreeMap<StepId, Timestamp>,
    pub(super) position: Position,
    /// The failure that ends the waves once nothing is in flight.
    pub(super) failure: Option<Reason>,
    /// Why the forward run failed, while it is being rolled back.
    pub(super) because: Option<Reason>,
    pub(super) interrupted: bool,
    /// Whether it waited for something since the ledger was last written. Another run may have
    /// claimed the application meanwhile, so nothing is written before the ledger is.
    pub(super) waited: bool,
    /// Whether the server took any write of this render: of the current run, or of the interrupted
    /// one that it continues.
    pub(super) wrote: bool,
    pub(super) freed: BTreeSet<String>,
    pub(super) not_pruned: Vec<ObjectId>,
    pub(super) alarm: Option<Timestamp>,
}

/// The durable values, as they should be and as they were last stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Records {
    pub(super) ledger: Ledger,
    pub(super) inventory: Inventory,
    pub(super) stored_ledger: Ledger,
    pub(super) stored_inventory: Inventory,
    /// The ledger as the run found it.
    pub(super) found: Ledger,
    /// Whether the run found the bundle of its render.
    pub(super) found_bundle: bool,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tracked {
    pub(super) expected: Option<Expected>,
    pub(super) observation: Option<Observation>,
    pub(super) memory: Memory,
    /// Whether it was seen to be deleted after it was applied.
    pub(super) gone: bool,
    /// The uid that was last seen to be deleted: it may be that of an object whose turn comes yet, or
    /// whose apply has not answered.
    pub(super) deleted: Option<String>,
    /// What people were last told of its health.
    pub(super) told: Option<(Status, String)>,
    /// Whether people were told that it is ignored.
    pub(super) told_ignored: bool,
}

impl Tracked {
    /// From now on it is to be healthy at this version; unless just this object was deleted already.
    pub(super) fn expect(&mut self, expected: Expected) {
        self.gone = self.deleted.as_ref() == Some(&expected.uid);
        self.expected = Some(expected);
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Position {
    /// It was not started.
    New,
    /// It waits for a checkpoint to be durable.
    Recording { then: Then },
    /// It applies a wave, or gates it when no rank is left.
    Wave { index: usize, next_rank: usize, opened: Timestamp },
    /// Everything is healthy and is watched.
    Bake { opened: Timestamp },
    /// It waits for the plan back.
    Preparing,
    /// It deletes; `next` is the next batch.
    Prune { next: usize, waiting: BTreeSet<ObjectId> },
    /// It has ended.
    Finished,
}

/// What follows a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    FirstWave,
    /// The wave that was left for the checkpoint, where it was left.
    Wave {
        index: usize,
        next_rank: usize,
        opened: Timestamp,
    },
    PrepareRollback,
    Prune,
    Finish(Box<Outcome>),
}

impl Sync {
    /// A run towards what Git wants.
    pub fn new(plan: &Plan, policy: Policy, context: Context) -> Self {
        Self::with_course(Course::of(plan), policy, context)
    }

    /// Puts the last healthy render back, as a process before this one had begun to do: the ledger's
    /// phase is [`crate::record::Phase::RollingBack`]. It begins with
    /// [`super::Effect::PrepareRollback`]; the context's render is the one that failed.
    pub fn resume_rollback(policy: Policy, context: Context) -> Self {
        let mut sync = Self::with_course(Course::default(), policy, context);
        sync.run.kind = RunKind::Rollback;
        sync
    }

    pub(super) fn with_course(course: Course, policy: Policy, context: Context) -> Self {
        let run = Run {
            render: context.render,
            kind: RunKind::Sync,
            started: Timestamp::UNIX_EPOCH,
            requested_by: context.requested_by.clone(),
        };
        let wrote = context.ledger.phase == Phase::Syncing;
        let records = Records {
            stored_ledger: context.ledger.clone(),
            found: context.ledger.clone(),
            found_bundle: context.is_stored,
            stored_inventory: context.inventory.clone(),
            ledger: context.ledger,
            inventory: context.inventory,
        };
        Self {
            application: context.application,
            requested_by: context.requested_by,
            policy,
            run,
            began: None,
            tally: Tally::of(&course),
            course,
            records,
            objects: BTreeMap::new(),
            baseline: context.baseline,
            in_flight: BTreeMap::new(),
            position: Position::New,
            failure: None,
            because: None,
            interrupted: false,
            waited: false,
            wrote,
            freed: BTreeSet::new(),
            not_pruned: Vec::new(),
            alarm: None,
        }
    }

    /// Whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.position == Position::Finished
    }

    /// Which run this is now: the sync's, or its rollback's.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What a restarted process is told about: the ledger as the machine would have it.
    pub fn ledger(&self) -> &Ledger {
        &self.records.ledger
    }
}
