//! Refusals that no recording shows, kind by kind: the field each names and a part of its words.

use serde_json::{Value, json};

use super::{Cause, create, immutable};
use crate::defaults::fill;

#[track_caller]
fn refused(causes: &[Cause], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> =
        causes.iter().map(|cause| (cause.field.as_str(), cause.message.as_str())).collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((field, message), (expected_field, words)) in found.iter().zip(expected) {
        assert_eq!(field, expected_field);
        assert!(message.contains(words), "{message:?} has no {words:?}");
    }
}

#[track_caller]
fn created(api_version: &str, kind: &str, rest: Value, expected: &[(&str, &str)]) {
    let mut object = rest;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    if object["metadata"].is_null() {
        object["metadata"] = json!({"name": "x"});
    }
    fill(&mut object);
    refused(&create(&object), expected);
}

#[track_caller]
fn changed(api_version: &str, kind: &str, old: Value, new: Value, expected: &[(&str, &str)]) {
    let [old, new] = [old, new].map(|mut object| {
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"] = json!({"name": "x", "uid": "u"});
        fill(&mut object);
        object
    });
    refused(&immutable(&old, &new), expected);
    refused(&immutable(&old, &old), &[]);
}

#[test]
fn pods() {
    let pod = |container: Value| json!({"spec": {"containers": [container]}});
    created(
        "v1",
        "Pod",
        pod(json!({"name": "A", "image": "a"})),
        &[("spec.containers[0].name", "lowercase RFC 1123 label")],
    );
    created(
        "v1",
        "Pod",
        pod(json!({"name": "a.b", "image": "a"})),
        &[("spec.containers[0].name", "must not contain dots")],
    );
    created(
        "v1",
        "Pod",
        pod(
            json!({"name": "a", "image": "a", "env": [{"name": "1A"}, {"name": "B", "valueFrom": {}}]}),
        ),
        &[
            ("spec.containers[0].env[0].name", "must not start with a digit"),
            ("spec.containers[0].env[1].valueFrom", "must specify one of"),
        ],
    );
    created(
        "v1",
        "Pod",
        json!({"spec": {"containers": [{"name": "a", "image": "a"}], "initContainers": [{"name": "a", "image": "a", "livenessProbe": {"exec": {"command": ["x"]}}}]}}),
        &[
            ("spec.initContainers[0].name", "Duplicate value: \"a\""),
            ("spec.initContainers[0].livenessProbe", "may not be set for init containers"),
        ],
    );
    created(
        "v1",
        "Pod",
        pod(
            json!({"name": "a", "image": "a", "livenessProbe": {"successThreshold": 2, "httpGet": {"port": 0}}}),
        ),
        &[
            ("spec.containers[0].livenessProbe.httpGet.port", "must be between 1 and 65535"),
            ("spec.containers[0].livenessProbe.successThreshold", "must be 1"),
        ],
    );
    let image =
        |image: &str, argument: &str| pod(json!({"name": "a", "image": image, "args": [argument]}));
    changed("v1", "Pod", image("a:1", "x"), image("a:2", "x"), &[]);
    changed(
        "v1",
        "Pod",
        image("a:1", "x"),
        image("a:1", "y"),
        &[("spec", "pod updates may not change fields other than")],
    );
}

#[test]
fn stateful_sets() {
    let spec = |service: &str, replicas: i64, image: &str| {
        json!({"spec": {"serviceName": service, "replicas": replicas, "selector": {"matchLabels": {"a": "1"}},
            "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": image}]}}}})
    };
    changed("apps/v1", "StatefulSet", spec("s", 1, "a:1"), spec("s", 2, "a:2"), &[]);
    changed(
        "apps/v1",
        "StatefulSet",
        spec("s", 1, "a"),
        spec("t", 1, "a"),
        &[("spec", "updates to statefulset spec")],
    );
    let mut wrong = spec("s", -1, "a");
    wrong["metadata"] = json!({"name": "a.b"});
    created(
        "apps/v1",
        "StatefulSet",
        wrong,
        &[
            ("metadata.name", "must not contain dots"),
            ("spec.replicas", "greater than or equal to 0"),
        ],
    );
}

#[test]
fn daemon_sets() {
    let spec = |rolling: Value| {
        json!({"spec": {"selector": {"matchLabels": {"a": "1"}}, "updateStrategy": {"rollingUpdate": rolling},
            "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}}})
    };
    created(
        "apps/v1",
        "DaemonSet",
        spec(json!({"maxUnavailable": 0})),
        &[("spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")],
    );
    created(
        "apps/v1",
        "DaemonSet",
        spec(json!({"maxSurge": 1})),
        &[(
            "spec.updateStrategy.rollingUpdate.maxSurge",
            "may not be set when maxUnavailable is non-zero",
        )],
    );
    created(
        "apps/v1",
        "DaemonSet",
        spec(json!({"maxUnavailable": "120%"})),
        &[("spec.updateStrategy.rollingUpdate.maxUnavailable", "must not be greater than 100%")],
    );
}

#[test]
fn jobs_and_cron_jobs() {
    let pod = |policy: &str| json!({"spec": {"restartPolicy": policy, "containers": [{"name": "a", "image": "a"}]}});
    created(
        "batch/v1",
        "Job",
        json!({"spec": {"template": pod("Always")}}),
        &[("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"")],
    );
    created(
        "batch/v1",
        "Job",
        json!({"spec": {"template": pod("Never"), "completionMode": "Indexed", "parallelism": 1}}),
        &[("spec.completions", "when completion mode is Indexed")],
    );
    let cron = |schedule: &str| json!({"spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": pod("Never")}}}});
    created("batch/v1", "CronJob", cron("*/5 * * * *"), &[]);
    created("batch/v1", "CronJob", cron("@daily"), &[]);
    created("batch/v1", "CronJob", cron(""), &[("spec.schedule", "Required value")]);
    created(
        "batch/v1",
        "CronJob",
        cron("* *"),
        &[("spec.schedule", "expected exactly 5 fields, found 2: [* *]")],
    );
}

#[test]
fn services() {
    let ports = json!([{"port": 80}]);
    created("v1", "Service", json!({"spec": {}}), &[("spec.ports", "Required value")]);
    created("v1", "Service", json!({"spec": {"clusterIP": "None"}}), &[]);
    let from_outside = |kind: &str, addresses: Value| {
        json!({"spec": {"type": kind, "externalIPs": addresses, "externalTrafficPolicy": "Local",
            "ports": [{"port": 80}]}})
    };
    created(
        "v1",
        "Service",
        from_outside("ClusterIP", json!([])),
        &[("spec.externalTrafficPolicy", "may only be set for externally-accessible services")],
    );
    created("v1", "Service", from_outside("ClusterIP", json!(["192.0.2.1"])), &[]);
    created("v1", "Service", from_outside("NodePort", json!([])), &[]);
    created(
        "v1",
        "Service",
        json!({"spec": {"type": "ExternalName"}}),
        &[("spec.externalName", "Required value")],
    );
    created(
        "v1",
        "Service",
        json!({"spec": {"type": "Outside", "ports": ports}}),
        &[(
            "spec.type",
            "Unsupported value: \"Outside\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        )],
    );
    created(
        "v1",
        "Service",
        json!({"spec": {"ports": [{"port": 80, "nodePort": 30000}]}}),
        &[("spec.ports[0].nodePort", "may not be used when `type` is 'ClusterIP'")],
    );
    created(
        "v1",
        "Service",
        json!({"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}}),
        &[("spec.ports[1]", "Duplicate value: core.ServicePort{")],
    );
}

#[test]
fn claims_and_classes() {
    let claim = |storage: &str, mode: &str| json!({"spec": {"accessModes": [mode], "resources": {"requests": {"storage": storage}}}});
    created("v1", "PersistentVolumeClaim", claim("1Gi", "ReadWriteOnce"), &[]);
    created(
        "v1",
        "PersistentVolumeClaim",
        json!({"spec": {}}),
        &[
            ("spec.accessModes", "at least 1 access mode"),
            ("spec.resources[storage]", "Required value"),
        ],
    );
    created(
        "v1",
        "PersistentVolumeClaim",
        claim("0", "Twice"),
        &[
            ("spec.accessModes", "Unsupported value: \"Twice\""),
            ("spec.resources[storage]", "must be greater than zero"),
        ],
    );
    changed(
        "v1",
        "PersistentVolumeClaim",
        claim("2Gi", "ReadWriteOnce"),
        claim("2048Mi", "ReadWriteOnce"),
        &[],
    );
    changed(
        "v1",
        "PersistentVolumeClaim",
        claim("2Gi", "ReadWriteOnce"),
        claim("1Gi", "ReadWriteOnce"),
        &[
            ("spec", "spec is immutable after creation"),
            ("spec.resources.requests.storage", "can not be less than previous value"),
        ],
    );
    changed(
        "storage.k8s.io/v1",
        "StorageClass",
        json!({"provisioner": "a", "volumeBindingMode": "Immediate"}),
        json!({"provisioner": "b", "volumeBindingMode": "WaitForFirstConsumer"}),
        &[
            ("provisioner", "updates to provisioner are forbidden."),
            ("volumeBindingMode", "Invalid value: \"WaitForFirstConsumer\": field is immutable"),
        ],
    );
    changed(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        json!({"value": 1}),
        json!({"value": 2}),
        &[("value", "may not be changed in an update.")],
    );
}

#[test]
fn roles_and_bindings() {
    let rbac = "rbac.authorization.k8s.io/v1";
    created(
        rbac,
        "Role",
        json!({"rules": [{"verbs": []}]}),
        &[
            ("rules[0].verbs", "at least one value"),
            ("rules[0].apiGroups", "at least one api group"),
            ("rules[0].resources", "at least one resource"),
        ],
    );
    created(
        rbac,
        "Role",
        json!({"rules": [{"verbs": ["get"], "nonResourceURLs": ["/"]}]}),
        &[("rules[0].nonResourceURLs", "namespaced rules cannot apply")],
    );
    let binding = |role: &str| json!({"roleRef": {"kind": "Role", "name": role}, "subjects": [{"kind": "User", "name": "u"}]});
    created(rbac, "RoleBinding", binding("r"), &[]);
    created(
        rbac,
        "ClusterRoleBinding",
        binding("r"),
        &[("roleRef.kind", "supported values: \"ClusterRole\"")],
    );
    changed(
        rbac,
        "RoleBinding",
        binding("r"),
        binding("s"),
        &[("roleRef", "cannot change roleRef")],
    );
}

#[test]
fn names_and_keys() {
    created(
        "v1",
        "ConfigMap",
        json!({"metadata": {"name": "x", "annotations": {"a b": "1"}}}),
        &[("metadata.annotations", "name part must consist of")],
    );
    created(
        "v1",
        "ConfigMap",
        json!({"metadata": {"name": "x", "labels": {"a/b/c": "1"}}}),
        &[("metadata.labels", "a qualified name must consist of")],
    );
    created("v1", "ConfigMap", json!({"data": {"..": "1"}}), &[("data[..]", "must not be '..'")]);
    created(
        "v1",
        "ConfigMap",
        json!({"data": {"a": "x".repeat(1_048_577)}}),
        &[("", "must have at most 1048576 bytes")],
    );
    created(
        "v1",
        "Secret",
        json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "no"}}),
        &[("data[.dockerconfigjson]", "<secret contents redacted>")],
    );
}
