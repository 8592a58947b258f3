//! DaemonSets.
//!
//! The order of questions is that of `DaemonSetStatusViewer.Status` of kubectl and of
//! `daemonsetConditions` in kstatus. The current pods are those of the newest ControllerRevision;
//! where none was given, those of the template's generation (`IsPodUpdated` of
//! `pkg/controller/daemon/util/daemonset_util.go` knows both).

use merge::object::{annotation, controller_uid, label, uid};
use serde_json::Value;

use super::container::Role;
use super::{Health, Related, pods, read, workload};

const HASH: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

pub(super) fn assess(set: &Value, related: &Related<'_>) -> Health {
    if read::at(set, &["status", "desiredNumberScheduled"]).is_none() {
        return Health::progressing("its controller has not reported yet");
    }
    let count = |field| read::count(set, &["status", field]);
    let wanted = count("desiredNumberScheduled");
    let on_delete = read::text(set, &["spec", "updateStrategy", "type"]) == Some("OnDelete");
    let message = if count("currentNumberScheduled") < wanted {
        format!("{} of {wanted} pods made", count("currentNumberScheduled"))
    } else if !on_delete && count("updatedNumberScheduled") < wanted {
        format!("{} of {wanted} pods updated", count("updatedNumberScheduled"))
    } else if count("numberAvailable") < wanted {
        format!("{} of {wanted} pods available", count("numberAvailable"))
    } else if wanted == 0 {
        return Health::healthy("no node matches it: no pod is wanted");
    } else {
        return Health::healthy(format!("{wanted} of {wanted} pods ready"));
    };
    let current = pods::owned_by(set, related.pods).filter(|pod| is_current(set, pod, related));
    workload::incomplete(message, pods::troubles(current, Role::Service))
}

fn is_current(set: &Value, pod: &Value, related: &Related<'_>) -> bool {
    let revisions = related.controller_revisions.iter().copied();
    let newest = revisions
        .filter(|revision| uid(set).is_some() && controller_uid(revision) == uid(set))
        .max_by_key(|revision| read::count(revision, &["revision"]));
    if let Some(hash) = newest.and_then(|revision| label(revision, HASH)) {
        return label(pod, HASH) == Some(hash);
    }
    match annotation(set, TEMPLATE_GENERATION) {
        Some(generation) => label(pod, GENERATION).is_none_or(|it| it == generation),
        None => true,
    }
}
