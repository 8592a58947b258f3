//! From what Git wants and what the cluster has to what would be done, in which order.
//!
//! [`draft`] classifies every object, puts it in its wave and rank, and finds what to prune.
//! [`Draft::check`] gives either a [`Plan`] or every reason against it: a plan that may be carried
//! out is another type than one that was not checked.

mod asking;
mod checks;
mod draft;
mod irreversible;
pub mod order;
pub mod prune;
mod refusal;
mod standing;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use merge::schema::Schemas;
use merge::{Digest, GroupVersionKind, Manifest, ObjectId};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::application::ApplicationName;
use crate::diff::ObjectDiff;
use crate::policy::Policy;
use crate::record::{Bundle, Inventory};
use crate::redact::Redaction;
use crate::vouch::{Server, Settled};

pub use draft::{draft, step_anew};
pub use prune::{Prune, Withheld, WithheldReason, find as left_over};
pub use refusal::{Refusal, RefusalKind};
pub use standing::{Standing, is_ours};
pub use surroundings::Surroundings;

/// Everything a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The objects Git wants, marked as the application's ([`ApplicationName::marked`]).
    pub desired: &'a [Manifest],
    /// What the cluster has: at the least every desired and every recorded object that exists, and
    /// the autoscalers of their namespaces.
    pub live: &'a BTreeMap<ObjectId, Arc<Value>>,
    /// What the cluster is besides.
    pub cluster: &'a Cluster,
    /// What the application's records say it has applied.
    pub inventory: &'a Inventory,
    /// The bundle that was applied last.
    pub previous: Option<&'a Bundle>,
    /// The schemas to check and merge by, those of the server included.
    pub schemas: &'a Schemas,
    /// What the owner allows.
    pub policy: &'a Policy,
    /// Whose plan it is.
    pub application: &'a ApplicationName,
    /// What was approved for this run alone.
    pub approvals: &'a Approvals,
    /// Objects that a failed revision *created* (not adopted) and that its rollback therefore deletes,
    /// whatever the policy says about pruning. Empty but for a rollback.
    pub revoked: &'a BTreeSet<ObjectId>,
    /// How values are masked.
    pub redaction: &'a Redaction,
    /// When the cluster was read.
    pub read_at: Option<Timestamp>,
}

/// What is known of a cluster besides its objects. `None` means "not known", and then nothing is
/// refused for it: that is how plans on files work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Every namespace.
    pub namespaces: Option<BTreeMap<String, NamespaceState>>,
    /// Every kind that is served.
    pub kinds: Option<BTreeSet<GroupVersionKind>>,
    /// What else has a say in what becomes of an applied object.
    pub server: Server,
}

/// Whether a namespace takes new objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceState {
    /// It does.
    Active,
    /// It is being deleted.
    Terminating,
}

/// What was approved for one run alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    /// Objects whose pruning was approved by name: `namespace/shop`, `pvc/shop/data`.
    pub prune: Vec<String>,
    /// Whether more may be pruned than the guard allows.
    pub beyond_guard: bool,
}

/// A plan before its check.
#[derive(Debug, Clone)]
pub struct Draft {
    plan: Plan,
    refusals: Vec<Refusal>,
}

/// What would be done, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The steps, by wave and rank.
    pub waves: Vec<Wave>,
    /// What is deleted after the last gate, in this order.
    pub prunes: Vec<Prune>,
    /// What Git no longer has and is left alone, with the reason.
    pub withheld: Vec<Withheld>,
    /// What no rollback can undo.
    pub irreversible: Vec<Irreversible>,
}

/// Steps whose health is awaited together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wave {
    /// The number from the annotation; 0 without one.
    pub number: i32,
    /// Its ranks, in order.
    pub ranks: Vec<Rank>,
}

/// Steps of a wave that may be applied at the same time. The next rank starts when all of them are
/// applied (a definition: established; a namespace: active).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rank {
    /// Its steps, by kind, namespace and name.
    pub steps: Vec<Step>,
}

/// One object of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The object as Git wants it. Which it is and where it was written is all that is printed of it.
    #[serde(rename = "object", serialize_with = "named")]
    pub manifest: Manifest,
    /// What is done about it.
    pub action: Action,
    /// What that changes.
    pub diff: ObjectDiff,
    /// The exact body of the apply. It differs from the manifest's where we must not send all of it
    /// (an autoscaler's replicas) or not as it is spelled (a Secret's `stringData`).
    #[serde(skip)]
    pub outgoing: Arc<Value>,
    /// What vouches for the object from now on, where nothing turns out to be written and the inventory
    /// does not vouch for it yet, or in an older format.
    #[serde(skip)]
    pub settled: Option<Settled>,
    /// The uid of the live object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_uid: Option<String>,
    /// The resourceVersion of the live object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_version: Option<String>,
}

fn named<S: Serializer>(manifest: &Manifest, serializer: S) -> Result<S::Ok, S::Error> {
    let id = &manifest.id;
    let mut named = serializer.serialize_map(None)?;
    named.serialize_entry("apiVersion", &manifest.gvk.api_version())?;
    named.serialize_entry("kind", &id.kind)?;
    if let Some(namespace) = &id.namespace {
        named.serialize_entry("namespace", namespace)?;
    }
    named.serialize_entry("name", &id.name)?;
    named.serialize_entry("origin", &manifest.origin.to_string())?;
    named.end()
}

/// What is done about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It does not exist yet.
    Create,
    /// It is ours and differs.
    Update,
    /// It exists, is not ours, and becomes ours.
    Adopt,
    /// It exists, is not ours, and is only looked at.
    Observe,
    /// It is ours and as it should be.
    Unchanged,
}

impl Action {
    /// Whether it takes a write.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Adopt)
    }

    /// The word people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Observe => "observe",
            Self::Unchanged => "unchanged",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a step stands in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct StepId {
    /// The wave's position, from 0 (not its number).
    pub wave: u32,
    /// The rank's position in the wave.
    pub rank: u32,
    /// The step's position in the rank.
    pub step: u32,
}

/// Something that a rollback cannot undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Irreversible {
    /// The object.
    pub id: ObjectId,
    /// What happens to it.
    pub what: String,
}

impl Draft {
    /// The plan, or every reason why it may not be carried out.
    pub fn check(self) -> Result<Plan, Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(self.plan) } else { Err(self.refusals) }
    }

    /// The plan as it was drafted, for showing it beside what speaks against it.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What speaks against it, by file and line.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }
}

impl Plan {
    /// Every step with its place, in order.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, &Step)> {
        let place = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        self.waves.iter().enumerate().flat_map(move |(wave, of_wave)| {
            of_wave.ranks.iter().enumerate().flat_map(move |(rank, of_rank)| {
                of_rank.steps.iter().enumerate().map(move |(step, it)| {
                    (StepId { wave: place(wave), rank: place(rank), step: place(step) }, it)
                })
            })
        })
    }

    /// The step at a place.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        let place = |position: u32| usize::try_from(position).ok();
        let wave = self.waves.get(place(id.wave)?)?;
        wave.ranks.get(place(id.rank)?)?.steps.get(place(id.step)?)
    }

    /// Whether carrying it out writes nothing.
    pub fn is_noop(&self) -> bool {
        self.prunes.is_empty() && self.steps().all(|(_, step)| !step.action.writes())
    }

    /// How many steps have an action.
    pub fn count(&self, action: Action) -> usize {
        self.steps().filter(|(_, step)| step.action == action).count()
    }

    /// Names what would be done: two plans of one digest do the same.
    pub fn digest(&self) -> Digest {
        let steps: Vec<Value> = self
            .steps()
            .map(|(place, step)| {
                serde_json::json!([
                    place.wave,
                    place.rank,
                    step.manifest.id.to_string(),
                    step.action.as_str(),
                    Digest::of(&step.outgoing).to_string(),
                    step.diff.handover,
                    step.live_uid,
                ])
            })
            .collect();
        let prunes: Vec<Value> =
            self.prunes.iter().map(|it| serde_json::json!([it.id.to_string(), it.uid])).collect();
        Digest::of(&serde_json::json!({"steps": steps, "prunes": prunes}))
    }
}
