//! A pod's status as its kubelet writes it, from the stages its containers are in.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::life::{Container, Ending, Life, Stage};
use crate::workloads::object;

/// The status of a pod. What others wrote into it (conditions of readiness gates, say) stays.
pub(super) fn status(pod: &Value, life: &Life, host: &str, now: Timestamp) -> Value {
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    let phase = phase(life, object::text(pod, "/spec/restartPolicy"));
    let stamp = object::stamp(life.seen);
    let started = Some(object::text(pod, "/status/startTime"))
        .filter(|time| !time.is_empty())
        .unwrap_or(&stamp)
        .to_owned();
    object::set(&mut status, "phase", json!(phase));
    object::set(&mut status, "hostIP", json!(host));
    object::set(&mut status, "hostIPs", json!([{"ip": host}]));
    object::set(&mut status, "startTime", json!(started));
    if let Some(address) = &life.address {
        object::set(&mut status, "podIP", json!(address));
        object::set(&mut status, "podIPs", json!([{"ip": address}]));
    }
    let has_init = life.containers.iter().any(|container| container.is_init);
    for (field, is_init) in [("initContainerStatuses", true), ("containerStatuses", false)] {
        let statuses: Vec<Value> = life
            .containers
            .iter()
            .filter(|container| container.is_init == is_init)
            .map(|container| container_status(life, container, has_init))
            .collect();
        if !statuses.is_empty() {
            object::set(&mut status, field, Value::Array(statuses));
        }
    }
    object::set(&mut status, "conditions", conditions(pod, life, phase, now));
    status
}

/// `getPhase` of the kubelet.
pub(super) fn phase(life: &Life, restart_policy: &str) -> &'static str {
    let init_failed = life.containers.iter().any(|container| {
        container.is_init && matches!(container.stage, Stage::Ended { code } if code != 0)
    });
    if init_failed && restart_policy == "Never" {
        return "Failed";
    }
    if !is_initialized(life) {
        return "Pending";
    }
    let mut codes = Vec::new();
    let mut began = false;
    for container in life.containers.iter().filter(|container| !container.is_init) {
        match container.stage {
            Stage::Ended { code } => codes.push(code),
            Stage::Running { .. } | Stage::BackOff => return "Running",
            _ => began |= container.last.is_some(),
        }
    }
    let all = life.containers.iter().filter(|container| !container.is_init).count();
    if codes.len() < all {
        return if codes.is_empty() && !began { "Pending" } else { "Running" };
    }
    if codes.iter().all(|code| *code == 0) { "Succeeded" } else { "Failed" }
}

fn is_initialized(life: &Life) -> bool {
    incomplete(life).is_empty()
}

/// Init containers that are not done.
fn incomplete(life: &Life) -> Vec<&str> {
    life.containers
        .iter()
        .filter(|container| container.is_init)
        .filter(|container| match container.stage {
            Stage::Ended { code } => code != 0,
            Stage::Running { .. } => !container.is_sidecar,
            _ => true,
        })
        .map(|container| container.name.as_str())
        .collect()
}

fn is_ready(container: &Container) -> bool {
    match container.stage {
        Stage::Running { ready } => ready,
        // An init container that is done counts as ready.
        Stage::Ended { code } => container.is_init && code == 0,
        _ => false,
    }
}

fn container_status(life: &Life, container: &Container, has_init: bool) -> Value {
    let terminated = |ending: Ending| {
        json!({"terminated": {
            "exitCode": ending.code, "reason": if ending.code == 0 { "Completed" } else { "Error" },
            "startedAt": object::stamp(ending.started), "finishedAt": object::stamp(ending.finished),
            "containerID": container_id(container),
        }})
    };
    let waiting = |reason: &str, message: Option<String>| match message {
        Some(message) => json!({"waiting": {"reason": reason, "message": message}}),
        None => json!({"waiting": {"reason": reason}}),
    };
    let state = match container.stage {
        Stage::Waiting | Stage::Creating if has_init => waiting("PodInitializing", None),
        Stage::Waiting | Stage::Creating => waiting("ContainerCreating", None),
        Stage::PullFailed => waiting("ErrImagePull", Some(container.pull_error())),
        Stage::PullBackOff => {
            let message = format!(
                "Back-off pulling image \"{}\": ErrImagePull: {}",
                container.image,
                container.pull_error()
            );
            waiting("ImagePullBackOff", Some(message))
        }
        Stage::Running { .. } => {
            let started = container.started.unwrap_or(container.since);
            json!({"running": {"startedAt": object::stamp(started)}})
        }
        Stage::BackOff => {
            let message = format!(
                "back-off {} restarting failed container={} pod={}",
                Life::named_back_off(container.restarts),
                container.name,
                life.full_name()
            );
            waiting("CrashLoopBackOff", Some(message))
        }
        Stage::Ended { code } => {
            let at = container.since;
            terminated(container.last.unwrap_or(Ending { code, started: at, finished: at }))
        }
    };
    let ended = matches!(container.stage, Stage::Ended { .. });
    let last = container.last.filter(|_| !ended).map_or_else(|| json!({}), terminated);
    let was_started = container.started.is_some() || container.last.is_some();
    let mut status = json!({
        "name": container.name, "state": state, "lastState": last, "ready": is_ready(container),
        "restartCount": container.restarts, "image": container.image,
        "imageID": if was_started { image_id(&container.image) } else { String::new() },
        "started": matches!(container.stage, Stage::Running { .. }),
    });
    if was_started {
        object::set(&mut status, "containerID", json!(container_id(container)));
    }
    status
}

fn image_id(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let base = match name.rfind(':') {
        Some(colon) if !name.get(colon..).unwrap_or_default().contains('/') => {
            name.get(..colon).unwrap_or(name)
        }
        _ => name,
    };
    format!("{base}@sha256:{}", merge::Digest::of(&json!(image)))
}

fn container_id(container: &Container) -> String {
    let seed = json!([container.name, container.image, container.restarts]);
    format!("containerd://{}", merge::Digest::of(&seed))
}

/// Initialized, Ready, ContainersReady and PodScheduled, in this order, then what others wrote
/// (`GeneratePodReadyCondition` and its kin).
fn conditions(pod: &Value, life: &Life, phase: &str, now: Timestamp) -> Value {
    let unready: Vec<&str> = life
        .containers
        .iter()
        .filter(|container| !container.is_init && !is_ready(container))
        .map(|container| container.name.as_str())
        .collect();
    let names = |names: &[&str]| names.join(" ");
    let initialized = match incomplete(life).as_slice() {
        _ if phase == "Succeeded" => Ok(()),
        [] => Ok(()),
        incomplete => Err((
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", names(incomplete)),
        )),
    };
    let unready_message = format!("containers with unready status: [{}]", names(&unready));
    let containers_ready = match phase {
        "Succeeded" => Err(("PodCompleted", unready_message)),
        "Failed" => Err(("PodFailed", unready_message)),
        _ if unready.is_empty() => Ok(()),
        _ => Err(("ContainersNotReady", unready_message)),
    };
    let gates: Vec<&str> = object::list(pod, "/spec/readinessGates")
        .iter()
        .map(|gate| object::text(gate, "/conditionType"))
        .filter(|gate| !object::condition_is_true(pod, gate))
        .collect();
    let ready = match (&containers_ready, gates.first()) {
        (Ok(()), Some(gate)) => Err((
            "ReadinessGatesNotReady",
            format!("corresponding condition of pod readiness gate \"{gate}\" does not exist."),
        )),
        (other, _) => other.clone(),
    };
    let mut list = vec![
        condition(pod, "Initialized", initialized, now),
        condition(pod, "Ready", ready, now),
        condition(pod, "ContainersReady", containers_ready, now),
        condition(pod, "PodScheduled", Ok(()), now),
    ];
    for other in object::list(pod, "/status/conditions") {
        if !list.iter().any(|mine| mine.get("type") == other.get("type")) {
            list.push(other.clone());
        }
    }
    Value::Array(list)
}

fn condition(
    pod: &Value,
    kind: &str,
    holds: Result<(), (&'static str, String)>,
    now: Timestamp,
) -> Value {
    let status = if holds.is_ok() { "True" } else { "False" };
    let stamp = object::stamp(now);
    let since = object::condition(pod, kind)
        .filter(|old| object::text(old, "/status") == status)
        .map_or(stamp.as_str(), |old| object::text(old, "/lastTransitionTime"));
    let mut condition = json!({
        "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since,
    });
    if let Err((reason, message)) = holds {
        object::set(&mut condition, "reason", json!(reason));
        object::set(&mut condition, "message", json!(message));
    }
    condition
}
