//! Looking through a workload to its pods: which of them count, and what the worst of them says.

use merge::ObjectId;
use merge::object::{controller_uid, metadata, uid};
use serde_json::Value;

use super::conditions::{denied, holds};
use super::container::{Role, finding};
use super::read;
use super::trouble::{Trouble, TroubleClass};

/// The pods whose controller has this uid, those on their way out excepted.
pub(super) fn owned_by<'a>(
    owner: &'a Value,
    pods: &'a [&'a Value],
) -> impl Iterator<Item = &'a Value> {
    let owner = uid(owner);
    pods.iter()
        .copied()
        .filter(move |pod| owner.is_some() && controller_uid(pod) == owner && !is_leaving(pod))
}

/// Whether an object is being deleted.
pub(super) fn is_leaving(object: &Value) -> bool {
    metadata(object).is_some_and(|it| it.get("deletionTimestamp").is_some_and(Value::is_string))
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    holds(pod, "Ready").is_some()
}

/// What is wrong with the pods of a workload whose controller replaces pods that failed: the worst
/// first, a failed pod last of all, since another takes its place.
pub(super) fn troubles<'a>(pods: impl Iterator<Item = &'a Value>, role: Role) -> Vec<Trouble> {
    let mut found: Vec<Trouble> = pods
        .flat_map(|pod| {
            if is_failed(pod) {
                Vec::from_iter(failed(pod, TroubleClass::NotReady))
            } else {
                pod_troubles(pod, role)
            }
        })
        .collect();
    found.sort_by(|one, two| {
        weight(one).cmp(&weight(two)).then_with(|| one.object.cmp(&two.object))
    });
    found
}

/// The order in which troubles are told: what waiting cannot mend first.
fn weight(trouble: &Trouble) -> u8 {
    match trouble.class {
        TroubleClass::InvalidImageName => 0,
        TroubleClass::ImageNotFound => 1,
        TroubleClass::OutOfMemory { .. } | TroubleClass::CrashLoop { .. } => 2,
        TroubleClass::RunContainer | TroubleClass::CreateContainer => 3,
        TroubleClass::ImagePull => 4,
        TroubleClass::Quota | TroubleClass::PodFailed | TroubleClass::JobFailed => 5,
        TroubleClass::Unschedulable | TroubleClass::StuckPod => 6,
        TroubleClass::ProgressDeadline | TroubleClass::Degraded => 7,
        TroubleClass::NotReady => 8,
    }
}

pub(super) fn is_failed(pod: &Value) -> bool {
    read::text(pod, &["status", "phase"]) == Some("Failed")
}

/// That a pod failed, in its own words.
pub(super) fn failed(pod: &Value, class: TroubleClass) -> Option<Trouble> {
    let message =
        match (read::text(pod, &["status", "reason"]), read::text(pod, &["status", "message"])) {
            (Some(reason), Some(message)) => format!("{reason}: {message}"),
            (Some(words), None) | (None, Some(words)) => words.to_owned(),
            (None, None) => {
                let ended = pod_troubles(pod, Role::Task).into_iter().next();
                let ended = ended.map(|trouble| Trouble { class: class.clone(), ..trouble });
                return ended.or_else(|| of(pod, class, "the pod failed".to_owned()));
            }
        };
    of(pod, class, message)
}

/// What is wrong with one pod that has not ended.
pub(super) fn pod_troubles(pod: &Value, role: Role) -> Vec<Trouble> {
    if let Some(unscheduled) = denied(pod, "PodScheduled") {
        // Gated pods are held back on purpose (`spec.schedulingGates`).
        let class = match unscheduled.reason() {
            Some("SchedulingGated") => TroubleClass::NotReady,
            _ => TroubleClass::Unschedulable,
        };
        let trouble = of(pod, class, unscheduled.words());
        return Vec::from_iter(
            trouble.map(|trouble| Trouble { since: unscheduled.since(), ..trouble }),
        );
    }
    let mut found = Vec::new();
    for status in read::list(pod, &["status", "initContainerStatuses"]) {
        found.extend(container_trouble(pod, status, "initContainers", init_role(pod, status)));
    }
    for status in read::list(pod, &["status", "containerStatuses"]) {
        found.extend(container_trouble(pod, status, "containers", role));
    }
    if found.is_empty() && role == Role::Service {
        found.extend(unfulfilled_gate(pod));
    }
    found
}

/// That a pod whose containers are ready waits for a condition somebody else has to set
/// (`spec.readinessGates`).
fn unfulfilled_gate(pod: &Value) -> Option<Trouble> {
    let containers = read::list(pod, &["status", "containerStatuses"]);
    let ready = !containers.is_empty() && containers.iter().all(|it| read::is_true(it, &["ready"]));
    let gates = read::list(pod, &["spec", "readinessGates"]).iter();
    let mut gates = gates.filter_map(|gate| read::text(gate, &["conditionType"]));
    let open = gates.find(|gate| ready && holds(pod, gate).is_none())?;
    of(pod, TroubleClass::NotReady, format!("waits for its readiness gate {open}"))
}

/// An init container that restarts always is a sidecar: it runs for as long as the pod does.
fn init_role(pod: &Value, status: &Value) -> Role {
    let name = read::text(status, &["name"]);
    let mut specified = read::list(pod, &["spec", "initContainers"]).iter();
    let sidecar = specified.any(|it| {
        read::text(it, &["name"]) == name && read::text(it, &["restartPolicy"]) == Some("Always")
    });
    if sidecar { Role::Service } else { Role::Task }
}

fn container_trouble(pod: &Value, status: &Value, list: &str, role: Role) -> Option<Trouble> {
    let found = finding(status, role)?;
    let name = read::text(status, &["name"]);
    // The image as it was asked for: the status may have it resolved to a digest.
    let mut specified = read::list(pod, &["spec", list]).iter();
    let image = specified
        .find(|it| read::text(it, &["name"]) == name)
        .and_then(|it| read::text(it, &["image"]))
        .or_else(|| read::text(status, &["image"]));
    Some(Trouble {
        container: name.map(str::to_owned),
        image: image.map(str::to_owned),
        ..of(pod, found.class, found.message)?
    })
}

/// A trouble of an object.
pub(super) fn of(object: &Value, class: TroubleClass, message: String) -> Option<Trouble> {
    Some(Trouble {
        class,
        object: ObjectId::of(object)?,
        uid: uid(object).map(str::to_owned),
        container: None,
        image: None,
        message,
        since: None,
    })
}
