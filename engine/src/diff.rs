//! The three-way comparison of one object: what Git wants, what the cluster has, what we applied last.
//!
//! ```text
//! desired ─ outgoing body ─┐
//! previous ─ handover ─────┼─ predicted ──┐
//! live ────────────────────┴──────────────┴─ changes, each with whoever owns the field now
//! ```
//!
//! *Predicted* is what server-side apply would make of the live object, by the schema. Live and
//! predicted are compared by meaning, so a default, a quantity or the order of a keyed list is no
//! change. Secret values leave this module masked, but for [`ObjectDiff::predicted`], which is
//! [`Redacted`].

mod answered;
mod as_stored;
mod body;
mod changes;
mod handover;
#[cfg(test)]
mod laws;
mod left_alone;
mod owned;
mod places;
mod predict;
mod quick;
mod respect;
mod respelled;
mod settled;
mod shape;
mod shown;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use merge::managed::{self, Predecessor};
use merge::path::Path;
use merge::schema::Schemas;
use serde::Serialize;
use serde_json::Value;

use crate::ignore::{self, Rules};
use crate::redact::{Redacted, Redaction};

pub use handover::Handover;
pub use settled::settled_digest;
pub use shown::{diff, diff_by_merge, value as shown_value};

/// One object to compare. [`Comparison::new`] gives the usual values for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The object as Git wants it.
    pub desired: &'a Value,
    /// The object as the cluster has it.
    pub live: Option<&'a Value>,
    /// The object as we last applied it, from the bundle.
    pub previous: Option<&'a Value>,
    /// The schemas to merge by.
    pub schemas: &'a Schemas,
    /// Our field manager.
    pub manager: &'a str,
    /// Whether an autoscaler targets the object.
    pub autoscaled: bool,
    /// Field managers from whom the object is taken over, with all they declared (on adoption).
    pub predecessors: &'a [Predecessor],
    /// What is to be left alone.
    pub ignore: &'a Rules,
    /// How values are masked.
    pub redaction: &'a Redaction,
    /// When the live object was read: what is gone was gone by then.
    pub read_at: Option<Timestamp>,
}

impl<'a> Comparison<'a> {
    /// A comparison of an object that does not exist, was never applied, and is not autoscaled.
    pub const fn new(desired: &'a Value, schemas: &'a Schemas, redaction: &'a Redaction) -> Self {
        Self {
            desired,
            live: None,
            previous: None,
            schemas,
            manager: crate::application::MANAGER,
            autoscaled: false,
            predecessors: &[],
            ignore: &ignore::NONE,
            redaction,
            read_at: None,
        }
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDiff {
    /// The answer in a word.
    pub verdict: Verdict,
    /// What an apply would change, field by field, in the order of their paths. Secrets masked.
    pub changes: Vec<Change>,
    /// Fields that others hold beside ours. They are shown, not removed.
    pub foreign: Vec<Foreign>,
    /// What differs and is ignored: no change, and no apply of ours touches it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
    /// Rules of ignoreDifferences that could not be heeded for this object, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unheeded: Vec<String>,
    /// The object as it would be after the apply, where one was predicted: what is in sync at a glance
    /// stays as it is.
    #[serde(skip)]
    pub predicted: Option<Redacted<Arc<Value>>>,
    /// What others hold inside what an apply removes, and what therefore goes with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goes_with: Vec<Foreign>,
    /// What has to become of the object's ownership before the apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
    /// Fields that an apply would only spell anew or put into another order: `1000m` that becomes
    /// `1`. The stored object would change, what it means would not, so this is never drift.
    #[serde(serialize_with = "as_texts", skip_serializing_if = "Vec::is_empty")]
    pub respelled: Vec<Path>,
    /// What the server made of fields we sent, where the object is vouched for all the same. Filled
    /// on request only ([`Comparison::server_mutated`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_mutated: Vec<Mutated>,
}

impl ObjectDiff {
    /// Nothing to do.
    pub const fn unchanged() -> Self {
        Self {
            verdict: Verdict::InSync,
            changes: Vec::new(),
            foreign: Vec::new(),
            ignored: Vec::new(),
            unheeded: Vec::new(),
            predicted: None,
            goes_with: Vec::new(),
            handover: None,
            respelled: Vec::new(),
            server_mutated: Vec::new(),
        }
    }

    /// Whether the stored object would change at all, if only in its spelling: the server's own
    /// verdict on an apply.
    pub const fn would_be_written(&self) -> bool {
        !self.changes.is_empty() || !self.respelled.is_empty()
    }
}

/// The answer of a comparison in a word.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The cluster has no such object.
    Missing,
    /// An apply would change nothing.
    InSync,
    /// An apply would change what [`ObjectDiff::changes`] lists.
    Differs,
    /// Others have *applied* fields that we would change.
    Conflict(Vec<Contested>),
    /// It cannot be told here with certainty; the reason says why. [`ObjectDiff::changes`] holds the
    /// best guess, where there is one.
    AskServer(String),
}

/// A field that another manager applied and that we would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contested {
    /// The field.
    #[serde(serialize_with = "as_text")]
    pub path: Path,
    /// Who holds it.
    pub holder: Holder,
}

/// One field that an apply would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub path: Path,
    /// How.
    pub kind: ChangeKind,
    /// The live value; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The predicted value; `None` where there will be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Who is answerable for the live value.
    pub blame: Blame,
}

/// How a field changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It gets a value, or another one.
    Set,
    /// It goes.
    Remove,
}

/// A field the server made something else of, time and again: a webhook, a default that wins, an
/// amount it rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mutated {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub path: Path,
    /// What we sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// What the server has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Value>,
}

/// Who is answerable for a live value. Kubernetes keeps a time for each manager, not for each field,
/// so a time is that of the manager's latest write to the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Blame {
    /// Nobody owns the field: a default, or a value that was never written.
    Nobody,
    /// These managers own it.
    Holders(Vec<Holder>),
    /// We applied it, and it is gone. Whoever removes a field leaves no name.
    Removed {
        /// Our latest write to the object: it was there then.
        since: Option<String>,
        /// When the object was read: it was gone by then.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// A field manager that holds a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holder {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The subresource it wrote through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// Its latest write to the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl From<managed::Owner> for Holder {
    fn from(owner: managed::Owner) -> Self {
        Self {
            manager: owner.manager,
            operation: owner.operation.as_str().to_owned(),
            subresource: owner.subresource,
            time: owner.time,
        }
    }
}

/// `kubectl-edit (Update) at 2026-03-01T12:00:00Z`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.manager, self.operation)?;
        if let Some(subresource) = &self.subresource {
            write!(f, " of {subresource}")?;
        }
        f.write_str(")")?;
        self.time.as_ref().map_or(Ok(()), |time| write!(f, " at {time}"))
    }
}

/// A field that others hold beside ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub path: Path,
    /// Who.
    pub holders: Vec<Holder>,
}

/// A field that differs, and that a rule of ignoreDifferences hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub path: Path,
    /// The number of the rule in its list, from 1.
    pub rule: usize,
    /// The pointer, expression or manager that chooses it.
    pub by: String,
}

fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

fn as_texts<S: serde::Serializer>(paths: &[Path], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(ToString::to_string))
}

impl ObjectDiff {
    /// The fields that an apply would remove.
    pub fn removed(&self) -> impl Iterator<Item = &Path> {
        let gone = self.changes.iter().filter(|change| change.kind == ChangeKind::Remove);
        gone.map(|change| &change.path)
    }

    /// A live object, masked, with the changes made: what people compare the masked live object to.
    /// Values that do not change keep the spelling they have.
    pub fn after(&self, shown: &Value) -> Value {
        let mut after = shown.clone();
        for change in &self.changes {
            match &change.after {
                Some(value) => body::graft(&mut after, &change.path, value),
                None => body::remove(&mut after, &change.path),
            }
        }
        after
    }
}
