//! Pods by themselves.
//!
//! Follows `podConditions` of kstatus (cli-utils, `pkg/kstatus/status/core.go`) and the phases of the
//! documentation ("Pod Lifecycle").

use serde_json::Value;

use super::container::Role;
use super::trouble::TroubleClass;
use super::{Health, Related, pods, read};

pub(super) fn assess(pod: &Value, _related: &Related<'_>) -> Health {
    let restarts = read::text(pod, &["spec", "restartPolicy"]).unwrap_or("Always");
    let role = if restarts == "Always" { Role::Service } else { Role::Task };
    match read::text(pod, &["status", "phase"]) {
        Some("Succeeded") => Health::healthy("completed"),
        Some("Failed") => {
            Health::troubled(Vec::from_iter(pods::failed(pod, TroubleClass::PodFailed)))
        }
        Some("Unknown") => {
            let words = read::text(pod, &["status", "message"]);
            Health::unknown(words.unwrap_or("its node does not report"))
        }
        Some("Running") if pods::is_ready(pod) => Health::healthy("ready"),
        phase => {
            let troubles = pods::pod_troubles(pod, role);
            if troubles.is_empty() {
                let message = match phase {
                    Some("Running") => "running, not ready",
                    Some("Pending") => "its containers are being made",
                    _ => "no kubelet has reported yet",
                };
                return Health::progressing(message);
            }
            Health::troubled(troubles)
        }
    }
}
