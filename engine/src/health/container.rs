//! What is wrong with one container, from its status as the kubelet writes it.
//!
//! The reasons are those of `pkg/kubelet/images/types.go` (pulling),
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go` (creating, starting) and
//! `pkg/kubelet/container/sync_result.go` (back-off).

use serde_json::Value;

use super::read;
use super::trouble::TroubleClass;

/// What one container says.
pub(super) struct Finding {
    pub(super) class: TroubleClass,
    pub(super) message: String,
}

/// How a container is meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// For ever: an end of any kind is trouble.
    Service,
    /// To its end: an end without an error is what is wanted. Init containers and Jobs.
    Task,
}

/// What is wrong with a container; `None` if nothing is (yet).
pub(super) fn finding(status: &Value, role: Role) -> Option<Finding> {
    let restarts = u32::try_from(read::count(status, &["restartCount"])).unwrap_or_default();
    if let Some(waiting) = read::at(status, &["state", "waiting"]) {
        return waiting_finding(status, waiting, restarts);
    }
    if let Some(ended) = read::at(status, &["state", "terminated"]) {
        let failed = read::count(ended, &["exitCode"]) != 0 || role == Role::Service;
        return failed.then(|| Finding {
            class: crash(ended, restarts),
            message: format!("{}{}", end_of(ended), after(restarts)),
        });
    }
    let running = read::at(status, &["state", "running"]).is_some();
    if !running || role == Role::Task || read::is_true(status, &["ready"]) {
        return None;
    }
    let last = read::at(status, &["lastState", "terminated"]);
    let ended = last.map(|ended| format!("; last {}", end_of(ended))).unwrap_or_default();
    let message = format!("running, not ready{}{ended}", after(restarts));
    Some(Finding { class: TroubleClass::NotReady, message })
}

fn waiting_finding(status: &Value, waiting: &Value, restarts: u32) -> Option<Finding> {
    let reason = read::text(waiting, &["reason"])?;
    let words = read::text(waiting, &["message"]).unwrap_or_default();
    let last = read::at(status, &["lastState", "terminated"]);
    let class = match reason {
        "ContainerCreating" | "PodInitializing" => return None,
        "InvalidImageName" => TroubleClass::InvalidImageName,
        "ErrImageNeverPull" => TroubleClass::ImageNotFound,
        "ErrImagePull" | "ImagePullBackOff" => pull(words),
        "ImageInspectError" | "RegistryUnavailable" | "SignatureValidationFailed" => {
            TroubleClass::ImagePull
        }
        "CreateContainerConfigError" | "CreateContainerError" => TroubleClass::CreateContainer,
        "RunContainerError" | "StartError" | "PostStartHookError" | "PreCreateHookError"
        | "PreStartHookError" => TroubleClass::RunContainer,
        "CrashLoopBackOff" => {
            last.map_or(TroubleClass::CrashLoop { restarts }, |last| crash(last, restarts))
        }
        _ => TroubleClass::NotReady,
    };
    let mut message =
        if words.is_empty() { reason.to_owned() } else { format!("{reason}: {words}") };
    if matches!(class, TroubleClass::CrashLoop { .. } | TroubleClass::OutOfMemory { .. }) {
        let ended = last.map(|ended| format!("; last {}", end_of(ended))).unwrap_or_default();
        message = format!("{message}{}{ended}", after(restarts));
    }
    Some(Finding { class, message })
}

/// Whether a pull failed because there is no such image, by the words of containerd, CRI-O and the
/// registries. A refused credential may be worded "does not exist or may require authorization", so
/// refusals come first.
fn pull(words: &str) -> TroubleClass {
    const REFUSED: [&str; 6] =
        ["denied", "unauthorized", "authorization", "forbidden", "credentials", "no such host"];
    const ABSENT: [&str; 6] = [
        "not found",
        "notfound",
        "manifest unknown",
        "name unknown",
        "does not exist",
        "no such image",
    ];
    let words = words.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if !says(&REFUSED) && says(&ABSENT) {
        TroubleClass::ImageNotFound
    } else {
        TroubleClass::ImagePull
    }
}

fn crash(ended: &Value, restarts: u32) -> TroubleClass {
    if read::text(ended, &["reason"]) == Some("OOMKilled") {
        TroubleClass::OutOfMemory { restarts }
    } else {
        TroubleClass::CrashLoop { restarts }
    }
}

/// `exit code 1 (Error): the container's last words`.
fn end_of(ended: &Value) -> String {
    let code = read::count(ended, &["exitCode"]);
    let reason = read::text(ended, &["reason"]).unwrap_or("Error");
    match read::text(ended, &["message"]) {
        Some(message) => format!("exit code {code} ({reason}): {}", message.trim()),
        None => format!("exit code {code} ({reason})"),
    }
}

fn after(restarts: u32) -> String {
    match restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        many => format!(", restarted {many} times"),
    }
}
