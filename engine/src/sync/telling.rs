//! The words of notes.

use std::time::Duration;

use jiff::Timestamp;
use merge::ObjectId;

use super::Turn;
use super::course::{CourseStep, CourseWave};
use super::effect::Effect;
use super::note::{Note, NoteKind};
use super::outcome::Outcome;
use super::state::Sync;
use crate::gate::Gate;
use crate::health::{Health, TroubleClass};
use crate::plan::Action;
use crate::record::Render;

impl Turn {
    pub(super) fn tell(&mut self, note: Note) {
        self.effects.push(Effect::Note(Box::new(note)));
    }
}

impl Sync {
    pub(super) fn note(&self, kind: NoteKind, turn: &Turn, message: &str) -> Note {
        Note {
            kind,
            at: turn.now,
            application: self.application.to_string(),
            revision: self
                .run
                .render
                .revision
                .clone()
                .unwrap_or_else(|| self.run.render.digest.short()),
            run: self.run.kind,
            wave: None,
            object: None,
            action: None,
            health: None,
            trouble: None,
            message: message.to_owned(),
            progress: None,
            milliseconds: None,
        }
    }

    pub(super) fn wave_number(&self, position: u32) -> Option<i32> {
        let position = usize::try_from(position).ok()?;
        self.course.waves.get(position).map(|wave| wave.number)
    }

    /// A note about a step.
    pub(super) fn step_note(
        &self,
        kind: NoteKind,
        step: &CourseStep,
        asked: Option<Timestamp>,
        turn: &Turn,
    ) -> Note {
        let message = match step.action {
            Action::Create => "created",
            Action::Update => "updated",
            Action::Adopt => "adopted",
            Action::Observe | Action::Unchanged => "unchanged",
        };
        let mut note = self.note(kind, turn, message);
        note.wave = self.wave_number(step.id.wave);
        note.object = Some(step.object.clone());
        note.action = Some(step.action.as_str().to_owned());
        note.progress = usize::try_from(step.id.wave).ok().map(|index| self.tally.progress(index));
        note.milliseconds = asked.map(|asked| milliseconds(asked, turn.now));
        note
    }

    /// Tells of an object's health when it is another than was told last, once it is at the version
    /// that counts.
    pub(super) fn tell_health(&mut self, id: &ObjectId, turn: &mut Turn) {
        let Some(tracked) = self.objects.get_mut(id) else { return };
        let (Some(expected), Some(observation)) = (&tracked.expected, &tracked.observation) else {
            return;
        };
        let health = observation.health.clone();
        let now = (health.status, news(&health));
        if !expected.is_met_by(observation) || tracked.told.as_ref() == Some(&now) {
            return;
        }
        tracked.told = Some(now);
        let step = self.tally.place(id).and_then(|place| self.course.step(place)).cloned();
        let Some(step) = step else { return };
        let mut note = self.step_note(NoteKind::Health, &step, None, turn);
        note.action = None;
        note.message = if health.message.is_empty() {
            health.status.to_string()
        } else {
            format!("{}: {}", health.status, health.message)
        };
        note.health = Some(health.status);
        note.trouble = health.trouble.into_iter().next();
        turn.tell(note);
    }

    /// Tells, once an object, what was let pass because it was ill before.
    pub(super) fn tell_ignored(&mut self, wave: usize, turn: &mut Turn) {
        let steps: Vec<_> =
            self.course.waves.get(wave).into_iter().flat_map(CourseWave::steps).cloned().collect();
        for step in &steps {
            let Some(tracked) = self.objects.get(&step.object) else { continue };
            if tracked.told_ignored || self.judge(&step.object, tracked, turn.now) != Gate::Ignored
            {
                continue;
            }
            let mut note = self.step_note(NoteKind::Ignored, step, None, turn);
            let health = tracked.observation.as_ref().map(|it| it.health.clone());
            "it was unhealthy before, and nothing was changed about it"
                .clone_into(&mut note.message);
            note.health = health.as_ref().map(|health| health.status);
            note.trouble = health.and_then(|health| health.trouble.into_iter().next());
            turn.tell(note);
            if let Some(tracked) = self.objects.get_mut(&step.object) {
                tracked.told_ignored = true;
            }
        }
    }
}

/// What of an object's health is news when it differs. A pod that fails to pull alternates between
/// two wordings for as long as it fails, and that is one thing to tell; a further restart is another.
fn news(health: &Health) -> String {
    let Some(trouble) = health.trouble.first() else { return health.message.clone() };
    let place = (&trouble.container, &trouble.image);
    match trouble.class {
        TroubleClass::NotReady => health.message.clone(),
        TroubleClass::ImageNotFound | TroubleClass::ImagePull => format!("pull {place:?}"),
        _ => format!("{:?} {place:?}", trouble.class),
    }
}

/// One sentence about an end.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Healthy { not_pruned } if not_pruned.is_empty() => "healthy".to_owned(),
        Outcome::Healthy { not_pruned } => {
            format!("healthy; {} could not be deleted", objects(not_pruned.len()))
        }
        Outcome::NoChange => "nothing to do: everything is as Git wants it".to_owned(),
        // Why was told when it failed, and is part of the outcome.
        Outcome::RolledBack { to, .. } => format!("rolled back to {}", render(to)),
        Outcome::Held { because, hold } => {
            format!("HELD, nothing was put back, since {hold}. It failed because {because}")
        }
        Outcome::Interrupted { applied, not_applied } => format!(
            "interrupted: {} applied, {} not; run again to continue",
            objects(applied.len()),
            not_applied.len()
        ),
        Outcome::Failed { because, .. } => format!("failed: {because}"),
    }
}

/// A render in a few letters: its commit's, or its digest's.
pub(super) fn render(render: &Render) -> String {
    match &render.revision {
        Some(revision) => format!("revision {}", revision.chars().take(12).collect::<String>()),
        None => format!("render {}", render.digest.short()),
    }
}

/// `1 object`, `3 objects`.
pub(super) fn objects(count: usize) -> String {
    counted(count, "object")
}

/// `1 wave`, `3 waves`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `90 s`, `0.5 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// How long it is between two times; zero if the clock went back.
pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}

/// Times are kept to the second, as Kubernetes keeps them.
pub(super) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
