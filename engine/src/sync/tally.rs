//! How far each wave is, kept up with every fact: an event costs the same in a wave of ten objects and
//! in one of ten thousand.
//!
//! What is kept does not depend on the time. Whether an object is well at the version that counts
//! changes with what is seen of it; time decides no more than whether one that is *not* well fails.

use std::collections::{BTreeMap, BTreeSet};

use merge::ObjectId;

use super::course::Course;
use super::note::Progress;
use crate::plan::StepId;

/// How the steps of a course stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    places: BTreeMap<ObjectId, StepId>,
    waves: Vec<Progress>,
    standing: BTreeMap<StepId, Standing>,
    /// The steps that are left to judge at a gate: ours, and not well.
    unsettled: BTreeSet<StepId>,
}

/// How one object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// Whether a version of it is expected.
    pub(super) applied: bool,
    /// Whether it lets its wave pass, at that version.
    pub(super) passes: bool,
    /// Whether somebody else deleted it: the gate looks at it though it passes.
    pub(super) gone: bool,
}

impl Tally {
    /// Nothing is applied yet.
    pub(super) fn of(course: &Course) -> Self {
        let mut tally = Self::default();
        for wave in &course.waves {
            let before = tally.unsettled.len();
            tally.unsettled.extend(wave.steps().filter(|it| it.is_ours()).map(|it| it.id));
            let total = tally.unsettled.len() - before;
            tally.waves.push(Progress { total, ..Progress::default() });
        }
        for step in course.steps() {
            tally.places.entry(step.object.clone()).or_insert(step.id);
        }
        tally
    }

    /// Where an object is in the course.
    pub(super) fn place(&self, object: &ObjectId) -> Option<StepId> {
        self.places.get(object).copied()
    }

    /// How far a wave is.
    pub(super) fn progress(&self, wave: usize) -> Progress {
        self.waves.get(wave).copied().unwrap_or_default()
    }

    /// The steps of the course from the first to before the last that are ours and not well, in order.
    pub(super) fn unsettled(
        &self,
        steps: std::ops::Range<StepId>,
    ) -> impl Iterator<Item = StepId> + '_ {
        self.unsettled.range(steps).copied()
    }

    /// Takes in how an object of ours stands now.
    pub(super) fn settle(&mut self, step: StepId, now: Standing) {
        let before = self.standing.insert(step, now).unwrap_or_default();
        if now.passes && !now.gone {
            self.unsettled.remove(&step);
        } else {
            self.unsettled.insert(step);
        }
        let wave = usize::try_from(step.wave).ok().and_then(|wave| self.waves.get_mut(wave));
        let Some(wave) = wave else { return };
        let healthy = |it: Standing| usize::from(it.applied && it.passes);
        wave.applied = wave.applied + usize::from(now.applied) - usize::from(before.applied);
        wave.healthy = wave.healthy + healthy(now) - healthy(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_as_it_stands_now_and_not_twice() {
        let step = StepId { wave: 0, rank: 1, step: 2 };
        let all = StepId { wave: 0, rank: 0, step: 0 }..StepId { wave: 1, rank: 0, step: 0 };
        let mut tally = Tally {
            waves: vec![Progress { total: 1, ..Progress::default() }],
            unsettled: BTreeSet::from([step]),
            ..Tally::default()
        };
        let (yes, no) = (true, false);
        let table = [
            // applied, passes, gone → applied, healthy, left to judge
            ((yes, no, no), (1, 0, 1)),
            ((yes, yes, no), (1, 1, 0)),
            ((yes, yes, no), (1, 1, 0)),
            ((yes, yes, yes), (1, 1, 1)),
            ((yes, no, no), (1, 0, 1)),
            ((no, no, no), (0, 0, 1)),
        ];
        for ((applied, passes, gone), expected) in table {
            tally.settle(step, Standing { applied, passes, gone });
            let progress = tally.progress(0);
            let left = tally.unsettled(all.clone()).count();
            assert_eq!((progress.applied, progress.healthy, left), expected);
        }
    }
}
