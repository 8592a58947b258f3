//! Deployments.
//!
//! The order of questions is that of `kubectl rollout status` (`DeploymentStatusViewer.Status` in
//! `kubectl/pkg/polymorphichelpers/rollout_status.go`) and of `deploymentConditions` in kstatus. The
//! current ReplicaSet is found as `FindNewReplicaSet` of
//! `pkg/controller/deployment/util/deployment_util.go` does: by the template, `pod-template-hash`
//! aside.

use merge::object::{annotation, controller_uid, uid};
use serde_json::Value;

use super::conditions::{denied, holds};
use super::container::Role;
use super::trouble::{Trouble, TroubleClass};
use super::{Health, Related, Status, pods, read, workload};

const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn assess(deployment: &Value, related: &Related<'_>) -> Health {
    let wanted = read::wanted_replicas(deployment);
    let count = |field| read::count(deployment, &["status", field]);
    if read::is_true(deployment, &["spec", "paused"]) {
        return Health::suspended("paused: changes of its template wait until it is resumed");
    }
    let message = if count("updatedReplicas") < wanted {
        format!("{} of {wanted} pods updated", count("updatedReplicas"))
    } else if count("replicas") > count("updatedReplicas") {
        let old = count("replicas") - count("updatedReplicas");
        format!("old pods still to go: {old}")
    } else if count("availableReplicas") < wanted {
        format!("{} of {wanted} updated pods available", count("availableReplicas"))
    } else {
        return Health::healthy(format!("{wanted} of {wanted} pods ready"));
    };
    workload::incomplete(message, troubles(deployment, related))
}

/// The pods' own words first, since they say why; then those of the Deployment.
fn troubles(deployment: &Value, related: &Related<'_>) -> Vec<Trouble> {
    let current = current_replica_set(deployment, related);
    let mut troubles: Vec<Trouble> = current.map_or_else(Vec::new, |set| {
        pods::troubles(pods::owned_by(set, related.pods), Role::Service)
    });
    let refused = workload::replica_failure(deployment);
    // The condition may still speak of a ReplicaSet that is no longer the current one.
    let stale = current.is_some_and(|set| holds(set, "ReplicaFailure").is_none());
    if !stale {
        troubles.extend(refused);
    }
    let late = denied(deployment, "Progressing")
        .filter(|condition| condition.reason() == Some("ProgressDeadlineExceeded"));
    if let Some(condition) = late {
        let words = match troubles.first() {
            Some(trouble) => format!("{}; {trouble}", condition.words()),
            None => condition.words(),
        };
        let trouble = pods::of(deployment, TroubleClass::ProgressDeadline, words);
        let trouble = trouble.map(|trouble| Trouble { since: condition.since(), ..trouble });
        // A deadline says more than that a pod is not ready, and less than why it cannot be.
        let vague = troubles.iter().all(|it| it.status() == Status::Progressing);
        troubles.splice(if vague { 0..0 } else { troubles.len()..troubles.len() }, trouble);
    }
    troubles
}

/// The ReplicaSet of the current template. Where no template matches (an old server's defaults, or a
/// list without bodies), the one that bears the Deployment's own revision number.
fn current_replica_set<'a>(deployment: &Value, related: &Related<'a>) -> Option<&'a Value> {
    let owner = uid(deployment)?;
    let owned = || {
        let sets = related.replica_sets.iter().copied();
        sets.filter(|set| controller_uid(set) == Some(owner))
    };
    let template = template_of(deployment);
    let same = owned().filter(|set| template.is_some() && template_of(set) == template);
    // Of several, the oldest is the one the controller takes.
    let oldest = same.min_by_key(|set| read::text(set, &["metadata", "creationTimestamp"]));
    oldest.or_else(|| {
        let revision = annotation(deployment, REVISION)?;
        owned().find(|set| annotation(set, REVISION) == Some(revision))
    })
}

/// A pod template without the label that tells ReplicaSets apart.
fn template_of(object: &Value) -> Option<Value> {
    let mut template = read::at(object, &["spec", "template"])?.clone();
    let labels = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut);
    if let Some(labels) = labels {
        labels.remove("pod-template-hash");
    }
    Some(template)
}
