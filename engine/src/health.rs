//! The health of an object, read from the object and from what it owns. A function of values: no
//! cluster, no clock.
//!
//! ```text
//! object ─┐                              ┌─ status   one word
//!         ├─ assess ── kind's own file ──┼─ message  one sentence for 3 a.m.
//! related ┘                              └─ trouble  the reasons, in the pods' own words
//! ```
//!
//! A workload answers for the pods of its *current* template only: what the template before left
//! behind neither helps nor harms it. How long trouble is tolerated is not decided here but in
//! [`crate::gate`].

mod trouble;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use trouble::{Trouble, TroubleClass};

/// How an object is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// It is what its specification asks for.
    Healthy,
    /// It is on its way there.
    Progressing,
    /// It is not, and does not get there by itself, as far as can be seen.
    Degraded,
    /// It was told to stand still.
    Suspended,
    /// It is not in the cluster.
    Missing,
    /// Nothing about it tells.
    Unknown,
}

impl Status {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Suspended => "Suspended",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// In one word.
    pub status: Status,
    /// In one sentence.
    pub message: String,
    /// What is wrong, the worst first; empty when nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<Trouble>,
}

/// What else of the cluster an object's health is read from. Everything may be given: each kind
/// picks its own by owner, by uid.
#[derive(Debug, Clone, Copy, Default)]
pub struct Related<'a> {
    /// Pods.
    pub pods: &'a [&'a Value],
    /// ReplicaSets.
    pub replica_sets: &'a [&'a Value],
    /// ControllerRevisions.
    pub controller_revisions: &'a [&'a Value],
}

/// How an object is.
pub fn assess(object: &Value, related: &Related<'_>) -> Health {
    let _ = related;
    let status = if object.is_null() { Status::Missing } else { Status::Unknown };
    Health { status, message: String::new(), trouble: Vec::new() }
}
