//! A run on a terminal: a bar a wave, kept up to date below the lines of what happened.
//!
//! [`Progress`] is what is known (fed with the plan and with notes), [`view`] draws it into a buffer,
//! [`Live`] is the part of the terminal it is drawn on: a few lines at the bottom, never the whole
//! screen, so that what scrolled by stays readable.

mod live;
mod view;

use std::collections::BTreeMap;

use engine::plan::Plan;
use engine::record::RunKind;
use engine::sync::{Note, NoteKind};
use merge::ObjectId;

pub use live::{Live, give_back};
pub use view::{HEIGHT, view};

/// How a wave stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaveState {
    /// Its turn has not come.
    Waiting,
    /// Its objects are applied, or awaited.
    Running,
    /// Everything in it is healthy.
    Healthy,
    /// Something in it failed.
    Failed,
}

/// One wave's bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveBar {
    /// The wave's number.
    pub number: i32,
    /// How it stands.
    pub state: WaveState,
    /// Objects applied, those that needed none included.
    pub applied: usize,
    /// Objects healthy at the version that was applied.
    pub healthy: usize,
    /// All objects.
    pub total: usize,
    /// What it waits for, by object.
    waiting: BTreeMap<ObjectId, String>,
}

impl WaveBar {
    /// One thing it waits for, and how many more there are.
    pub fn waits_for(&self) -> Option<(String, usize)> {
        let (id, why) = self.waiting.iter().next()?;
        let text = if why.is_empty() { id.to_string() } else { format!("{id}: {why}") };
        Some((text, self.waiting.len() - 1))
    }
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The waves in order.
    pub waves: Vec<WaveBar>,
    /// What the run as a whole is doing, in a few words.
    pub headline: String,
    rollback: bool,
}

impl Progress {
    /// A plan is about to be carried out, or a rollback's plan in its place.
    pub fn planned(&mut self, plan: &Plan) {
        let waves = plan.waves.iter().map(|wave| WaveBar {
            number: wave.number,
            state: WaveState::Waiting,
            applied: 0,
            healthy: 0,
            total: wave.ranks.iter().map(|rank| rank.steps.len()).sum(),
            waiting: BTreeMap::new(),
        });
        self.waves = waves.collect();
    }

    /// One thing happened.
    pub fn note(&mut self, note: &Note) {
        self.rollback = note.run == RunKind::Rollback;
        if let Some(wave) =
            note.wave.and_then(|number| self.waves.iter_mut().find(|it| it.number == number))
        {
            wave.note(note);
        }
        match note.kind {
            NoteKind::Started
            | NoteKind::Baking
            | NoteKind::RollingBack
            | NoteKind::Stopping
            | NoteKind::Failed
            | NoteKind::Finished => {
                self.headline = format!("{}  {}", note.kind.as_str(), note.message);
            }
            _ => {}
        }
    }

    /// Whether what is shown is a rollback.
    pub fn is_rollback(&self) -> bool {
        self.rollback
    }
}

impl WaveBar {
    fn note(&mut self, note: &Note) {
        if let Some(progress) = note.progress {
            (self.applied, self.healthy, self.total) =
                (progress.applied, progress.healthy, progress.total);
        }
        match note.kind {
            NoteKind::WaveStarted | NoteKind::Applied => self.state = WaveState::Running,
            NoteKind::WaveHealthy => {
                self.state = WaveState::Healthy;
                (self.applied, self.healthy) = (self.total, self.total);
                self.waiting.clear();
            }
            NoteKind::Failed | NoteKind::ApplyFailed => self.state = WaveState::Failed,
            _ => {}
        }
        let (Some(id), Some(health)) = (&note.object, note.health) else { return };
        if health.is_well() {
            self.waiting.remove(id);
        } else if note.kind == NoteKind::Health {
            self.waiting.insert(id.clone(), note.message.clone());
        }
    }
}

#[cfg(test)]
mod tests;
