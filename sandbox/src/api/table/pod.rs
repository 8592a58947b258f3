//! The row of a pod: its one-word status is picked out of containers' states
//! (`printPod` in `k8s.io/kubernetes/pkg/printers/internalversion`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{age, count};
use super::{AGE, Column};
use crate::registry::items;

pub(super) const COLUMNS: &[Column] = &[
    ("Ready", "string", 0),
    ("Status", "string", 0),
    ("Restarts", "string", 0),
    AGE,
    ("IP", "string", 1),
    ("Node", "string", 1),
    ("Nominated Node", "string", 1),
    ("Readiness Gates", "string", 1),
];

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let statuses = || items(pod, &["status", "containerStatuses"]);
    let ready = statuses().filter(|status| status.get("ready") == Some(&Value::Bool(true))).count();
    let restarts: i64 =
        statuses().filter_map(|status| status.get("restartCount").and_then(Value::as_i64)).sum();
    let or_none = |pointer: &str| {
        let found = pod.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        json!(found.unwrap_or("<none>"))
    };
    vec![
        json!(format!("{ready}/{}", count(pod, "/spec/containers"))),
        json!(status(pod)),
        json!(restarts.to_string()),
        age(pod, now),
        or_none("/status/podIP"),
        or_none("/spec/nodeName"),
        or_none("/status/nominatedNodeName"),
        json!("<none>"),
    ]
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Why a container is not running, if it is not.
fn reason(status: &Value) -> Option<String> {
    if let Some(reason) = text(status, "/state/waiting/reason") {
        return Some(reason.to_owned());
    }
    let ended = status.pointer("/state/terminated")?;
    Some(match (text(ended, "/reason"), ended.get("signal").and_then(Value::as_i64)) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        _ => {
            let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default();
            format!("ExitCode:{code}")
        }
    })
}

fn status(pod: &Value) -> String {
    let phase = text(pod, "/status/phase").unwrap_or("Unknown");
    let mut word = text(pod, "/status/reason").unwrap_or(phase).to_owned();
    let mut initialising = false;
    for (index, status) in items(pod, &["status", "initContainerStatuses"]).enumerate() {
        let code = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64);
        if code == Some(0) {
            continue;
        }
        let waiting = reason(status).filter(|reason| reason != "PodInitializing");
        word = waiting.map_or_else(
            || format!("Init:{index}/{}", count(pod, "/spec/initContainers")),
            |reason| format!("Init:{reason}"),
        );
        initialising = true;
        break;
    }
    if !initialising {
        let mut running = false;
        let statuses: Vec<&Value> = items(pod, &["status", "containerStatuses"]).collect();
        for status in statuses.into_iter().rev() {
            if let Some(reason) = reason(status) {
                word = reason;
            } else if status.get("ready") == Some(&Value::Bool(true)) {
                running = true;
            }
        }
        if word == "Completed" && running {
            let is_ready = items(pod, &["status", "conditions"]).any(|condition| {
                text(condition, "/type") == Some("Ready")
                    && text(condition, "/status") == Some("True")
            });
            word = if is_ready { "Running".to_owned() } else { "NotReady".to_owned() };
        }
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return "Terminating".to_owned();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_reason_that_matters() {
        for (body, word) in [
            (json!({"phase": "Pending"}), "Pending"),
            (
                json!({"phase": "Running", "containerStatuses":
                    [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
                "CrashLoopBackOff",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses":
                    [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}),
                "Init:ImagePullBackOff",
            ),
            (
                json!({"phase": "Failed", "containerStatuses":
                    [{"state": {"terminated": {"exitCode": 3}}}]}),
                "ExitCode:3",
            ),
        ] {
            assert_eq!(status(&json!({ "status": body })), word);
        }
        let going = json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}});
        assert_eq!(status(&going), "Terminating");
    }
}
