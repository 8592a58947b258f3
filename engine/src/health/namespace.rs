//! Namespaces: `status.phase`, and why a deletion does not come to its end (the conditions of
//! `pkg/controller/namespace/deletion/status_condition_utils.go`).

use serde_json::Value;

use super::conditions::holds;
use super::{Health, Related, read};

/// The conditions that say what remains.
const REMAINING: [&str; 5] = [
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
];

pub(super) fn assess(namespace: &Value, _related: &Related<'_>) -> Health {
    if read::text(namespace, &["status", "phase"]) != Some("Terminating") {
        return Health::healthy("active");
    }
    match REMAINING.iter().find_map(|kind| holds(namespace, kind)) {
        Some(condition) => Health::progressing(format!("being deleted; {}", condition.words())),
        None => Health::progressing("being deleted"),
    }
}
