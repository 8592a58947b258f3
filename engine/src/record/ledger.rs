//! The state of an application: what runs, what was healthy last, what must not be tried again.

use jiff::Timestamp;
use merge::Digest;
use serde::{Deserialize, Serialize};

use super::form::{self, RecordError};

/// How many ended runs are remembered.
pub const HISTORY_LIMIT: usize = 20;

/// The durable state of one application. It is the write-ahead log of a sync: every phase is
/// recorded before the first write that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Grows by one with every run that begins to write; a claim by compare-and-swap.
    pub epoch: u64,
    /// Grows whenever a run goes on writing after it waited: by the compare-and-swap of the ledger it
    /// learns there whether another run has claimed the application meanwhile.
    #[serde(default)]
    pub fence: u64,
    /// What is going on.
    pub phase: Phase,
    /// The run that is under way, was interrupted, or was the last to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Run>,
    /// The render that passed its gates and its bake last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_healthy: Option<Render>,
    /// Renders that failed. They are refused until Git renders something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
    /// The last runs that ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// What is going on with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Nothing: the last run, if there was one, ended and the cluster has what it was given.
    #[default]
    Idle,
    /// A render is being applied, gated or baked, or was when its process ended.
    Syncing,
    /// The last healthy render is being put back, or was when the process ended.
    RollingBack,
    /// A run failed and nothing was put back: a person must look.
    Held,
}

/// A render by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Render {
    /// Names it.
    pub digest: Digest,
    /// The commit it came from, if it came from Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Whether a run goes forward or puts back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunKind {
    /// Towards what Git wants.
    Sync,
    /// Back to the last healthy render.
    Rollback,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// What it brings about.
    #[serde(flatten)]
    pub render: Render,
    /// Forward or back.
    pub kind: RunKind,
    /// When it began.
    pub started: Timestamp,
    /// Who asked for it.
    pub requested_by: String,
}

/// A render that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The render.
    #[serde(flatten)]
    pub render: Render,
    /// Why, in one sentence.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub outcome: Ended,
    /// Why, when it did not end healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// It became the last healthy render, or put it back.
    Healthy,
    /// It failed, and the last healthy render was to be put back.
    RolledBack,
    /// It failed, and was left as it is.
    Held,
    /// It stopped before its end and can be continued.
    Interrupted,
    /// The surroundings failed it: it can be tried again.
    Failed,
}

impl Ledger {
    /// Reads what [`Ledger::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        form::read("ledger", bytes)
    }

    /// Its canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        form::write("ledger", self)
    }

    /// The quarantine of a render, if it is in one.
    pub fn quarantine_of(&self, digest: Digest) -> Option<&Quarantined> {
        self.quarantined.iter().find(|entry| entry.render.digest == digest)
    }

    /// Puts a render in quarantine; a second failure of it replaces the first.
    pub fn quarantine(&mut self, render: Render, reason: String, at: Timestamp) {
        self.release(render.digest);
        self.quarantined.push(Quarantined { render, reason, at });
        let excess = self.quarantined.len().saturating_sub(HISTORY_LIMIT);
        self.quarantined.drain(..excess);
    }

    /// Takes a render out of quarantine: it became healthy after all.
    pub fn release(&mut self, digest: Digest) {
        self.quarantined.retain(|entry| entry.render.digest != digest);
    }

    /// Remembers that the current run ended.
    pub fn conclude(&mut self, outcome: Ended, reason: Option<String>, ended: Timestamp) {
        let Some(run) = self.current.clone() else { return };
        self.history.push(HistoryEntry { run, ended, outcome, reason });
        let excess = self.history.len().saturating_sub(HISTORY_LIMIT);
        self.history.drain(..excess);
    }
}
