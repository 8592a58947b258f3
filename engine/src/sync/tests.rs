//! Runs told as sequences of events, and what they must lead to. Random runs are in [`properties`],
//! on the little cluster of [`world`].

mod build;
mod failures;
mod properties;
mod rivals;
mod waves;
mod world;

use std::time::Duration;

use super::*;
use crate::health::{Health, TroubleClass};
use crate::plan::{Action, StepId};
use crate::policy::{FreePods, OnFailure, Policy};
use crate::record::{Phase, RunKind};
use build::*;

/// A run, the effects that were not looked at yet, and its clock.
struct Play {
    sync: Option<Sync>,
    effects: Vec<Effect>,
    second: i64,
    /// Whether a claim that is renewed after a wait is confirmed at once, and not shown.
    unrivalled: bool,
}

impl Play {
    fn new(sync: Sync) -> Self {
        let mut play = Self { sync: Some(sync), effects: Vec::new(), second: 0, unrivalled: true };
        play.tell(Event::Start);
        play
    }

    fn tell(&mut self, event: Event) {
        let (sync, effects) = decide(self.sync.take().unwrap(), at(self.second), event);
        self.sync = Some(sync);
        let resumes =
            |effect: &Effect| matches!(effect, Effect::Record(it) if it.moment == Moment::Resume);
        let confirmed = self.unrivalled && effects.iter().any(resumes);
        self.effects.extend(effects.into_iter().filter(|effect| !confirmed || !resumes(effect)));
        if confirmed {
            self.tell(Event::Recorded);
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.second += seconds;
        self.tell(Event::Tick);
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The effects that are neither notes nor alarms, in short.
    fn did(&mut self) -> Vec<String> {
        self.take().iter().filter_map(in_short).collect()
    }

    fn applied(&mut self, step: StepId, name: &str, version: u32) {
        let result = Ok(answer(name, version));
        self.tell(Event::Applied { step, result });
    }

    fn seen(&mut self, name: &str, version: u32, health: Health) {
        self.tell(Event::Observed {
            id: id(name),
            observation: observation(name, version, health),
        });
    }

    /// Applied and healthy.
    fn well(&mut self, step: StepId, name: &str, version: u32) {
        self.applied(step, name, version);
        self.seen(name, version, healthy());
    }

    fn sync(&self) -> &Sync {
        self.sync.as_ref().unwrap()
    }
}

fn in_short(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Record(checkpoint) => format!("record {:?}", checkpoint.moment),
        Effect::Apply(step) => format!("apply {}.{}.{}", step.wave, step.rank, step.step),
        Effect::Observe { wave } => format!("observe {wave}"),
        Effect::Prune(prune) => format!("prune {}", prune.id.name),
        Effect::FreePod { uid, .. } => format!("free {uid}"),
        Effect::PrepareRollback { .. } => "prepare rollback".to_owned(),
        Effect::WakeAt(_) | Effect::Note(_) => return None,
        Effect::Finish(outcome) => match &**outcome {
            Outcome::Healthy { .. } => "healthy".to_owned(),
            Outcome::NoChange => "no change".to_owned(),
            Outcome::RolledBack { because, .. } => format!("rolled back: {because}"),
            Outcome::Held { because, hold } => format!("held: {because}; {hold}"),
            Outcome::Interrupted { applied, not_applied } => {
                format!("interrupted {}/{}", applied.len(), not_applied.len())
            }
            Outcome::Failed { because, .. } => format!("failed: {because}"),
        },
    })
}

fn policy() -> Policy {
    Policy { bake: Duration::from_secs(30), ..Policy::default() }
}

const FIRST: StepId = StepId { wave: 0, rank: 0, step: 0 };
const SECOND: StepId = StepId { wave: 1, rank: 0, step: 0 };

fn two_waves() -> crate::plan::Plan {
    plan(&[&[&[("db", Action::Create)]], &[&[("web", Action::Create)]]], &[])
}

/// What is kept up fact by fact is what a count of everything comes to.
fn is_counted_right(sync: &Sync, now: Timestamp) {
    let mut recounted = sync.clone();
    recounted.tally = super::tally::Tally::of(&sync.course);
    for id in sync.objects.keys() {
        recounted.settle(id, now);
    }
    for wave in 0..sync.course.waves.len() {
        assert_eq!(sync.tally.progress(wave), recounted.tally.progress(wave));
    }
    let left = |sync: &Sync| {
        let steps = super::course::Course::everything();
        sync.tally.unsettled(steps).collect::<Vec<_>>()
    };
    assert_eq!(left(sync), left(&recounted));
}
