//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.

use serde_json::{Value, json};

use super::{
    Fields, is_unset, items_at, map_at, map_made, map_of, set_absent, set_empty, storage, text_of,
};

/// The annotation that carries a DaemonSet's template generation.
pub(super) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// `SetDefaults_Deployment`.
pub(super) fn deployment(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_absent(spec, "replicas", 1);
    set_absent(spec, "revisionHistoryLimit", 10);
    set_absent(spec, "progressDeadlineSeconds", 600);
    rolling_update(
        spec,
        "strategy",
        [("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))],
    );
}

/// A strategy is a rolling update unless it says otherwise, with these parameters.
fn rolling_update<const N: usize>(spec: &mut Fields, field: &str, parameters: [(&str, Value); N]) {
    let Some(strategy) = map_made(spec, field) else { return };
    set_empty(strategy, "type", "RollingUpdate");
    if text_of(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = map_made(strategy, "rollingUpdate")
    {
        for (name, value) in parameters {
            set_absent(rolling, name, value);
        }
    }
}

/// `SetDefaults_ReplicaSet`.
pub(super) fn replica_set(object: &mut Fields) {
    if let Some(spec) = map_at(object, "spec") {
        set_absent(spec, "replicas", 1);
    }
}

/// `SetDefaults_ReplicationController`: selector and labels come from the template.
pub(super) fn replication_controller(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_absent(spec, "replicas", 1);
    let labels = map_of(spec, "template")
        .and_then(|template| map_of(template, "metadata"))
        .and_then(|metadata| metadata.get("labels"))
        .cloned();
    if let Some(labels) = labels {
        set_absent(spec, "selector", labels.clone());
        if let Some(metadata) = map_made(object, "metadata") {
            set_absent(metadata, "labels", labels);
        }
    }
}

/// `SetDefaults_DaemonSet`, and the annotation that `Convert_apps_DaemonSet_To_v1_DaemonSet` writes.
pub(super) fn daemon_set(object: &mut Fields) {
    if let Some(spec) = map_at(object, "spec") {
        set_absent(spec, "revisionHistoryLimit", 10);
        rolling_update(
            spec,
            "updateStrategy",
            [("maxUnavailable", json!(1)), ("maxSurge", json!(0))],
        );
    }
    if let Some(annotations) =
        map_made(object, "metadata").and_then(|metadata| map_made(metadata, "annotations"))
    {
        set_empty(annotations, TEMPLATE_GENERATION, "1");
    }
}

/// `SetDefaults_StatefulSet`. An explicit `RollingUpdate` without parameters gets none.
pub(super) fn stateful_set(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_empty(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = map_made(spec, "updateStrategy") {
        if is_unset(strategy, "type") {
            set_empty(strategy, "type", "RollingUpdate");
            set_absent(strategy, "rollingUpdate", json!({}));
        }
        if text_of(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = map_at(strategy, "rollingUpdate")
        {
            set_absent(rolling, "partition", 0);
        }
    }
    if let Some(retention) = map_made(spec, "persistentVolumeClaimRetentionPolicy") {
        set_empty(retention, "whenDeleted", "Retain");
        set_empty(retention, "whenScaled", "Retain");
    }
    set_absent(spec, "replicas", 1);
    set_absent(spec, "revisionHistoryLimit", 10);
    for template in items_at(spec, "volumeClaimTemplates") {
        storage::claim_template(template);
    }
}
