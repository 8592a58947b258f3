//! Which wave an object belongs to, and in which order the objects of a wave are applied.
//!
//! The wave is written by people. The rank inside a wave is inferred from the kind: what others
//! refer to comes before what refers to it.

use merge::object::annotation;
use merge::{GroupVersionKind, ObjectId};
use serde_json::Value;

/// The wave of an object.
pub const WAVE: &str = "cleat.dev/wave";

/// The same in Argo CD's words. [`WAVE`] wins where both stand.
pub const ARGO_WAVE: &str = "argocd.argoproj.io/sync-wave";

/// Annotations that make an object a hook: something to run at a certain moment, not a part of the
/// application.
pub const HOOKS: [&str; 3] = ["cleat.dev/hook", "argocd.argoproj.io/hook", "helm.sh/hook"];

/// The wave an object asks for: 0 without an annotation, and the annotation with its text if that is
/// no whole number.
pub fn wave(body: &Value) -> Result<i32, (&'static str, String)> {
    for key in [WAVE, ARGO_WAVE] {
        let Some(value) = body.pointer("/metadata/annotations").and_then(|it| it.get(key)) else {
            continue;
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return text.trim().parse().map_err(|_| (key, text));
    }
    Ok(0)
}

/// The annotation that makes an object a hook, with its value.
pub fn hook(body: &Value) -> Option<(&'static str, &str)> {
    HOOKS.into_iter().find_map(|key| annotation(body, key).map(|value| (key, value)))
}

/// How late in its wave a kind is applied.
///
/// 0 what others live in · 1 what defines or classes others · 2 what others mention by name ·
/// 3 bindings, and the Services whose addresses workloads are given · 4 workloads · 5 what points at
/// workloads, and every custom resource. A webhook configuration thus follows both its Service and
/// the workload behind it, or it would refuse them.
pub fn rank(id: &ObjectId) -> u8 {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("scheduling.k8s.io", "PriorityClass")
        | ("storage.k8s.io", "StorageClass" | "CSIDriver")
        | ("node.k8s.io", "RuntimeClass")
        | ("networking.k8s.io", "IngressClass") => 1,
        (
            "",
            "ServiceAccount"
            | "ConfigMap"
            | "Secret"
            | "PersistentVolume"
            | "PersistentVolumeClaim"
            | "ResourceQuota"
            | "LimitRange",
        )
        | ("rbac.authorization.k8s.io", "Role" | "ClusterRole")
        | ("networking.k8s.io", "NetworkPolicy") => 2,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") | ("", "Service") => 3,
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job" | "CronJob")
        | ("", "Pod" | "ReplicationController") => 4,
        _ => 5,
    }
}

/// The order of objects within a rank.
pub fn key(id: &ObjectId) -> (&str, &str, Option<&str>, &str) {
    (&id.kind, &id.group, id.namespace.as_deref(), &id.name)
}

/// The versions of kinds that a `CustomResourceDefinition` serves.
pub fn served_by(definition: &Value) -> Vec<GroupVersionKind> {
    let text = |pointer| definition.pointer(pointer).and_then(Value::as_str);
    let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else {
        return Vec::new();
    };
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served").and_then(Value::as_bool) != Some(false))
        .filter_map(|version| version.get("name").and_then(Value::as_str))
        .map(|version| GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        })
        .collect()
}

/// Whether an object defines kinds.
pub fn is_definition(id: &ObjectId) -> bool {
    id.group == "apiextensions.k8s.io" && id.kind == "CustomResourceDefinition"
}

/// Whether an object is a namespace.
pub fn is_namespace(id: &ObjectId) -> bool {
    id.group.is_empty() && id.kind == "Namespace"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn waves_are_read_from_either_annotation() {
        let annotated = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        for (annotations, expected) in [
            (json!({}), Ok(0)),
            (json!(null), Ok(0)),
            (json!({WAVE: "3"}), Ok(3)),
            (json!({WAVE: "-2"}), Ok(-2)),
            (json!({ARGO_WAVE: "5"}), Ok(5)),
            (json!({ARGO_WAVE: "5", WAVE: "1"}), Ok(1)),
            (json!({WAVE: "first"}), Err((WAVE, "first".to_owned()))),
            (json!({WAVE: "99999999999"}), Err((WAVE, "99999999999".to_owned()))),
            (json!({ARGO_WAVE: ""}), Err((ARGO_WAVE, String::new()))),
        ] {
            assert_eq!(wave(&annotated(annotations.clone())), expected, "{annotations}");
        }
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let id = |group: &str, kind: &str| ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "a".to_owned(),
        };
        let chain = [
            id("", "Namespace"),
            id("apiextensions.k8s.io", "CustomResourceDefinition"),
            id("rbac.authorization.k8s.io", "Role"),
            id("rbac.authorization.k8s.io", "RoleBinding"),
            id("apps", "Deployment"),
            id("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ];
        assert!(chain.is_sorted_by(|one, two| rank(one) < rank(two)));
        assert_eq!(rank(&id("example.com", "Secret")), 5, "a namesake in another group");
    }
}
