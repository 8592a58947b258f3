//! What the workload kinds have in common.

use serde_json::Value;

use super::conditions::holds;
use super::trouble::{Trouble, TroubleClass};
use super::{Health, Status, pods};

/// A workload that is not where it should be: on its way, or in trouble.
pub(super) fn incomplete(message: String, troubles: Vec<Trouble>) -> Health {
    let status = troubles.iter().map(Trouble::status).max().unwrap_or(Status::Progressing);
    let message = match troubles.first() {
        Some(trouble) if trouble.object.kind == "Pod" => format!("{message}; {trouble}"),
        Some(own) => format!("{message}; {}", own.words()),
        None => message,
    };
    Health { status, message, trouble: troubles }
}

/// That the server lets no pod be created, in its words.
pub(super) fn replica_failure(object: &Value) -> Vec<Trouble> {
    let condition = holds(object, "ReplicaFailure");
    let trouble = condition.and_then(|condition| {
        let trouble = pods::of(object, TroubleClass::Quota, condition.words())?;
        Some(Trouble { since: condition.since(), ..trouble })
    });
    Vec::from_iter(trouble)
}
