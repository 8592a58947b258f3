//! What is told to people, one thing at a time: the lines of a piped run, the objects of `-o json`,
//! what live bars are fed with.

use std::fmt;

use jiff::Timestamp;
use merge::ObjectId;
use serde::{Deserialize, Serialize};

use crate::health::{Status, Trouble};
use crate::record::RunKind;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// What happened.
    pub kind: NoteKind,
    /// When.
    pub at: Timestamp,
    /// To which application.
    pub application: String,
    /// Which revision was being applied: a commit, or a digest where there is none.
    pub revision: String,
    /// Forward or back.
    pub run: RunKind,
    /// In which wave, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<i32>,
    /// To which object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectId>,
    /// What was done to it, in the plan's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Status>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// In one sentence.
    pub message: String,
    /// How far the wave is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

/// The kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoteKind {
    /// A run begins to write.
    Started,
    /// A wave begins.
    WaveStarted,
    /// An object was applied.
    Applied,
    /// An object was refused or could not be applied.
    ApplyFailed,
    /// An object's health changed.
    Health,
    /// An object was unhealthy before the run and is no concern of it.
    Ignored,
    /// A wave is healthy.
    WaveHealthy,
    /// A run failed.
    Failed,
    /// A render will not be tried again until Git changes it.
    Quarantined,
    /// Everything is watched for a while.
    Baking,
    /// The last healthy render is being put back.
    RollingBack,
    /// A pod was deleted that blocked a StatefulSet.
    PodFreed,
    /// An object was deleted.
    Pruned,
    /// An object could not be deleted.
    PruneFailed,
    /// Nothing more is begun; what is under way comes back first.
    Stopping,
    /// The run has ended.
    Finished,
}

impl NoteKind {
    /// The word people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::WaveStarted => "wave started",
            Self::Applied => "applied",
            Self::ApplyFailed => "apply failed",
            Self::Health => "health",
            Self::Ignored => "ignored",
            Self::WaveHealthy => "wave healthy",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Baking => "baking",
            Self::RollingBack => "rolling back",
            Self::PodFreed => "pod freed",
            Self::Pruned => "pruned",
            Self::PruneFailed => "prune failed",
            Self::Stopping => "stopping",
            Self::Finished => "finished",
        }
    }
}

/// How far a wave is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// How many objects are applied, those that needed no apply included.
    pub applied: usize,
    /// How many of them are healthy at the version that was applied.
    pub healthy: usize,
    /// How many there are.
    pub total: usize,
}

/// One line, without the time: `wave 1  applied  deployment.apps/web in shop: created`.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wave) = self.wave {
            write!(f, "wave {wave}  ")?;
        }
        let kind = self.kind.as_str();
        // The wave is named before it already.
        f.write_str(self.wave.and(kind.strip_prefix("wave ")).unwrap_or(kind))?;
        // A reason names its object already.
        let named = |object: &&ObjectId| !self.message.starts_with(&object.to_string());
        let object = self.object.as_ref().filter(named);
        if let Some(object) = object {
            write!(f, "  {object}")?;
        }
        if !self.message.is_empty() {
            let separator = if object.is_some() { ": " } else { "  " };
            write!(f, "{separator}{}", self.message)?;
        }
        match self.milliseconds {
            None => Ok(()),
            Some(short) if short < 1000 => write!(f, " ({short} ms)"),
            Some(long) => write!(f, " ({}.{} s)", long / 1000, long % 1000 / 100),
        }
    }
}
