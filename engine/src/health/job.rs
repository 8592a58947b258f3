//! Jobs.
//!
//! Follows `jobConditions` of kstatus and the conditions of `pkg/controller/job/job_controller.go`.
//! Unlike kstatus, a Job counts as healthy when it is *complete*, not when it has started: what waits
//! for a migration waits for its end. A Job whose pods cannot start has no condition at all, so its
//! pods are asked.

use serde_json::Value;

use super::conditions::{Condition, holds};
use super::container::Role;
use super::trouble::{Trouble, TroubleClass};
use super::{Health, Related, pods, read, workload};

pub(super) fn assess(job: &Value, related: &Related<'_>) -> Health {
    let count = |field| read::count(job, &["status", field]);
    if holds(job, "Complete").is_some() {
        return Health::healthy(format!("complete: {} succeeded", count("succeeded")));
    }
    if let Some(failed) = holds(job, "Failed") {
        return Health::troubled(Vec::from_iter(failure(job, failed, related)));
    }
    if read::is_true(job, &["spec", "suspend"]) || holds(job, "Suspended").is_some() {
        return Health::suspended("no pod runs until it is resumed");
    }
    let wanted = read::number(job, &["spec", "completions"]);
    let mut message = match wanted {
        Some(wanted) => format!("{} of {wanted} completions", count("succeeded")),
        None => format!("{} succeeded", count("succeeded")),
    };
    if count("active") > 0 {
        message = format!("{message}, {} running", count("active"));
    }
    if count("failed") > 0 {
        let limit = read::number(job, &["spec", "backoffLimit"]).unwrap_or(6);
        message = format!("{message}, {} failed (backoff limit {limit})", count("failed"));
    }
    // A failed pod is a try; whether there is another is the Job's to say.
    let running = pods::owned_by(job, related.pods).filter(|pod| !pods::is_failed(pod));
    workload::incomplete(message, pods::troubles(running, Role::Task))
}

/// That a Job failed, with the words of the pod that failed last.
fn failure(job: &Value, failed: Condition<'_>, related: &Related<'_>) -> Option<Trouble> {
    let pods = pods::owned_by(job, related.pods).filter(|pod| pods::is_failed(pod));
    let last = pods.max_by_key(|pod| read::text(pod, &["metadata", "creationTimestamp"]));
    let last = last.and_then(|pod| pods::failed(pod, TroubleClass::JobFailed));
    let message = match &last {
        Some(pod) => format!("{}; {pod}", failed.words()),
        None => failed.words(),
    };
    Some(Trouble { since: failed.since(), ..pods::of(job, TroubleClass::JobFailed, message)? })
}
