//! A Deployment's status: the counts of `calculateStatus` and the conditions of
//! `syncRolloutStatus`, in the controller's words.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Sets, Sized, Wanted};
use crate::workloads::object;

/// What a look at the counts came to.
pub(super) struct Outcome {
    pub status: Value,
    /// Every pod is of the new template and available.
    pub complete: bool,
    /// When the progress deadline passes unless something moves before.
    pub deadline: Option<Timestamp>,
}

pub(super) fn status(
    wanted: &Wanted<'_>,
    sets: &Sets<'_>,
    created: Option<&str>,
    scaling: bool,
    now: Timestamp,
) -> Outcome {
    let deployment = wanted.deployment;
    let before =
        |field: &str| object::integer(deployment, &format!("/status/{field}")).unwrap_or_default();
    let replicas: i64 = sets.all().map(Sized::actual).sum();
    let ready: i64 = sets.all().map(Sized::ready).sum();
    let available: i64 = sets.all().map(Sized::available).sum();
    let updated = sets.new.as_ref().map(Sized::actual).unwrap_or_default();
    let unavailable = (sets.total() - available).max(0);

    let mut status = json!({"observedGeneration": object::generation(deployment)});
    for (field, value) in [
        ("replicas", replicas),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", unavailable),
        ("collisionCount", before("collisionCount")),
    ] {
        if value != 0 {
            object::set(&mut status, field, json!(value));
        }
    }

    let mut conditions = Conditions::of(deployment, now);
    if available >= wanted.replicas - wanted.unavailable {
        conditions.set(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.".to_owned(),
        );
    } else {
        conditions.set(
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.".to_owned(),
        );
    }
    match sets.all().find_map(|set| object::condition(set.set, "ReplicaFailure")) {
        Some(failure) => conditions.set(
            "ReplicaFailure",
            "True",
            object::text(failure, "/reason"),
            object::text(failure, "/message").to_owned(),
        ),
        None => {
            conditions
                .list
                .retain(|condition| object::text(condition, "/type") != "ReplicaFailure");
        }
    }
    let complete =
        updated == wanted.replicas && replicas == wanted.replicas && available == wanted.replicas;
    let progressed = updated > before("updatedReplicas")
        || replicas - updated < before("replicas") - before("updatedReplicas")
        || ready > before("readyReplicas")
        || available > before("availableReplicas");
    let name = created.or_else(|| sets.new.as_ref().map(|new| object::name(new.set)));
    let deadline = progress(
        wanted,
        &mut conditions,
        Progress {
            name,
            created: created.is_some(),
            all_updated: replicas == updated,
            complete,
            progressed,
            scaling,
        },
    );
    object::set(&mut status, "conditions", Value::Array(conditions.list));
    Outcome { status, complete, deadline }
}

/// What the condition Progressing depends on.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, none excludes another"
)]
struct Progress<'a> {
    name: Option<&'a str>,
    created: bool,
    all_updated: bool,
    complete: bool,
    progressed: bool,
    scaling: bool,
}

/// Brings the condition Progressing up to date; returns when the deadline passes.
fn progress(
    wanted: &Wanted<'_>,
    conditions: &mut Conditions,
    found: Progress<'_>,
) -> Option<Timestamp> {
    let seconds = object::integer(wanted.deployment, "/spec/progressDeadlineSeconds")
        .filter(|seconds| *seconds < i64::from(i32::MAX));
    let Some(seconds) = seconds else {
        conditions.list.retain(|condition| object::text(condition, "/type") != "Progressing");
        return None;
    };
    let reason = conditions.reason("Progressing").to_owned();
    if wanted.paused {
        if reason != "DeploymentPaused" && reason != "ProgressDeadlineExceeded" {
            let message = "Deployment is paused".to_owned();
            conditions.set("Progressing", "Unknown", "DeploymentPaused", message);
        }
        return None;
    }
    if reason == "DeploymentPaused" {
        let message = "Deployment is resumed".to_owned();
        conditions.set("Progressing", "Unknown", "DeploymentResumed", message);
    }
    let name = found.name.unwrap_or_default();
    if found.created {
        let message = format!("Created new replica set \"{name}\"");
        conditions.replace("Progressing", "True", "NewReplicaSetCreated", message);
    } else if reason.is_empty() && found.name.is_some() {
        let message = format!("Found new replica set \"{name}\"");
        conditions.set("Progressing", "True", "FoundNewReplicaSet", message);
    }
    let settled = found.all_updated && reason == "NewReplicaSetAvailable" && !found.created;
    if settled || found.scaling {
        return None;
    }
    let since = conditions.updated("Progressing");
    let deadline = since.map(|since| object::after(since, seconds));
    if found.complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        conditions.set("Progressing", "True", "NewReplicaSetAvailable", message);
        return None;
    }
    if found.progressed && !found.created {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        conditions.replace("Progressing", "True", "ReplicaSetUpdated", message);
    } else if reason != "NewReplicaSetAvailable" && deadline.is_some_and(|at| at < conditions.now) {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        conditions.set("Progressing", "False", "ProgressDeadlineExceeded", message);
    }
    if conditions.reason("Progressing") == "ProgressDeadlineExceeded" {
        return None;
    }
    // Times are whole seconds: the deadline has passed when the next second begins.
    conditions.updated("Progressing").map(|since| object::after(since, seconds + 1))
}

/// The conditions as they are being rewritten.
struct Conditions {
    list: Vec<Value>,
    now: Timestamp,
}

impl Conditions {
    fn of(deployment: &Value, now: Timestamp) -> Self {
        Self { list: object::list(deployment, "/status/conditions").to_vec(), now }
    }

    fn find(&self, kind: &str) -> Option<&Value> {
        self.list.iter().find(|condition| object::text(condition, "/type") == kind)
    }

    fn reason(&self, kind: &str) -> &str {
        self.find(kind).map(|condition| object::text(condition, "/reason")).unwrap_or_default()
    }

    fn updated(&self, kind: &str) -> Option<Timestamp> {
        object::time(self.find(kind)?, "/lastUpdateTime")
    }

    /// As `SetDeploymentCondition`: nothing happens while status and reason stay.
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let same = self.find(kind).is_some_and(|condition| {
            object::text(condition, "/status") == status
                && object::text(condition, "/reason") == reason
        });
        if !same {
            self.replace(kind, status, reason, message);
        }
    }

    /// Writes it anew; the transition time stays while the status does.
    fn replace(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let stamp = object::stamp(self.now);
        let since = self
            .find(kind)
            .filter(|condition| object::text(condition, "/status") == status)
            .map_or(stamp.as_str(), |condition| object::text(condition, "/lastTransitionTime"))
            .to_owned();
        self.list.retain(|condition| object::text(condition, "/type") != kind);
        self.list.push(json!({
            "type": kind, "status": status, "lastUpdateTime": stamp,
            "lastTransitionTime": since, "reason": reason, "message": message,
        }));
    }
}
