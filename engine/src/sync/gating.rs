//! The gate over several objects: open when all of them are, failed when one is.

use std::cmp::Ordering;
use std::ops::Range;

use jiff::Timestamp;
use merge::{ErrorClass, ObjectId};

use super::course::{Course, CourseStep};
use super::effect::Effect;
use super::note::NoteKind;
use super::outcome::{Blame, Reason, Stage};
use super::state::{Position, Sync, Tracked};
use super::tally::Standing;
use super::{Turn, telling};
use crate::gate::{Evidence, Gate, judge, later};
use crate::health::{Trouble, TroubleClass};
use crate::plan::StepId;
use crate::policy::FreePods;
use crate::record::RunKind;

/// The verdict on several objects.
pub(super) struct Verdict<'a> {
    failed: Option<(&'a ObjectId, Trouble)>,
    gone: Option<&'a ObjectId>,
    /// The first that is not healthy yet, and how many are not.
    closed: Option<&'a ObjectId>,
    count: usize,
    wake: Option<Timestamp>,
}

impl Verdict<'_> {
    pub(super) fn is_open(&self) -> bool {
        self.failed.is_none() && self.gone.is_none() && self.closed.is_none()
    }

    /// Why the run fails now, if it does.
    pub(super) fn failure(
        &self,
        sync: &Sync,
        stage: Stage,
        wave: Option<i32>,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Option<Reason> {
        let reason = self.reason(stage).or_else(|| {
            let waiting = self.closed.filter(|_| now >= deadline)?;
            Some(sync.not_healthy(waiting, self.count, stage))
        })?;
        Some(Reason { wave, ..reason })
    }

    fn reason(&self, stage: Stage) -> Option<Reason> {
        if let Some((object, trouble)) = &self.failed {
            let message = if trouble.object == **object {
                trouble.to_string()
            } else {
                format!("{object}: {trouble}")
            };
            return Some(Reason {
                stage,
                blame: Blame::Render,
                class: ErrorClass::User,
                wave: None,
                object: Some((*object).clone()),
                trouble: Some(trouble.clone()),
                message,
                hint: None,
            });
        }
        let object = self.gone?;
        Some(Reason {
            stage,
            blame: Blame::Surroundings,
            class: ErrorClass::Conflict,
            wave: None,
            message: format!("{object} was deleted by somebody else while it was being synced"),
            object: Some(object.clone()),
            trouble: None,
            hint: Some("run again: it will be created anew".to_owned()),
        })
    }
}

impl Sync {
    /// The verdict on the objects of those of these steps that count, as far as they are ours, now.
    pub(super) fn gate(
        &self,
        steps: Range<StepId>,
        counts: impl Fn(&CourseStep) -> bool,
        now: Timestamp,
    ) -> Verdict<'_> {
        let mut verdict = Verdict { failed: None, gone: None, closed: None, count: 0, wake: None };
        let steps = self.tally.unsettled(steps).filter_map(|id| self.course.step(id));
        for step in steps.filter(|step| counts(step)) {
            let tracked = self.objects.get(&step.object);
            if tracked.is_some_and(|it| it.gone && !may_go_when_done(step, it)) {
                verdict.gone.get_or_insert(&step.object);
                continue;
            }
            let gate = tracked.map_or(Gate::Waiting { wake: None }, |tracked| {
                self.judge(&step.object, tracked, now)
            });
            match gate {
                Gate::Open | Gate::Ignored => {}
                Gate::Failed { trouble } => {
                    verdict.failed.get_or_insert((&step.object, trouble));
                }
                Gate::Waiting { wake } => {
                    verdict.closed.get_or_insert(&step.object);
                    verdict.count += 1;
                    verdict.wake = earliest(verdict.wake, wake);
                }
            }
        }
        verdict
    }

    pub(super) fn judge(&self, id: &ObjectId, tracked: &Tracked, now: Timestamp) -> Gate {
        let Some(expected) = &tracked.expected else { return Gate::Waiting { wake: None } };
        if tracked.gone {
            return Gate::Open;
        }
        let evidence = Evidence {
            expected,
            observation: tracked.observation.as_ref(),
            memory: &tracked.memory,
            ailing: self.baseline.get(id),
            must_heal: expected.written || self.run.kind == RunKind::Rollback,
        };
        judge(&evidence, &self.policy.grace, now)
    }

    /// Counts an object as it stands, after something about it changed.
    pub(super) fn settle(&mut self, id: &ObjectId, now: Timestamp) {
        let step = self.tally.place(id).and_then(|place| self.course.step(place));
        let Some(step) = step.filter(|step| step.is_ours()).map(|step| step.id) else { return };
        let Some(tracked) = self.objects.get(id) else { return };
        let standing = Standing {
            applied: tracked.expected.is_some(),
            passes: self.judge(id, tracked, now).is_open(),
            gone: tracked.gone,
        };
        self.tally.settle(step, standing);
    }

    /// That the time for becoming healthy is over, and the words of the first object that is not.
    fn not_healthy(&self, id: &ObjectId, count: usize, stage: Stage) -> Reason {
        let within = telling::seconds(self.policy.timeout);
        let observation = self.objects.get(id).and_then(|tracked| tracked.observation.as_ref());
        let health = observation.map(|observation| &observation.health);
        let trouble = health.and_then(|health| health.trouble.first()).cloned();
        let words = match health {
            Some(health) => format!("{}: {}", health.status, health.message),
            None => "the server has not shown it yet".to_owned(),
        };
        let others = match count {
            0 | 1 => String::new(),
            more => format!(" (and {} not healthy)", telling::counted(more - 1, "other")),
        };
        Reason {
            stage,
            blame: Blame::Render,
            class: ErrorClass::User,
            wave: None,
            message: format!("{id} was not healthy within {within}: {words}{others}"),
            object: Some(id.clone()),
            trouble,
            hint: None,
        }
    }

    /// Deletes the pods that block a StatefulSet of this run, each once, where the policy allows it.
    pub(super) fn free_stuck_pods(&mut self, id: &ObjectId, turn: &mut Turn) {
        let allowed = match self.policy.free_pods {
            FreePods::Never => false,
            FreePods::InRollback => self.run.kind == RunKind::Rollback,
            FreePods::Always => true,
        };
        let Some(tracked) = self.objects.get(id).filter(|_| allowed) else { return };
        let Some(expected) = tracked.expected.as_ref() else { return };
        let current = tracked.observation.as_ref().filter(|it| expected.is_met_by(it));
        let stuck: Vec<_> = current
            .into_iter()
            .flat_map(|observation| &observation.health.trouble)
            .filter(|trouble| trouble.class == TroubleClass::StuckPod)
            .filter_map(|trouble| Some((trouble.object.clone(), trouble.uid.clone()?)))
            .collect();
        for (pod, uid) in stuck {
            if self.freed.insert(uid.clone()) {
                let message = "deleted: it is of an earlier revision and blocks the rollout";
                let mut note = self.note(NoteKind::PodFreed, turn, message);
                note.object = Some(pod.clone());
                turn.tell(note);
                turn.effects.push(Effect::FreePod { pod, uid });
            }
        }
    }

    /// Asks to be woken when time alone can change something.
    pub(super) fn set_alarm(&mut self, turn: &mut Turn) {
        let wake = match &self.position {
            Position::Wave { index, next_rank, opened } if self.in_flight.is_empty() => {
                let applied = Course::ranks(*index, *next_rank);
                let deadline = later(*opened, self.policy.timeout);
                earliest(Some(deadline), self.gate(applied, |_| true, turn.now).wake)
            }
            Position::Bake { opened } => {
                let baked = later(*opened, self.policy.bake);
                let end = if turn.now < baked { baked } else { later(baked, self.policy.timeout) };
                earliest(Some(end), self.gate(Course::everything(), |_| true, turn.now).wake)
            }
            _ => None,
        };
        if let Some(wake) = wake
            && self.alarm != Some(wake)
        {
            turn.effects.push(Effect::WakeAt(wake));
            self.alarm = Some(wake);
        }
    }
}

/// A finished Job or Pod may be cleaned away (`ttlSecondsAfterFinished`) while the wave still waits
/// for others.
fn may_go_when_done(step: &CourseStep, tracked: &Tracked) -> bool {
    let told = tracked.told.as_ref().map(|(status, _)| *status);
    matches!(step.object.kind.as_str(), "Job" | "Pod")
        && told == Some(crate::health::Status::Healthy)
}

fn earliest(one: Option<Timestamp>, two: Option<Timestamp>) -> Option<Timestamp> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// How two resourceVersions stand to each other; equal where that cannot be told.
pub(super) fn is_at(one: &str, two: &str) -> Ordering {
    match (one.parse::<u128>(), two.parse::<u128>()) {
        (Ok(one), Ok(two)) => one.cmp(&two),
        _ => Ordering::Equal,
    }
}
