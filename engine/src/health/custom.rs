//! Kinds without rules of their own: status conditions by convention.
//!
//! `Stalled`, `Reconciling` and `Ready` as kstatus defines them (cli-utils, `pkg/kstatus/README.md`);
//! `Available`, `Progressing` and `Degraded` as Deployments and cluster operators use them. An object
//! that says nothing is taken for healthy, as kstatus does: most kinds have nothing to say.

use merge::object::generation;
use serde_json::Value;

use super::conditions::{Condition, Says, denied, holds};
use super::trouble::{Trouble, TroubleClass};
use super::{Health, Related, pods};

/// Conditions that say "broken" when they are true.
const BAD: [&str; 3] = ["Stalled", "Degraded", "Failed"];
/// Conditions that say "done" when they are true.
const GOOD: [&str; 2] = ["Ready", "Available"];
/// Reasons with which `Progressing` is true although nothing goes on any more.
const ARRIVED: [&str; 1] = ["NewReplicaSetAvailable"];

pub(super) fn assess(object: &Value, _related: &Related<'_>) -> Health {
    for kind in BAD {
        if let Some(condition) = holds(object, kind) {
            return ill(object, condition, TroubleClass::Degraded);
        }
    }
    let late = denied(object, "Progressing")
        .filter(|condition| condition.reason() == Some("ProgressDeadlineExceeded"));
    if let Some(condition) = late {
        return ill(object, condition, TroubleClass::ProgressDeadline);
    }
    if let Some(condition) = holds(object, "Reconciling") {
        return Health::progressing(condition.words());
    }
    let spoken = || GOOD.into_iter().filter_map(|kind| Condition::of(object, kind));
    for condition in spoken() {
        let behind = generation(object).zip(condition.observed_generation());
        if behind.is_some_and(|(now, seen)| seen < now) {
            return Health::progressing("its controller has not seen the last change yet");
        }
        match condition.says() {
            Says::True => {}
            Says::False => return ill(object, condition, TroubleClass::NotReady),
            Says::Unknown => return Health::progressing(condition.words()),
        }
    }
    let ready = holds(object, "Ready").is_some();
    if let Some(condition) = holds(object, "Progressing")
        && !ready
        && !condition.reason().is_some_and(|reason| ARRIVED.contains(&reason))
    {
        return Health::progressing(condition.words());
    }
    match spoken().next() {
        Some(condition) => Health::healthy(condition.words()),
        None => Health::healthy("exists; it says nothing about its health"),
    }
}

fn ill(object: &Value, condition: Condition<'_>, class: TroubleClass) -> Health {
    let trouble = pods::of(object, class, condition.words());
    let trouble = trouble.map(|trouble| Trouble { since: condition.since(), ..trouble });
    Health::troubled(Vec::from_iter(trouble))
}
