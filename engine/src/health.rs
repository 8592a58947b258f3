//! The health of an object, read from the object and from what it owns. A function of values: no
//! cluster, no clock.
//!
//! ```text
//! object ─┐                              ┌─ status   one word
//!         ├─ assess ── kind's own file ──┼─ message  one sentence for 3 a.m.
//! related ┘                              └─ trouble  the reasons, in the pods' own words
//! ```
//!
//! A workload answers for the pods of its *current* template only: what the template before left
//! behind neither helps nor harms it. How long trouble is tolerated is not decided here but in
//! [`crate::gate`].

mod api_service;
mod autoscaler;
mod claim;
mod conditions;
mod container;
mod cron_job;
mod custom;
mod daemon_set;
mod definition;
mod deployment;
mod disruption_budget;
mod exists;
mod ingress;
mod job;
mod namespace;
mod pod;
mod pods;
mod read;
mod replica_set;
mod service;
mod stateful_set;
mod trouble;
mod workload;

use std::fmt;

use merge::GroupVersionKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use claim::claims_of;
pub use trouble::{Trouble, TroubleClass};

/// How an object is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// It is what its specification asks for.
    Healthy,
    /// It is on its way there.
    Progressing,
    /// It is not, and does not get there by itself, as far as can be seen.
    Degraded,
    /// It stands still because it was told to, or until something needs it.
    Suspended,
    /// It is not in the cluster.
    Missing,
    /// Nothing about it tells.
    Unknown,
}

impl Status {
    /// Whether there is nothing to wait for and nothing to mend.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Healthy | Self::Suspended)
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Suspended => "Suspended",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// In one word.
    pub status: Status,
    /// In one sentence.
    pub message: String,
    /// What is wrong, the worst first; empty when nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<Trouble>,
}

/// What else of the cluster an object's health is read from. Everything may be given: each kind
/// picks its own: by owner, by uid; a claim the pods whose volumes name it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Related<'a> {
    /// Pods.
    pub pods: &'a [&'a Value],
    /// ReplicaSets.
    pub replica_sets: &'a [&'a Value],
    /// ControllerRevisions.
    pub controller_revisions: &'a [&'a Value],
}

type Rule = fn(&Value, &Related<'_>) -> Health;

/// The rule of each kind that has one: group, kind, rule. All other kinds are read by their conditions.
const RULES: &[(&str, &str, Rule)] = &[
    ("", "ConfigMap", exists::assess),
    ("", "Namespace", namespace::assess),
    ("", "PersistentVolumeClaim", claim::assess),
    ("", "Pod", pod::assess),
    ("", "ReplicationController", replica_set::assess),
    ("", "Secret", exists::assess),
    ("", "Service", service::assess),
    ("", "ServiceAccount", exists::assess),
    ("apiextensions.k8s.io", "CustomResourceDefinition", definition::assess),
    ("apiregistration.k8s.io", "APIService", api_service::assess),
    ("apps", "DaemonSet", daemon_set::assess),
    ("apps", "Deployment", deployment::assess),
    ("apps", "ReplicaSet", replica_set::assess),
    ("apps", "StatefulSet", stateful_set::assess),
    ("autoscaling", "HorizontalPodAutoscaler", autoscaler::assess),
    ("batch", "CronJob", cron_job::assess),
    ("batch", "Job", job::assess),
    ("networking.k8s.io", "Ingress", ingress::assess),
    ("policy", "PodDisruptionBudget", disruption_budget::assess),
    ("rbac.authorization.k8s.io", "ClusterRole", exists::assess),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", exists::assess),
    ("rbac.authorization.k8s.io", "Role", exists::assess),
    ("rbac.authorization.k8s.io", "RoleBinding", exists::assess),
];

/// Kinds that are on their way until their controller has reported for the first time.
const REPORTED: [(&str, &str); 4] = [
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
];

/// How an object is. `null` is an object that is not there.
pub fn assess(object: &Value, related: &Related<'_>) -> Health {
    if object.is_null() {
        return Health {
            status: Status::Missing,
            message: "not there".to_owned(),
            trouble: vec![],
        };
    }
    let Some(gvk) = GroupVersionKind::of(object) else {
        return Health::unknown("it states no apiVersion and kind");
    };
    let kind = (gvk.group.as_str(), gvk.kind.as_str());
    if pods::is_leaving(object) && kind != ("", "Namespace") {
        return Health::progressing(leaving(object));
    }
    if let Some(waiting) = unobserved(object, kind) {
        return Health::progressing(waiting);
    }
    let rule = RULES.iter().find(|(group, name, _)| (*group, *name) == kind);
    rule.map_or(custom::assess as Rule, |(_, _, rule)| *rule)(object, related)
}

/// That an object is being deleted, and what holds it.
fn leaving(object: &Value) -> String {
    let finalizers = read::list(object, &["metadata", "finalizers"]);
    let names: Vec<&str> = finalizers.iter().filter_map(Value::as_str).collect();
    if names.is_empty() {
        "being deleted".to_owned()
    } else {
        format!("being deleted; waits for {}", names.join(", "))
    }
}

/// That an object's status speaks of an earlier generation (`checkGeneration` of kstatus), or of none.
fn unobserved(object: &Value, kind: (&str, &str)) -> Option<String> {
    let generation = merge::object::generation(object);
    let observed = read::number(object, &["status", "observedGeneration"]);
    match (generation, observed) {
        (Some(generation), Some(observed)) if observed < generation => {
            Some(format!("its controller has not seen generation {generation} yet"))
        }
        (_, None) if REPORTED.contains(&kind) => {
            Some("its controller has not reported yet".to_owned())
        }
        _ => None,
    }
}

impl Health {
    fn of(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), trouble: Vec::new() }
    }

    fn healthy(message: impl Into<String>) -> Self {
        Self::of(Status::Healthy, message)
    }

    fn progressing(message: impl Into<String>) -> Self {
        Self::of(Status::Progressing, message)
    }

    fn suspended(message: impl Into<String>) -> Self {
        Self::of(Status::Suspended, message)
    }

    fn unknown(message: impl Into<String>) -> Self {
        Self::of(Status::Unknown, message)
    }

    /// The health of an object that says itself what is wrong with it.
    fn troubled(trouble: Vec<Trouble>) -> Self {
        let status = trouble.iter().map(Trouble::status).max().unwrap_or(Status::Progressing);
        let message = trouble.first().map_or_else(String::new, Trouble::words);
        Self { status, message, trouble }
    }
}

#[cfg(test)]
mod tests;
