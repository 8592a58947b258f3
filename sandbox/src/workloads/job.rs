//! Job: pods that run to an end, so many at once, so often until enough have succeeded or too many
//! have failed.
//!
//! Follows `pkg/controller/job`. Finished pods stay and are counted; the counts never go down, so a
//! pod that is deleted after it was counted is not run again. `FailureTarget` and
//! `SuccessCriteriaMet` stand beside the final condition, as servers from 1.31 on demand.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::pods;

const WRITER: Writer = Writer::Controller("job-controller");
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// One look at a Job. After a failed pod the next one waits for `back_off`, doubled each time up to
/// `longest`.
pub(super) fn reconcile(
    job: &Value,
    all: &[Arc<Value>],
    (back_off, longest): (Duration, Duration),
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    if is_over(job) {
        expire(job, now, &mut plan);
        return plan;
    }
    if object::is_deleted(job) {
        return plan;
    }
    let look = Look::of(job, all, now);
    let verdict = look.verdict();
    let active = if verdict.is_some() || object::flag(job, "/spec/suspend") {
        for pod in &look.active {
            look.delete(&mut plan, pod);
        }
        0
    } else {
        look.scale(&mut plan, back_off, longest)
    };
    if let Some(at) = look.deadline() {
        plan.wake(object::after(at, 1));
    }
    let status = look.status(active, verdict.as_ref());
    if let Some(verdict) = verdict {
        match verdict {
            Verdict::Complete => plan.note(WRITER, "Completed", "Job completed".to_owned()),
            Verdict::Failed { reason, message } => {
                plan.warn(WRITER, reason, message.to_owned());
            }
        }
    }
    plan.status(WRITER, Kind::Job, job, status);
    plan
}

fn is_over(job: &Value) -> bool {
    object::condition_is_true(job, "Complete") || object::condition_is_true(job, "Failed")
}

/// `ttlSecondsAfterFinished`.
fn expire(job: &Value, now: Timestamp, plan: &mut Plan) {
    let Some(seconds) = object::integer(job, "/spec/ttlSecondsAfterFinished") else { return };
    let finished = ["Complete", "Failed"]
        .iter()
        .filter_map(|kind| object::time(object::condition(job, kind)?, "/lastTransitionTime"))
        .min();
    let Some(at) = finished.map(|finished| object::after(finished, seconds)) else { return };
    if at > now {
        plan.wake(at);
    } else if !object::is_deleted(job) {
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::Job, job),
                uid: object::uid(job).to_owned(),
                grace: None,
            },
        );
    }
}

enum Verdict {
    Complete,
    Failed { reason: &'static str, message: &'static str },
}

struct Look<'a> {
    job: &'a Value,
    now: Timestamp,
    active: Vec<&'a Value>,
    succeeded: Vec<&'a Value>,
    failed: Vec<&'a Value>,
}

impl<'a> Look<'a> {
    fn of(job: &'a Value, all: &'a [Arc<Value>], now: Timestamp) -> Self {
        let mut look =
            Self { job, now, active: Vec::new(), succeeded: Vec::new(), failed: Vec::new() };
        for pod in all.iter().map(AsRef::as_ref) {
            match object::text(pod, "/status/phase") {
                "Succeeded" => look.succeeded.push(pod),
                "Failed" => look.failed.push(pod),
                _ if object::is_deleted(pod) => {}
                _ => look.active.push(pod),
            }
        }
        look
    }

    fn integer(&self, field: &str) -> Option<i64> {
        object::integer(self.job, &format!("/spec/{field}"))
    }

    /// What was counted once stays counted.
    fn counted(&self, field: &str, pods: usize) -> i64 {
        let before = object::integer(self.job, &format!("/status/{field}")).unwrap_or_default();
        before.max(i64::try_from(pods).unwrap_or(i64::MAX))
    }

    fn succeeded(&self) -> i64 {
        self.counted("succeeded", self.succeeded.len())
    }

    fn failed(&self) -> i64 {
        self.counted("failed", self.failed.len())
    }

    /// Restarts inside pods that live on count against the back-off limit too (`pastBackoffLimitOnFailure`).
    fn restarts(&self) -> i64 {
        self.active
            .iter()
            .flat_map(|pod| {
                object::list(pod, "/status/initContainerStatuses")
                    .iter()
                    .chain(object::list(pod, "/status/containerStatuses"))
            })
            .filter_map(|status| object::integer(status, "/restartCount"))
            .sum()
    }

    fn deadline(&self) -> Option<Timestamp> {
        let seconds = self.integer("activeDeadlineSeconds")?;
        let started = object::time(self.job, "/status/startTime").unwrap_or(self.now);
        Some(object::after(started, seconds))
    }

    fn verdict(&self) -> Option<Verdict> {
        let limit = self.integer("backoffLimit").unwrap_or(6);
        let failed = self.failed();
        if failed > limit || self.restarts() > 0 && failed + self.restarts() >= limit.max(1) {
            return Some(Verdict::Failed {
                reason: "BackoffLimitExceeded",
                message: "Job has reached the specified backoff limit",
            });
        }
        if self.deadline().is_some_and(|at| at <= self.now) {
            return Some(Verdict::Failed {
                reason: "DeadlineExceeded",
                message: "Job was active longer than specified deadline",
            });
        }
        let enough = match self.integer("completions") {
            Some(completions) => self.succeeded() >= completions,
            // A work queue: done when one has succeeded and all have ended.
            None => self.succeeded() > 0 && self.active.is_empty(),
        };
        enough.then_some(Verdict::Complete)
    }

    /// Makes or removes pods; returns how many are active then.
    fn scale(&self, plan: &mut Plan, back_off: Duration, longest: Duration) -> usize {
        let parallelism = self.integer("parallelism").unwrap_or(1);
        let wanted = match self.integer("completions") {
            Some(completions) => (completions - self.succeeded()).min(parallelism),
            None if self.succeeded() > 0 => i64::try_from(self.active.len()).unwrap_or(i64::MAX),
            None => parallelism,
        };
        let wanted = usize::try_from(wanted).unwrap_or_default();
        for pod in self.active.iter().skip(wanted) {
            self.delete(plan, pod);
        }
        let missing = wanted.saturating_sub(self.active.len());
        if missing == 0 {
            return wanted.min(self.active.len());
        }
        if let Some(at) = self.next_try(back_off, longest).filter(|at| *at > self.now) {
            plan.wake(at);
            return self.active.len();
        }
        let mut indexes = self.free_indexes();
        for _ in 0..missing {
            plan.write(
                WRITER,
                Write::Create {
                    kind: Kind::Pod,
                    namespace: object::namespace(self.job).to_owned(),
                    body: self.pod(indexes.next()),
                },
            );
        }
        wanted
    }

    /// When the next pod may come after failures.
    fn next_try(&self, back_off: Duration, longest: Duration) -> Option<Timestamp> {
        let last = self
            .failed
            .iter()
            .flat_map(|pod| object::list(pod, "/status/containerStatuses"))
            .filter_map(|status| object::time(status, "/state/terminated/finishedAt"))
            .max()?;
        let doublings = u32::try_from(self.failed.len().saturating_sub(1)).unwrap_or(16).min(16);
        Some(object::later(last, back_off.saturating_mul(1 << doublings).min(longest)))
    }

    fn delete(&self, plan: &mut Plan, pod: &Value) {
        plan.note(WRITER, "SuccessfulDelete", format!("Deleted pod: {}", object::name(pod)));
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::Pod, pod),
                uid: object::uid(pod).to_owned(),
                grace: None,
            },
        );
    }

    fn free_indexes(&self) -> impl Iterator<Item = i64> + use<'_> {
        let is_indexed = object::text(self.job, "/spec/completionMode") == "Indexed";
        let last = if is_indexed { self.integer("completions").unwrap_or_default() } else { 0 };
        (0..last).filter(|index| {
            !self
                .active
                .iter()
                .chain(&self.succeeded)
                .any(|pod| object::annotation(pod, INDEX) == Some(index.to_string().as_str()))
        })
    }

    fn pod(&self, index: Option<i64>) -> Value {
        let template = self.job.pointer("/spec/template").unwrap_or(&Value::Null);
        let reference = object::controller_reference("batch/v1", "Job", self.job);
        let mut pod = pods::from_template(template, self.job, reference, None);
        if let Some(index) = index {
            let text = index.to_string();
            let base = format!("{}-{index}", object::name(self.job));
            object::set_metadata(&mut pod, "annotations", INDEX, &text);
            object::set_metadata(&mut pod, "labels", INDEX, &text);
            object::set_spec(&mut pod, "hostname", json!(base));
            if let Some(metadata) = pod.get_mut("metadata") {
                object::set(metadata, "generateName", json!(format!("{base}-")));
            }
        }
        pod
    }

    fn status(&self, active: usize, verdict: Option<&Verdict>) -> Value {
        let ready = self.active.iter().filter(|pod| pods::is_ready(pod)).count().min(active);
        let mut status = json!({"ready": ready, "uncountedTerminatedPods": {}});
        let suspended = object::flag(self.job, "/spec/suspend");
        let stamp = object::stamp(self.now);
        let mut conditions = object::list(self.job, "/status/conditions").to_vec();
        let started = object::text(self.job, "/status/startTime");
        if !suspended {
            let started = if started.is_empty() { &stamp } else { started };
            object::set(&mut status, "startTime", json!(started));
        }
        for (field, value) in [
            ("active", i64::try_from(active).unwrap_or(i64::MAX)),
            ("succeeded", self.succeeded()),
            ("failed", self.failed()),
        ] {
            if value > 0 {
                object::set(&mut status, field, json!(value));
            }
        }
        let mut add = |kind: &str, value: &str, reason: &str, message: &str| {
            let position = conditions.iter().position(|other| object::text(other, "/type") == kind);
            let old = position.map(|position| conditions.remove(position));
            let unchanged = old.as_ref().is_some_and(|old| object::text(old, "/status") == value);
            conditions.push(match old.filter(|_| unchanged) {
                Some(old) => old,
                None => json!({"type": kind, "status": value, "reason": reason, "message": message,
                    "lastProbeTime": stamp, "lastTransitionTime": stamp}),
            });
        };
        let was_suspended = object::condition_is_true(self.job, "Suspended");
        if suspended {
            add("Suspended", "True", "JobSuspended", "Job suspended");
        } else if was_suspended {
            add("Suspended", "False", "JobResumed", "Job resumed");
        }
        match verdict {
            Some(Verdict::Complete) => {
                let (reason, message) =
                    ("CompletionsReached", "Reached expected number of succeeded pods");
                add("SuccessCriteriaMet", "True", reason, message);
                add("Complete", "True", reason, message);
                object::set(&mut status, "completionTime", json!(stamp));
            }
            Some(Verdict::Failed { reason, message }) => {
                add("FailureTarget", "True", reason, message);
                add("Failed", "True", reason, message);
            }
            None => {}
        }
        if !conditions.is_empty() {
            object::set(&mut status, "conditions", Value::Array(conditions));
        }
        status
    }
}

#[cfg(test)]
mod tests;
