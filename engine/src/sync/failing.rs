//! What follows a failure: who is to blame decides whether anything is put back.

use std::collections::BTreeMap;

use merge::{ErrorClass, ObjectId};

use super::course::Course;
use super::effect::Moment;
use super::event::Failure;
use super::note::NoteKind;
use super::outcome::{Blame, Hold, Outcome, Reason, Stage};
use super::state::{Sync, Then};
use super::tally::Tally;
use super::{Turn, telling};
use crate::gate::Ailing;
use crate::plan::Plan;
use crate::policy::OnFailure;
use crate::record::{Ended, Phase, Render, Run, RunKind};

/// Whether an outcome is what the user wanted.
pub(super) fn is_success(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Healthy { .. } | Outcome::NoChange | Outcome::RolledBack { .. })
}

impl Sync {
    /// The run failed; nothing is in flight.
    pub(super) fn fail(&mut self, reason: Reason, turn: &mut Turn) {
        let mut note = self.note(NoteKind::Failed, turn, &reason.message);
        note.wave = reason.wave;
        note.object.clone_from(&reason.object);
        note.trouble.clone_from(&reason.trouble);
        turn.tell(note);
        // An object refused before anything was written leaves nothing to undo.
        let untouched =
            reason.stage == Stage::Apply && !self.wrote && self.run.kind == RunKind::Sync;
        if reason.blame == Blame::Render && untouched {
            self.records.ledger.phase = self.records.found.phase;
        }
        if reason.blame == Blame::Surroundings || untouched {
            let outcome = self.failed_outcome(reason.clone());
            return self.end(Ended::Failed, Some(reason.message), outcome, turn);
        }
        if self.run.kind == RunKind::Rollback {
            return self.hold(Hold::RollbackFailed { failure: Box::new(reason) }, turn);
        }
        self.because = Some(reason.clone());
        if self.policy.on_failure == OnFailure::Hold {
            return self.hold(Hold::Policy, turn);
        }
        match self.records.ledger.last_healthy.clone() {
            None => self.hold(Hold::NoHealthyRender, turn),
            Some(render) if render.digest == self.run.render.digest => {
                self.hold(Hold::IsLastHealthy, turn);
            }
            Some(render) => self.roll_back(render, reason, turn),
        }
    }

    fn roll_back(&mut self, to: Render, reason: Reason, turn: &mut Turn) {
        self.quarantine(&reason, turn);
        self.records.ledger.conclude(
            Ended::RolledBack,
            Some(reason.message),
            telling::whole_second(turn.now),
        );
        let bad = std::mem::replace(&mut self.run.render, to);
        self.announce_rollback(turn);
        let message =
            format!("from {} to {}", telling::render(&bad), telling::render(&self.run.render));
        let note = self.note(NoteKind::RollingBack, turn, &message);
        turn.tell(note);
        self.record(Moment::RollBack, None, Then::PrepareRollback, turn);
    }

    /// A process before this one was rolling back when it ended.
    pub(super) fn begin_resumed_rollback(&mut self, turn: &mut Turn) {
        let ledger = &self.records.ledger;
        let quarantined = ledger.quarantined.last();
        let message = quarantined.map_or_else(
            || "a run before this one failed and was being rolled back".to_owned(),
            |quarantined| quarantined.reason.clone(),
        );
        self.because = Some(Reason {
            stage: Stage::Gate,
            blame: Blame::Render,
            class: ErrorClass::User,
            wave: None,
            object: None,
            trouble: None,
            message,
            hint: None,
        });
        let Some(to) = ledger.last_healthy.clone() else {
            return self.hold(Hold::NoHealthyRender, turn);
        };
        self.run.render = to;
        self.announce_rollback(turn);
        let message = format!("to {}, as was begun before", telling::render(&self.run.render));
        let note = self.note(NoteKind::RollingBack, turn, &message);
        turn.tell(note);
        self.record(Moment::RollBack, None, Then::PrepareRollback, turn);
    }

    fn announce_rollback(&mut self, turn: &Turn) {
        self.run = Run {
            render: self.run.render.clone(),
            kind: RunKind::Rollback,
            started: telling::whole_second(turn.now),
            requested_by: self.requested_by.clone(),
        };
        self.records.ledger.epoch += 1;
        self.records.ledger.phase = Phase::RollingBack;
        self.records.ledger.current = Some(self.run.clone());
    }

    /// The plan back is there: the waves begin anew. What the failed run made ill is given the whole
    /// deadline to heal, not a grace that began long ago.
    pub(super) fn begin_rollback(&mut self, plan: &Plan, turn: &mut Turn) {
        self.course = Course::of(plan);
        self.baseline = self.ailing_now();
        for tracked in self.objects.values_mut() {
            *tracked = super::state::Tracked {
                observation: tracked.observation.take(),
                ..super::state::Tracked::default()
            };
        }
        self.tally = Tally::of(&self.course);
        self.wrote = false;
        self.failure = None;
        self.alarm = None;
        self.records.inventory = self.announced();
        self.record(Moment::BeginRollback, None, Then::FirstWave, turn);
    }

    fn ailing_now(&self) -> BTreeMap<ObjectId, Ailing> {
        let seen = self.objects.iter().filter_map(|(id, tracked)| {
            let observation = tracked.observation.as_ref()?;
            let well = observation.health.status.is_well();
            let ailing =
                Ailing { uid: observation.uid.clone(), health: observation.health.clone() };
            (!well).then(|| (id.clone(), ailing))
        });
        seen.collect()
    }

    pub(super) fn rollback_impossible(&mut self, failure: Failure, turn: &mut Turn) {
        if failure.class == ErrorClass::Transient {
            let reason = Reason {
                stage: Stage::Apply,
                blame: Blame::Surroundings,
                class: failure.class,
                wave: None,
                object: None,
                trouble: None,
                message: format!("the rollback could not be planned: {}", failure.message),
                hint: failure.hint,
            };
            return self.fail(reason, turn);
        }
        self.hold(Hold::Impossible { failure }, turn);
    }

    /// Leaves everything as it is, for a person. What fails although it was healthy before is not
    /// quarantined: its surroundings have changed, and Git has nothing to mend.
    fn hold(&mut self, hold: Hold, turn: &mut Turn) {
        let Some(because) = self.because.clone() else { return };
        if self.run.kind == RunKind::Sync && hold != Hold::IsLastHealthy {
            self.quarantine(&because, turn);
        }
        self.records.ledger.phase = Phase::Held;
        let why = format!("{}; {hold}", because.message);
        let outcome = Outcome::Held { because: Box::new(because), hold };
        self.end(Ended::Held, Some(why), outcome, turn);
    }

    fn quarantine(&mut self, reason: &Reason, turn: &mut Turn) {
        let render = self.run.render.clone();
        let message =
            format!("{} is not tried again until Git changes it", telling::render(&render));
        let at = telling::whole_second(turn.now);
        self.records.ledger.quarantine(render, reason.message.clone(), at);
        let note = self.note(NoteKind::Quarantined, turn, &message);
        turn.tell(note);
    }

    /// The outcome of a failure of the surroundings.
    pub(super) fn failed_outcome(&self, because: Reason) -> Outcome {
        let (applied, not_applied) = self.applied_and_not();
        Outcome::Failed { because: Box::new(because), applied, not_applied }
    }
}
