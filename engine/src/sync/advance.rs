//! Moving as far as the facts carry. Each step of [`Sync::advance`] goes forward in the picture of
//! [`super`], so the loop over it ends.

use super::course::Course;
use super::effect::{Effect, Moment};
use super::note::NoteKind;
use super::outcome::Stage;
use super::state::{Position, Sync, Then};
use super::{Turn, telling};
use crate::gate::{Expected, later};
use crate::record::{Phase, RunKind};

impl Sync {
    /// One step, if there is one to take.
    pub(super) fn advance(&mut self, turn: &mut Turn) -> bool {
        if matches!(&self.position, Position::Prune { waiting, .. } if !waiting.is_empty()) {
            return false;
        }
        match self.position.clone() {
            Position::New => self.interrupted && self.stop(turn),
            Position::Recording { .. } | Position::Preparing | Position::Finished => false,
            Position::Wave { index, next_rank, opened } => {
                self.advance_wave(index, next_rank, opened, turn)
            }
            Position::Bake { opened } => self.advance_bake(opened, turn),
            Position::Prune { next, .. } => self.advance_prune(next, turn),
        }
    }

    /// What follows a checkpoint that is durable.
    pub(super) fn go_on(&mut self, then: Then, turn: &mut Turn) {
        match then {
            Then::FirstWave => self.open_wave(0, turn),
            Then::Wave { index, next_rank, opened } => {
                self.position = Position::Wave { index, next_rank, opened };
            }
            Then::PrepareRollback => {
                self.position = Position::Preparing;
                turn.effects.push(Effect::PrepareRollback {
                    to: self.run.render.clone(),
                    revoked: self.records.inventory.tentative(),
                });
            }
            Then::Prune => {
                self.position =
                    Position::Prune { next: 0, waiting: std::collections::BTreeSet::new() };
            }
            Then::Finish(outcome) => self.finish(*outcome, turn),
        }
    }

    /// Begins the wave at a position, or what follows the last.
    fn open_wave(&mut self, index: usize, turn: &mut Turn) {
        let Some(wave) = self.course.waves.get(index) else {
            return self.after_the_last_wave(turn);
        };
        self.position = Position::Wave { index, next_rank: 0, opened: turn.now };
        if self.interrupted {
            return;
        }
        let (number, total) = (wave.number, wave.steps().filter(|step| step.is_ours()).count());
        if let Ok(wave) = u32::try_from(index) {
            turn.effects.push(Effect::Observe { wave });
        }
        let mut note = self.note(NoteKind::WaveStarted, turn, &telling::objects(total));
        note.wave = Some(number);
        note.progress = Some(self.tally.progress(index));
        turn.tell(note);
    }

    fn advance_wave(
        &mut self,
        index: usize,
        next_rank: usize,
        opened: jiff::Timestamp,
        turn: &mut Turn,
    ) -> bool {
        if !self.in_flight.is_empty() {
            return false;
        }
        if let Some(reason) = self.failure.take() {
            self.fail(reason, turn);
            return true;
        }
        if self.interrupted {
            return self.stop(turn);
        }
        let deadline = later(opened, self.policy.timeout);
        let Some(wave) = self.course.waves.get(index) else {
            self.open_wave(index, turn);
            return true;
        };
        let gating = next_rank >= wave.ranks.len();
        let applied = Course::ranks(index, next_rank);
        let gate = self.gate(applied, |step| gating || step.opens_a_way(), turn.now);
        let (is_open, number) = (gate.is_open(), wave.number);
        if let Some(reason) = gate.failure(self, Stage::Gate, Some(number), deadline, turn.now) {
            self.fail(reason, turn);
            return true;
        }
        if !is_open {
            self.waited = true;
            return false;
        }
        if gating {
            let mut note = self.note(NoteKind::WaveHealthy, turn, "");
            note.wave = Some(number);
            note.progress = Some(self.tally.progress(index));
            note.milliseconds = Some(telling::milliseconds(opened, turn.now));
            turn.tell(note);
            self.tell_ignored(index, turn);
            self.open_wave(index + 1, turn);
        } else if self.waited && self.writes_in(index, next_rank) {
            self.renew_claim();
            self.record(Moment::Resume, None, Then::Wave { index, next_rank, opened }, turn);
        } else {
            self.apply_rank(index, next_rank, opened, turn);
        }
        true
    }

    fn writes_in(&self, index: usize, rank: usize) -> bool {
        let steps = self.course.waves.get(index).and_then(|wave| wave.ranks.get(rank));
        steps.is_some_and(|steps| steps.iter().any(|step| step.action.writes()))
    }

    /// Makes the next checkpoint write the ledger, which fails if another run has claimed it.
    fn renew_claim(&mut self) {
        self.records.ledger.fence += 1;
    }

    /// Begins every apply of a rank; what needs none is expected as it is.
    fn apply_rank(&mut self, index: usize, rank: usize, opened: jiff::Timestamp, turn: &mut Turn) {
        let steps = self.course.waves.get(index).and_then(|wave| wave.ranks.get(rank));
        for step in steps.cloned().unwrap_or_default() {
            if step.action.writes() {
                self.in_flight.insert(step.id, turn.now);
                turn.effects.push(Effect::Apply(step.id));
            } else if step.is_ours() {
                let tracked = self.objects.entry(step.object.clone()).or_default();
                tracked.expect(Expected {
                    uid: step.live_uid.unwrap_or_default(),
                    resource_version: step.live_version.unwrap_or_default(),
                    generation: None,
                    written: false,
                    since: turn.now,
                });
                self.remember(&step.object, turn);
                self.settle(&step.object, turn.now);
            }
        }
        self.position = Position::Wave { index, next_rank: rank + 1, opened };
    }

    fn after_the_last_wave(&mut self, turn: &mut Turn) {
        if self.run.kind == RunKind::Rollback || self.policy.bake.is_zero() {
            return self.before_pruning(turn);
        }
        let message = format!("watching for {}", telling::seconds(self.policy.bake));
        let note = self.note(NoteKind::Baking, turn, &message);
        turn.tell(note);
        self.position = Position::Bake { opened: turn.now };
    }

    fn advance_bake(&mut self, opened: jiff::Timestamp, turn: &mut Turn) -> bool {
        if let Some(reason) = self.failure.take() {
            self.fail(reason, turn);
            return true;
        }
        if self.interrupted {
            return self.stop(turn);
        }
        let gate = self.gate(Course::everything(), |_| true, turn.now);
        let is_open = gate.is_open();
        let baked = later(opened, self.policy.bake);
        let deadline = later(baked, self.policy.timeout);
        if let Some(reason) = gate.failure(self, Stage::Bake, None, deadline, turn.now) {
            self.fail(reason, turn);
            return true;
        }
        if turn.now < baked || !is_open {
            self.waited = true;
            return false;
        }
        self.before_pruning(turn);
        true
    }

    /// Everything is healthy. If something is to be deleted, that this render is the last healthy one
    /// is recorded first: from the first deletion on there is no way back to the one before.
    fn before_pruning(&mut self, turn: &mut Turn) {
        if self.course.prunes.is_empty() {
            return self.complete(turn);
        }
        if self.run.kind == RunKind::Sync {
            self.records.ledger.last_healthy = Some(self.run.render.clone());
        }
        if self.waited {
            self.renew_claim();
        }
        self.record(Moment::Prune, None, Then::Prune, turn);
    }

    fn advance_prune(&mut self, next: usize, turn: &mut Turn) -> bool {
        if self.interrupted {
            return self.stop(turn);
        }
        let Some(batch) = self.course.prunes.get(next) else {
            self.complete(turn);
            return true;
        };
        let waiting = batch.iter().map(|prune| prune.id.clone()).collect();
        turn.effects.extend(batch.iter().cloned().map(Effect::Prune));
        self.position = Position::Prune { next: next + 1, waiting };
        true
    }

    /// Begins the run: announces it, or ends at once if there is nothing to do and nothing to say.
    pub(super) fn begin(&mut self, turn: &mut Turn) {
        self.began = Some(turn.now);
        self.run.started = telling::whole_second(turn.now);
        if self.run.kind == RunKind::Rollback {
            return self.begin_resumed_rollback(turn);
        }
        let ledger = &self.records.ledger;
        let is_last =
            ledger.last_healthy.as_ref().is_some_and(|it| it.digest == self.run.render.digest);
        let announced = self.announced();
        let settled = self.settled(&announced);
        if ledger.phase == Phase::Idle
            && is_last
            && self.records.found_bundle
            && self.course.is_noop()
            && settled.adds_nothing_to(&self.records.stored_inventory)
        {
            return self.finish(super::Outcome::NoChange, turn);
        }
        // Even if it is named by the ledger: somebody may have deleted it since.
        let bundle = Some(self.run.render.digest);
        self.records.inventory = announced;
        self.records.ledger.epoch += 1;
        self.records.ledger.phase = Phase::Syncing;
        self.records.ledger.current = Some(self.run.clone());
        let total = self.course.steps().filter(|step| step.is_ours()).count();
        let writes = self.course.steps().filter(|step| step.action.writes()).count();
        let message = format!(
            "{} in {}, {writes} to apply, {} to prune",
            telling::objects(total),
            telling::counted(self.course.waves.len(), "wave"),
            self.course.prunes.iter().map(Vec::len).sum::<usize>(),
        );
        let note = self.note(NoteKind::Started, turn, &message);
        turn.tell(note);
        self.record(Moment::Begin, bundle, Then::FirstWave, turn);
    }
}
