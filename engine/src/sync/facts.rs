//! Taking in what happened. Nothing is decided here but what an event means for what is known.

use merge::ObjectId;

use super::event::{AppliedObject, Event, Failure};
use super::gating::is_at;
use super::note::NoteKind;
use super::outcome::{Blame, Reason, Stage};
use super::state::{Position, Sync, Then};
use super::{Turn, failing};
use crate::gate::{Expected, Observation};
use crate::plan::StepId;

impl Sync {
    pub(super) fn take_in(&mut self, event: Event, turn: &mut Turn) {
        match event {
            Event::Start => {
                if self.position == Position::New {
                    self.begin(turn);
                }
            }
            Event::Recorded => self.recorded(turn),
            Event::RecordFailed(failure) => self.record_failed(failure, turn),
            Event::Applied { step, result } => self.applied(step, result, turn),
            Event::Observed { id, observation } => self.observed(&id, observation, turn),
            Event::Gone { id, uid } => {
                self.gone(&id, uid.as_deref());
                self.settle(&id, turn.now);
            }
            Event::Blind(failure) => self.blind(failure),
            Event::Pruned { id, result } => self.pruned(&id, result, turn),
            Event::Freed { uid, result } => self.freed(&uid, result, turn),
            Event::RollbackReady { plan } => {
                if self.position == Position::Preparing {
                    if self.interrupted {
                        self.stop(turn);
                    } else {
                        self.begin_rollback(&plan, turn);
                    }
                }
            }
            Event::RollbackImpossible(failure) => {
                if self.position == Position::Preparing {
                    self.rollback_impossible(failure, turn);
                }
            }
            // A clock may tick early: ask again for what has not come.
            Event::Tick => self.alarm = None,
            Event::Interrupt => self.interrupt(turn),
        }
    }

    fn recorded(&mut self, turn: &mut Turn) {
        let Position::Recording { then } = &self.position else { return };
        let then = then.clone();
        self.waited = false;
        self.records.stored_ledger = self.records.ledger.clone();
        self.records.stored_inventory = self.records.inventory.clone();
        self.go_on(then, turn);
    }

    fn record_failed(&mut self, failure: Failure, turn: &mut Turn) {
        let Position::Recording { then } = &self.position else { return };
        let then = then.clone();
        let reason = Reason {
            stage: Stage::Record,
            blame: Blame::Surroundings,
            class: failure.class,
            wave: None,
            object: None,
            trouble: None,
            message: format!("what was decided could not be recorded: {}", failure.message),
            hint: failure.hint,
        };
        let outcome = match then {
            // These tell of something that did not work out already, which matters more.
            Then::Finish(outcome) if !failing::is_success(&outcome) => {
                let note = self.note(NoteKind::Failed, turn, &reason.message);
                turn.tell(note);
                *outcome
            }
            _ => self.failed_outcome(reason),
        };
        self.finish(outcome, turn);
    }

    fn applied(&mut self, id: StepId, result: Result<AppliedObject, Failure>, turn: &mut Turn) {
        let Some(asked) = self.in_flight.remove(&id) else { return };
        let Some(step) = self.course.step(id).cloned() else { return };
        match result {
            Ok(object) => {
                self.wrote = true;
                let tracked = self.objects.entry(step.object.clone()).or_default();
                tracked.expect(Expected {
                    uid: object.uid.clone(),
                    resource_version: object.resource_version,
                    generation: object.generation,
                    written: true,
                    since: turn.now,
                });
                if let Some(entry) = self.records.inventory.entries.get_mut(&step.object) {
                    entry.uid = Some(object.uid);
                    entry.settled = object.settled;
                }
                self.remember(&step.object, turn);
                self.settle(&step.object, turn.now);
                let note = self.step_note(NoteKind::Applied, &step, Some(asked), turn);
                turn.tell(note);
                self.tell_health(&step.object, turn);
            }
            Err(failure) => {
                let mut note = self.step_note(NoteKind::ApplyFailed, &step, Some(asked), turn);
                note.message.clone_from(&failure.message);
                turn.tell(note);
                let blame = Blame::of(failure.class);
                let reason = Reason {
                    stage: Stage::Apply,
                    blame,
                    class: failure.class,
                    wave: self.wave_number(id.wave),
                    message: format!("{}: {}", step.object, failure.message),
                    object: Some(step.object),
                    trouble: None,
                    hint: failure.hint,
                };
                // Of several failures of one rank, one that Git must mend says more.
                let weightier = blame == Blame::Render
                    && self.failure.as_ref().is_some_and(|it| it.blame == Blame::Surroundings);
                if self.failure.is_none() || weightier {
                    self.failure = Some(reason);
                }
            }
        }
    }

    fn observed(&mut self, id: &ObjectId, observation: Observation, turn: &mut Turn) {
        let tracked = self.objects.entry(id.clone()).or_default();
        // Two watches may report out of order: an older version says nothing new.
        let older = tracked.observation.as_ref().is_some_and(|known| {
            known.uid == observation.uid
                && is_at(&known.resource_version, &observation.resource_version).is_gt()
        });
        if older {
            return;
        }
        tracked.observation = Some(observation);
        self.remember(id, turn);
        self.settle(id, turn.now);
        self.tell_health(id, turn);
        self.free_stuck_pods(id, turn);
    }

    /// Nothing can be gated unseen. What has failed already matters more.
    fn blind(&mut self, failure: Failure) {
        let reason = Reason {
            stage: Stage::Gate,
            blame: Blame::Surroundings,
            class: failure.class,
            wave: None,
            object: None,
            trouble: None,
            message: format!("the objects can no longer be watched: {}", failure.message),
            hint: failure.hint,
        };
        self.failure.get_or_insert(reason);
    }

    fn gone(&mut self, id: &ObjectId, uid: Option<&str>) {
        let tracked = self.objects.entry(id.clone()).or_default();
        let seen = tracked.observation.as_ref().map(|it| it.uid.as_str());
        if uid.is_none() || uid == seen {
            tracked.observation = None;
        }
        tracked.deleted = uid.map(str::to_owned).or(tracked.deleted.take());
        if let Some(expected) = &tracked.expected
            && uid.is_none_or(|uid| uid == expected.uid)
        {
            tracked.gone = true;
        }
    }

    /// Takes an observation of the expected version into the memory of the object's troubles.
    pub(super) fn remember(&mut self, id: &ObjectId, turn: &Turn) {
        let Some(tracked) = self.objects.get_mut(id) else { return };
        let (Some(expected), Some(observation)) = (&tracked.expected, &tracked.observation) else {
            return;
        };
        if expected.is_met_by(observation) {
            tracked.memory.observe(&observation.health.trouble, expected.since, turn.now);
        }
    }

    fn pruned(&mut self, id: &ObjectId, result: Result<(), Failure>, turn: &mut Turn) {
        let Position::Prune { waiting, .. } = &mut self.position else { return };
        if !waiting.remove(id) {
            return;
        }
        let (kind, message) = match result {
            Ok(()) => {
                self.records.inventory.entries.remove(id);
                (NoteKind::Pruned, String::new())
            }
            Err(failure) => {
                self.not_pruned.push(id.clone());
                (NoteKind::PruneFailed, failure.message)
            }
        };
        let mut note = self.note(kind, turn, &message);
        note.object = Some(id.clone());
        note.action = Some("prune".to_owned());
        turn.tell(note);
    }

    /// A pod is tried once: what forbids its deletion forbids it the next time too.
    fn freed(&mut self, uid: &str, result: Result<(), Failure>, turn: &mut Turn) {
        if let Err(failure) = result
            && self.freed.contains(uid)
        {
            let message = format!("the pod that blocks it was not deleted: {}", failure.message);
            let note = self.note(NoteKind::PruneFailed, turn, &message);
            turn.tell(note);
        }
    }

    fn interrupt(&mut self, turn: &mut Turn) {
        if self.interrupted {
            return;
        }
        self.interrupted = true;
        let message = match self.in_flight.len() {
            0 => "nothing is under way".to_owned(),
            1 => "waiting for 1 request under way; once more does not wait".to_owned(),
            count => format!("waiting for {count} requests under way; once more does not wait"),
        };
        let note = self.note(NoteKind::Stopping, turn, &message);
        turn.tell(note);
    }
}
