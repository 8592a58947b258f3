//! What the machine needs of a plan: identities, actions and versions, without bodies and diffs.

use std::collections::BTreeSet;
use std::ops::Range;

use merge::{Digest, ObjectId};

use crate::plan::{Action, Plan, Prune, StepId};
use crate::vouch::Settled;

/// A plan in outline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Course {
    pub(super) waves: Vec<CourseWave>,
    /// Deletions, in batches that may run at the same time, in the plan's order.
    pub(super) prunes: Vec<Vec<Prune>>,
    /// Objects that Git no longer has and that stay ours.
    pub(super) withheld: BTreeSet<ObjectId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CourseWave {
    pub(super) number: i32,
    pub(super) ranks: Vec<Vec<CourseStep>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CourseStep {
    pub(super) id: StepId,
    pub(super) object: ObjectId,
    pub(super) action: Action,
    pub(super) api_version: String,
    pub(super) desired: Digest,
    /// What vouches for it from now on, if nothing is written.
    pub(super) settled: Option<Settled>,
    pub(super) live_uid: Option<String>,
    pub(super) live_version: Option<String>,
}

impl Course {
    pub(super) fn of(plan: &Plan) -> Self {
        let waves = (0u32..).zip(&plan.waves).map(|(wave, planned)| {
            let ranks = (0u32..).zip(&planned.ranks).map(|(rank, planned)| {
                let steps = (0u32..).zip(&planned.steps);
                steps
                    .map(|(step, planned)| CourseStep {
                        id: StepId { wave, rank, step },
                        object: planned.manifest.id.clone(),
                        action: planned.action,
                        api_version: planned.manifest.gvk.api_version(),
                        desired: planned.manifest.digest,
                        settled: planned.settled.filter(|_| !planned.action.writes()),
                        live_uid: planned.live_uid.clone(),
                        live_version: planned.live_version.clone(),
                    })
                    .collect()
            });
            CourseWave { number: planned.number, ranks: ranks.collect() }
        });
        Self {
            waves: waves.collect(),
            prunes: batches(&plan.prunes),
            withheld: plan
                .withheld
                .iter()
                .filter(|withheld| withheld.reason.keeps_entry())
                .map(|withheld| withheld.id.clone())
                .collect(),
        }
    }

    /// Every step, in order.
    pub(super) fn steps(&self) -> impl Iterator<Item = &CourseStep> {
        self.waves.iter().flat_map(CourseWave::steps)
    }

    pub(super) fn step(&self, id: StepId) -> Option<&CourseStep> {
        let wave = self.waves.get(usize::try_from(id.wave).ok()?)?;
        let rank = wave.ranks.get(usize::try_from(id.rank).ok()?)?;
        rank.get(usize::try_from(id.step).ok()?)
    }

    /// The first ranks of a wave.
    pub(super) fn ranks(wave: usize, ranks: usize) -> Range<StepId> {
        let position = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let at = |rank| StepId { wave: position(wave), rank, step: 0 };
        at(0)..at(position(ranks))
    }

    /// Every wave.
    pub(super) fn everything() -> Range<StepId> {
        let at = |wave| StepId { wave, rank: 0, step: 0 };
        at(0)..at(u32::MAX)
    }

    /// Whether nothing would be written.
    pub(super) fn is_noop(&self) -> bool {
        self.prunes.is_empty() && !self.steps().any(|step| step.action.writes())
    }
}

impl CourseWave {
    pub(super) fn steps(&self) -> impl Iterator<Item = &CourseStep> {
        self.ranks.iter().flatten()
    }
}

impl CourseStep {
    /// Whether it is ours, written or not. What is only observed is neither gated nor recorded.
    pub(super) fn is_ours(&self) -> bool {
        self.action != Action::Observe
    }

    /// Whether the next rank needs more of it than that it exists: a namespace takes objects once it
    /// is active, a kind is served once its definition is established.
    pub(super) fn opens_a_way(&self) -> bool {
        matches!(
            (self.object.group.as_str(), self.object.kind.as_str()),
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    }
}

/// Neighbours of one kind go at the same time; the next kind goes when they are gone.
fn batches(prunes: &[Prune]) -> Vec<Vec<Prune>> {
    let same_kind =
        |one: &Prune, two: &Prune| one.id.kind == two.id.kind && one.id.group == two.id.group;
    prunes.chunk_by(same_kind).map(<[Prune]>::to_vec).collect()
}
