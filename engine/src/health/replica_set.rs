//! ReplicaSets and ReplicationControllers.
//!
//! Follows `replicasetConditions` of kstatus; `ReplicaFailure` is set by
//! `calculateStatus` of `pkg/controller/replicaset/replica_set_utils.go`.

use serde_json::Value;

use super::container::Role;
use super::{Health, Related, pods, read, workload};

pub(super) fn assess(set: &Value, related: &Related<'_>) -> Health {
    let wanted = read::wanted_replicas(set);
    let count = |field| read::count(set, &["status", field]);
    let mut troubles = workload::replica_failure(set);
    troubles.extend(pods::troubles(pods::owned_by(set, related.pods), Role::Service));
    if count("replicas") > wanted {
        let more = count("replicas") - wanted;
        return Health::progressing(format!("pods still to go: {more}"));
    }
    if count("readyReplicas") < wanted {
        let message = format!("{} of {wanted} pods ready", count("readyReplicas"));
        return workload::incomplete(message, troubles);
    }
    if count("availableReplicas") < wanted {
        let message = format!("{} of {wanted} pods available", count("availableReplicas"));
        return workload::incomplete(message, troubles);
    }
    Health::healthy(format!("{wanted} of {wanted} pods ready"))
}
