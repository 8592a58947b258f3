//! Records and ends: what is made durable when, and how a run comes to its one end.

use std::collections::BTreeSet;

use merge::{Digest, ObjectId};

use super::effect::{Checkpoint, Effect, Moment};
use super::note::NoteKind;
use super::outcome::Outcome;
use super::state::{Position, Sync, Then};
use super::{Turn, telling};
use crate::plan::Action;
use crate::record::{Ended, Entry, Inventory, Phase, RunKind};

impl Sync {
    /// Asks for a checkpoint, and waits for it. If everything is stored as it should be, nothing is
    /// written and the run goes on at once.
    pub(super) fn record(
        &mut self,
        moment: Moment,
        bundle: Option<Digest>,
        then: Then,
        turn: &mut Turn,
    ) {
        let records = &self.records;
        let inventory =
            (records.inventory != records.stored_inventory).then(|| records.inventory.clone());
        if inventory.is_none() && bundle.is_none() && records.ledger == records.stored_ledger {
            return self.go_on(then, turn);
        }
        let current = records.ledger.current.as_ref().map(|run| run.render.digest);
        let last = records.ledger.last_healthy.as_ref().map(|render| render.digest);
        // What was applied before this run, and what failed while it is not undone, is what a next
        // plan compares with.
        let before = records.stored_ledger.current.as_ref().map(|run| run.render.digest);
        let before = before.filter(|_| moment != Moment::End);
        let failed = records.ledger.quarantined.last().map(|entry| entry.render.digest);
        let failed = failed.filter(|_| records.ledger.phase == Phase::RollingBack);
        let keep = [current, last, before, failed].into_iter().flatten().collect();
        let ledger = records.ledger.clone();
        self.position = Position::Recording { then };
        let checkpoint = Checkpoint { moment, ledger, inventory, bundle, keep };
        turn.effects.push(Effect::Record(Box::new(checkpoint)));
    }

    /// The inventory before the first write: everything recorded, and everything that is about to be
    /// applied.
    pub(super) fn announced(&self) -> Inventory {
        let mut inventory = self.records.inventory.clone();
        for step in self.course.steps().filter(|step| step.is_ours()) {
            let recorded = inventory.entries.get(&step.object);
            let vouched = recorded.filter(|entry| {
                !step.action.writes() && entry.desired == step.desired && entry.uid == step.live_uid
            });
            let created = step.action == Action::Create;
            let entry = Entry {
                api_version: step.api_version.clone(),
                uid: step.live_uid.clone(),
                desired: step.desired,
                settled: step.settled.or_else(|| vouched.and_then(|entry| entry.settled)),
                tentative: created || recorded.is_some_and(|entry| entry.tentative),
                adopted: step.action == Action::Adopt
                    || recorded.is_some_and(|entry| entry.adopted),
            };
            inventory.entries.insert(step.object.clone(), entry);
        }
        inventory
    }

    /// The inventory after a run that ended well: what is applied, and what stays although Git no
    /// longer has it. Nothing is tentative, or newly adopted, any more.
    pub(super) fn settled(&self, inventory: &Inventory) -> Inventory {
        let applied: BTreeSet<&ObjectId> = self
            .course
            .steps()
            .filter(|step| step.is_ours())
            .map(|step| &step.object)
            .chain(&self.course.withheld)
            .chain(&self.not_pruned)
            .collect();
        let entries = inventory.entries.iter().filter(|(id, _)| applied.contains(id));
        let proven = entries.map(|(id, entry)| {
            (id.clone(), Entry { tentative: false, adopted: false, ..entry.clone() })
        });
        Inventory { entries: proven.collect() }
    }

    /// The run reached its end and everything is healthy.
    pub(super) fn complete(&mut self, turn: &mut Turn) {
        self.records.inventory = self.settled(&self.records.inventory);
        let render = self.run.render.clone();
        self.records.ledger.phase = Phase::Idle;
        self.records.ledger.release(render.digest);
        self.records.ledger.last_healthy = Some(render.clone());
        let not_pruned = std::mem::take(&mut self.not_pruned);
        let outcome = match (self.run.kind, self.because.clone()) {
            (RunKind::Rollback, Some(because)) => {
                Outcome::RolledBack { because: Box::new(because), to: render, not_pruned }
            }
            _ => Outcome::Healthy { not_pruned },
        };
        self.end(Ended::Healthy, None, outcome, turn);
    }

    /// The user wants it to stop, and nothing is in flight. The ledger's phase stays: it says what is
    /// to be continued.
    pub(super) fn stop(&mut self, turn: &mut Turn) -> bool {
        let (applied, not_applied) = self.applied_and_not();
        let outcome = Outcome::Interrupted { applied, not_applied };
        if self.position == Position::New {
            self.finish(outcome, turn);
        } else {
            self.end(Ended::Interrupted, None, outcome, turn);
        }
        true
    }

    /// What of the course is applied or needed no apply, and what is not.
    pub(super) fn applied_and_not(&self) -> (Vec<ObjectId>, Vec<ObjectId>) {
        let steps = self.course.steps().filter(|step| step.is_ours());
        let objects = steps.map(|step| (step, step.object.clone()));
        let (applied, not_applied): (Vec<_>, Vec<_>) = objects.partition(|(step, id)| {
            !step.action.writes()
                || self.objects.get(id).is_some_and(|tracked| tracked.expected.is_some())
        });
        let ids = |steps: Vec<(_, ObjectId)>| steps.into_iter().map(|(_, id)| id).collect();
        (ids(applied), ids(not_applied))
    }

    /// Ends the run once its end is recorded.
    pub(super) fn end(
        &mut self,
        ended: Ended,
        reason: Option<String>,
        outcome: Outcome,
        turn: &mut Turn,
    ) {
        let now = telling::whole_second(turn.now);
        self.records.ledger.conclude(ended, reason, now);
        self.record(Moment::End, None, Then::Finish(Box::new(outcome)), turn);
    }

    pub(super) fn finish(&mut self, outcome: Outcome, turn: &mut Turn) {
        let mut note = self.note(NoteKind::Finished, turn, &telling::outcome(&outcome));
        note.milliseconds = self.began.map(|began| telling::milliseconds(began, turn.now));
        turn.tell(note);
        self.position = Position::Finished;
        turn.effects.push(Effect::Finish(Box::new(outcome)));
    }
}
