//! Kinds whose health is one question.

use serde_json::Value;

use super::conditions::{denied, holds};
use super::trouble::TroubleClass;
use super::{Health, Related, pods, read};

/// Kinds that are what they are as soon as they exist.
pub(super) fn exists(_object: &Value, _related: &Related<'_>) -> Health {
    Health::healthy("exists")
}

/// Namespaces: `status.phase`, and why a deletion does not come to its end (the conditions of
/// `pkg/controller/namespace/deletion/status_condition_utils.go`).
pub(super) fn namespace(namespace: &Value, _related: &Related<'_>) -> Health {
    if read::text(namespace, &["status", "phase"]) != Some("Terminating") {
        return Health::healthy("active");
    }
    const REMAINING: [&str; 5] = [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceFinalizersRemaining",
        "NamespaceContentRemaining",
    ];
    match REMAINING.iter().find_map(|kind| holds(namespace, kind)) {
        Some(condition) => Health::progressing(format!("being deleted; {}", condition.words())),
        None => Health::progressing("being deleted"),
    }
}

/// Definitions of custom kinds: `crdConditions` of kstatus.
pub(super) fn definition(definition: &Value, _related: &Related<'_>) -> Health {
    if let Some(refused) = denied(definition, "NamesAccepted") {
        let trouble = pods::of(definition, TroubleClass::Degraded, refused.words());
        return Health::troubled(Vec::from_iter(trouble));
    }
    if holds(definition, "Established").is_some() {
        return Health::healthy("established");
    }
    Health::progressing("its kind is not served yet")
}

/// CronJobs: they schedule or they do not. How their Jobs fare is the Jobs' own health.
pub(super) fn cron_job(job: &Value, _related: &Related<'_>) -> Health {
    if read::is_true(job, &["spec", "suspend"]) {
        return Health::suspended("suspended: it schedules nothing");
    }
    match read::text(job, &["status", "lastScheduleTime"]) {
        Some(time) => Health::healthy(format!("last scheduled at {time}")),
        None => Health::healthy("not scheduled yet"),
    }
}

/// Claims: `pvcConditions` of kstatus; `Lost` is final (`pkg/controller/volume/persistentvolume`).
pub(super) fn claim(claim: &Value, _related: &Related<'_>) -> Health {
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

/// Services: only a load balancer has to be waited for (`serviceConditions` of kstatus).
pub(super) fn service(service: &Value, _related: &Related<'_>) -> Health {
    if read::text(service, &["spec", "type"]) != Some("LoadBalancer") {
        return Health::healthy("exists");
    }
    match balanced(service) {
        Some(address) => Health::healthy(format!("reachable at {address}")),
        None => Health::progressing("no load balancer has given it an address yet"),
    }
}

/// Ingresses: many controllers never report an address, so none is waited for.
pub(super) fn ingress(ingress: &Value, _related: &Related<'_>) -> Health {
    match balanced(ingress) {
        Some(address) => Health::healthy(format!("reachable at {address}")),
        None => Health::healthy("exists; no controller has reported an address"),
    }
}

fn balanced(object: &Value) -> Option<&str> {
    let first = read::list(object, &["status", "loadBalancer", "ingress"]).first()?;
    read::text(first, &["ip"]).or_else(|| read::text(first, &["hostname"]))
}

/// Disruption budgets: `pdbConditions` of kstatus. A budget that allows nothing right now is doing
/// what it is for.
pub(super) fn disruption_budget(budget: &Value, _related: &Related<'_>) -> Health {
    let count = |field| read::count(budget, &["status", field]);
    if read::at(budget, &["status", "disruptionsAllowed"]).is_none() {
        return Health::healthy("exists");
    }
    Health::healthy(format!(
        "{} of {} needed pods healthy, {} may be disrupted",
        count("currentHealthy"),
        count("desiredHealthy"),
        count("disruptionsAllowed"),
    ))
}

/// Autoscalers: the conditions of `pkg/controller/podautoscaler/horizontal.go`.
pub(super) fn autoscaler(autoscaler: &Value, _related: &Related<'_>) -> Health {
    for kind in ["AbleToScale", "ScalingActive"] {
        let Some(condition) = denied(autoscaler, kind) else { continue };
        if condition.reason() == Some("ScalingDisabled") {
            return Health::suspended(condition.words());
        }
        // Metrics come some time after the pods do: only the wave's deadline ends this.
        let trouble = pods::of(autoscaler, TroubleClass::NotReady, condition.words());
        let message = trouble.as_ref().map(|trouble| trouble.message.clone()).unwrap_or_default();
        let status = super::Status::Degraded;
        return Health { status, message, trouble: Vec::from_iter(trouble) };
    }
    match holds(autoscaler, "ScalingLimited") {
        Some(limited) => Health::healthy(format!("scaling; {}", limited.words())),
        None if holds(autoscaler, "ScalingActive").is_some() => Health::healthy("scaling"),
        None => Health::healthy("exists; its controller has not reported"),
    }
}

/// Aggregated APIs: the `Available` condition (kube-aggregator, `available_controller.go`).
pub(super) fn api_service(service: &Value, _related: &Related<'_>) -> Health {
    if holds(service, "Available").is_some() {
        return Health::healthy("available");
    }
    let Some(condition) = denied(service, "Available") else {
        return Health::progressing("its availability is not known yet");
    };
    let trouble = pods::of(service, TroubleClass::NotReady, condition.words());
    Health::troubled(Vec::from_iter(trouble))
}
