//! How a run ends, and why it does not end well.

use std::fmt;

use merge::{ErrorClass, ObjectId};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::health::Trouble;
use crate::record::Render;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// The render is applied, healthy and baked: it is the last healthy one now.
    #[serde(rename_all = "camelCase")]
    Healthy {
        /// Objects that could not be deleted. The next sync tries again.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_pruned: Vec<ObjectId>,
    },
    /// There was nothing to do, and nothing was written.
    NoChange,
    /// The render failed; the last healthy one is back and healthy.
    #[serde(rename_all = "camelCase")]
    RolledBack {
        /// Why the render failed.
        because: Box<Reason>,
        /// What is running again.
        to: Render,
        /// Objects of the failed render that could not be deleted.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_pruned: Vec<ObjectId>,
    },
    /// The render failed and everything was left as it is: a person must look.
    Held {
        /// Why the render failed.
        because: Box<Reason>,
        /// Why nothing was put back.
        hold: Hold,
    },
    /// It was stopped. The same command continues it.
    #[serde(rename_all = "camelCase")]
    Interrupted {
        /// What was applied or already was as it should be.
        applied: Vec<ObjectId>,
        /// What was not.
        not_applied: Vec<ObjectId>,
    },
    /// The surroundings failed it, not the render: it can be tried again.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// What failed.
        because: Box<Reason>,
        /// What was applied or already was as it should be.
        applied: Vec<ObjectId>,
        /// What was not.
        not_applied: Vec<ObjectId>,
    },
}

/// Why nothing was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "hold")]
pub enum Hold {
    /// The policy says so.
    Policy,
    /// No render has been healthy yet.
    NoHealthyRender,
    /// What failed is the last healthy render itself: its surroundings have changed.
    IsLastHealthy,
    /// The plan back could not be made.
    Impossible {
        /// Why.
        failure: Failure,
    },
    /// The rollback failed too. There is never a second one.
    RollbackFailed {
        /// Why.
        failure: Box<Reason>,
    },
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("the policy is to hold"),
            Self::NoHealthyRender => f.write_str("no revision has been healthy yet"),
            Self::IsLastHealthy => f.write_str("this is the last healthy revision itself"),
            Self::Impossible { failure } => {
                write!(f, "the last healthy revision cannot be put back: {}", failure.message)
            }
            Self::RollbackFailed { failure } => write!(f, "the rollback failed too: {failure}"),
        }
    }
}

/// Where in a run something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Making something durable.
    Record,
    /// Applying a wave.
    Apply,
    /// Waiting for a wave's health.
    Gate,
    /// Watching the whole for a while.
    Bake,
}

/// Whether the render is at fault. Only then is it quarantined and something put back: a server that
/// is away, a missing right or somebody else's deletion is no reason to undo a good revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Blame {
    /// Git must change.
    Render,
    /// It may succeed another time.
    Surroundings,
}

impl Blame {
    /// Who is to blame for a failed apply. A refused object is the render's fault; a conflict is a
    /// race with another writer, and the next plan sees what it wrote.
    pub const fn of(class: ErrorClass) -> Self {
        match class {
            ErrorClass::User => Self::Render,
            ErrorClass::Config
            | ErrorClass::Transient
            | ErrorClass::Conflict
            | ErrorClass::Internal => Self::Surroundings,
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Where.
    pub stage: Stage,
    /// Who is to blame.
    pub blame: Blame,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// In which wave, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<i32>,
    /// The object that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectId>,
    /// What was wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// In one sentence, naming object and image where there are any.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
