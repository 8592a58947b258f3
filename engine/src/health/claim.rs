//! Claims: `pvcConditions` of kstatus; `Lost` is final (`pkg/controller/volume/persistentvolume`).

use serde_json::Value;

use super::trouble::TroubleClass;
use super::{Health, Related, pods, read};

pub(super) fn assess(claim: &Value, _related: &Related<'_>) -> Health {
    match read::text(claim, &["status", "phase"]) {
        Some("Bound") => Health::healthy("bound"),
        Some("Lost") => {
            let volume = read::text(claim, &["spec", "volumeName"]).unwrap_or("it was bound to");
            let message = format!("lost: the volume {volume} is gone");
            Health::troubled(Vec::from_iter(pods::of(claim, TroubleClass::Degraded, message)))
        }
        _ => Health::progressing(
            "not bound: no volume fits yet, or its class waits for a first pod to use it",
        ),
    }
}
