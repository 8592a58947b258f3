//! Tables and laws of taking over.

use serde_json::json;

use super::*;
use crate::managed::{self, owned_by};

const TIME: &str = "2024-01-01T00:00:00Z";
pub(super) const LATER: &str = "2024-01-02T00:00:00Z";
const CLEAT: Takeover<'_> = Takeover { manager: "cleat", predecessors: PREDECESSORS };

pub(super) fn deployment(spec: &Value) -> Value {
    let mut body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]}}}});
    for (name, value) in spec.as_object().unwrap() {
        body["spec"][name] = value.clone();
    }
    body
}

/// What a server stores of a POST. The uid is there from the start, since what a kind's strategy adds
/// to a new object is noted as nobody's.
pub(super) fn created(body: &Value, manager: &str) -> Value {
    let mut new = body.clone();
    new["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000001");
    defaults::fill(&mut new);
    managed::update(&Schemas::builtin(), None, &mut new, manager, None, TIME);
    new
}

/// With the annotation a client-side apply leaves.
pub(super) fn client_side(body: &Value) -> Value {
    let text = body.to_string();
    let mut body = body.clone();
    body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        json!(text);
    body
}

fn names(fields: &FieldSet) -> Vec<String> {
    fields.paths().iter().map(ToString::to_string).collect()
}

#[test]
fn what_kubectl_declared_is_ours_and_its_defaults_are_nobodys() {
    let schemas = Schemas::builtin();
    let declared = deployment(&json!({"replicas": 2, "minReadySeconds": 5}));
    let live = created(&client_side(&declared), "kubectl-client-side-apply");
    let before = owned_by(&live, "kubectl-client-side-apply", Operation::Update);
    assert!(names(&before).contains(&".spec.progressDeadlineSeconds".to_owned()));
    let body = deployment(&json!({"replicas": 2}));
    let migration = migrate(&schemas, &live, &body, &CLEAT, LATER).unwrap();
    assert_eq!(
        migration.managed_fields,
        [json!({"manager": "cleat", "operation": "Apply", "apiVersion": "apps/v1", "time": LATER,
            "fieldsType": "FieldsV1", "fieldsV1": {
                "f:metadata": {"f:annotations": {
                    "f:kubectl.kubernetes.io/last-applied-configuration": {}}},
                "f:spec": {"f:minReadySeconds": {}, "f:replicas": {}, "f:selector": {},
                    "f:template": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {
                        "f:containers": {"k:{\"name\":\"app\"}":
                            {".": {}, "f:image": {}, "f:name": {}}}}}}}})]
    );
    let removed = migration.removed(&schemas, &live, &body, "cleat").unwrap();
    assert_eq!(
        names(&removed.leaf_set()),
        [
            ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
            ".spec.minReadySeconds"
        ]
    );
}

/// An entry of a list of managedFields.
fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": TIME,
        "fieldsType": "FieldsV1", "fieldsV1": fields})
}

fn settings(data: &Value, managed_fields: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {
        "name": "settings", "namespace": "shop", "managedFields": managed_fields}})
}

/// Who is left besides us, what is ours, and what the next apply of `body` removes.
fn after(live: &Value, body: &Value) -> (Vec<String>, Vec<String>, Vec<String>) {
    let schemas = Schemas::builtin();
    let migration = migrate(&schemas, live, body, &CLEAT, LATER).unwrap();
    let mut migrated = live.clone();
    identity::replace(&mut migrated, migration.managed_fields.clone());
    let others = managed::entries(&migrated).into_iter().map(|entry| entry.manager);
    let ours = owned_by(&migrated, "cleat", Operation::Apply);
    let removed = migration.removed(&schemas, live, body, "cleat").unwrap();
    (
        others.filter(|manager| manager != "cleat").collect(),
        names(&ours.leaf_set()),
        names(&removed.leaf_set()),
    )
}

#[test]
fn what_each_predecessor_declared_is_handed_over() {
    let body = settings(&json!({"a": "1"}), &Value::Null);
    for predecessor in PREDECESSORS {
        let fields = json!({"f:data": {"f:a": {}, "f:b": {}}});
        let theirs = entry(&predecessor.manager, predecessor.operation.as_str(), &fields);
        let edit = entry("kubectl-edit", "Update", &json!({"f:data": {"f:c": {}}}));
        let live = settings(&json!({"a": "1", "b": "1", "c": "1"}), &json!([theirs, edit]));
        let (others, ours, removed) = after(&live, &body);
        assert_eq!(others, ["kubectl-edit"], "{predecessor:?}");
        assert_eq!(ours, [".data.a", ".data.b"], "{predecessor:?}");
        assert_eq!(removed, [".data.b"], "{predecessor:?}");
    }
}

#[test]
fn others_keep_their_entries_byte_for_byte() {
    let fields = json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}});
    let mut status = entry("kubectl", "Apply", &json!({"f:data": {"f:a": {}}}));
    status["subresource"] = json!("status");
    let others = [
        entry("kubectl-edit", "Update", &json!({"f:data": {"f:b": {}}})),
        entry("operator", "Apply", &json!({"f:data": {"f:c": {}}})),
        status,
        // Of a server to come: nobody can read it, and nobody has to.
        json!({"manager": "helm", "operation": "Update", "fieldsType": "FieldsV9"}),
    ];
    let mut all = vec![entry("kubectl", "Apply", &fields)];
    all.extend(others.iter().cloned());
    let live = settings(&json!({"a": "1", "b": "1", "c": "1"}), &json!(all));
    let body = settings(&json!({}), &Value::Null);
    let migration = migrate(&Schemas::builtin(), &live, &body, &CLEAT, LATER).unwrap();
    assert_eq!(migration.managed_fields[1..], others);
    // What others hold as well stays.
    let (live, left) = (settings(&live["data"], &json!(all[..3])), &others[..2]);
    let (others, _, removed) = after(&live, &body);
    assert_eq!(others.len(), left.len());
    assert_eq!(removed, [".data.a"]);
}

#[test]
fn helm_owned_its_defaults_and_declared_the_rest() {
    let mut chart = deployment(&json!({"replicas": 2}));
    chart["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    chart["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "web"});
    let container = &mut chart["spec"]["template"]["spec"]["containers"][0];
    container["image"] = json!("registry.example/app:latest");
    container["resources"] = json!({"limits": {"cpu": "1"}});
    let (others, ours, removed) =
        after(&created(&chart, "helm"), &deployment(&json!({"replicas": 2})));
    assert_eq!(others, Vec::<String>::new());
    let app = r#".spec.template.spec.containers[name="app"]"#;
    assert_eq!(
        ours,
        [
            ".metadata.annotations.meta.helm.sh/release-name".to_owned(),
            ".metadata.labels.app.kubernetes.io/managed-by".to_owned(),
            ".spec.replicas".to_owned(),
            ".spec.selector".to_owned(),
            ".spec.template.metadata.labels.app".to_owned(),
            format!("{app}.image"),
            // Follows from `:latest`, and would not from what Git has.
            format!("{app}.imagePullPolicy"),
            format!("{app}.name"),
            format!("{app}.resources.limits.cpu"),
        ]
    );
    assert_eq!(
        removed,
        [
            ".metadata.annotations.meta.helm.sh/release-name".to_owned(),
            ".metadata.labels.app.kubernetes.io/managed-by".to_owned(),
            format!("{app}.resources.limits.cpu"),
        ]
    );
}

#[test]
fn a_default_that_stands_in_the_way_goes() {
    // A server refuses Recreate while the parameters of rolling updates stand.
    let live = created(&deployment(&json!({})), "kubectl-create");
    let (_, ours, removed) = after(&live, &deployment(&json!({"strategy": {"type": "Recreate"}})));
    let parameters =
        [".spec.strategy.rollingUpdate.maxSurge", ".spec.strategy.rollingUpdate.maxUnavailable"];
    assert!(parameters.iter().all(|path| ours.iter().any(|own| own == path)), "{ours:?}");
    assert_eq!(removed, parameters);
}

#[test]
fn a_service_keeps_what_it_was_given() {
    let schemas = Schemas::builtin();
    let chart = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "type": "NodePort",
            "ports": [{"port": 80, "nodePort": 30080}, {"port": 443, "targetPort": 8443}]}});
    let mut live = created(&chart, "helm");
    live["spec"]["clusterIP"] = json!("10.96.0.1");
    live["spec"]["clusterIPs"] = json!(["10.96.0.1"]);
    let mut body = chart.clone();
    body["spec"]["ports"] = json!([{"port": 80, "nodePort": 30080}]);
    let (_, ours, removed) = after(&live, &body);
    assert!(ours.iter().any(|path| path.ends_with(".nodePort")), "{ours:?}");
    assert!(!ours.iter().any(|path| path.contains("sessionAffinity")), "{ours:?}");
    assert!(!ours.iter().any(|path| path.ends_with("[port=80,protocol=\"TCP\"].targetPort")));
    assert!(removed.iter().all(|path| path.contains("[port=443,")), "{removed:?}");
    let migration = migrate(&schemas, &live, &body, &CLEAT, LATER).unwrap();
    assert_eq!(migration.handed_over[0].manager, "helm");
}

#[test]
fn the_annotation_stands_for_kubectl_only_while_kubectl_does_not_apply_server_side() {
    let schemas = Schemas::builtin();
    let one = settings(&json!({"a": "1", "b": "1"}), &Value::Null);
    let live = created(&client_side(&one), "kubectl-client-side-apply");
    // `kubectl apply --server-side` of less: the server refreshes the annotation.
    let body = settings(&json!({"a": "1"}), &Value::Null);
    let request = Apply {
        live: Some(&live),
        body: &body,
        manager: "kubectl",
        force: false,
        subresource: None,
        time: LATER,
    };
    let live = apply(&schemas, &request, &|_| {}).unwrap();
    let annotation = ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration";
    let (others, ours, removed) = after(&live, &body);
    assert_eq!(others, Vec::<String>::new());
    assert_eq!(ours, [".data.a", ".data.b", annotation]);
    assert_eq!(removed, [".data.b", annotation]);
}

#[test]
fn what_stood_before_the_first_apply_is_left_to_whom_it_belongs() {
    let phantom = entry(
        "before-first-apply",
        "Update",
        &json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}}),
    );
    let kubectl = entry("kubectl", "Apply", &json!({"f:data": {"f:a": {}, "f:b": {}}}));
    let data = json!({"a": "1", "b": "1", "c": "1"});
    let body = settings(&json!({"a": "1"}), &Value::Null);
    let (others, ours, removed) = after(&settings(&data, &json!([kubectl, phantom])), &body);
    assert_eq!(others, ["before-first-apply"]);
    assert_eq!(ours, [".data.a", ".data.b"]);
    assert_eq!(removed, [".data.b"]);
    // Nobody is known to have declared anything: it stays whole.
    let live = settings(&data, &json!([phantom]));
    assert_eq!(migrate(&Schemas::builtin(), &live, &body, &CLEAT, LATER), None);
}

#[test]
fn an_object_without_owners_is_what_its_annotation_says() {
    let declared = settings(&json!({"a": "1", "b": "1", "gone": "1"}), &Value::Null);
    let mut live = client_side(&declared);
    live["data"] = json!({"a": "1", "b": "1", "added": "1"});
    live["metadata"].as_object_mut().unwrap().remove("managedFields");
    let body = settings(&json!({"a": "1"}), &Value::Null);
    let (others, ours, removed) = after(&live, &body);
    let annotation = ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration";
    assert_eq!((others, ours.len()), (vec![], 3));
    assert_eq!(removed, [".data.b", annotation]);
    live["metadata"]["annotations"] = json!({});
    assert_eq!(migrate(&Schemas::builtin(), &live, &body, &CLEAT, LATER), None);
}

#[test]
fn an_annotation_that_is_of_no_use_is_not_used() {
    let body = settings(&json!({"a": "1"}), &Value::Null);
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"},
        "data": {"a": "1"}});
    let mut copied = settings(&json!({"a": "1"}), &Value::Null);
    copied["metadata"]["namespace"] = json!("elsewhere");
    for text in ["{", "[]", "null", "", &other.to_string(), &copied.to_string()] {
        let mut written = settings(&json!({"a": "1", "b": "1"}), &Value::Null);
        written["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            json!(text);
        let (_, ours, _) = after(&created(&written, "kubectl-client-side-apply"), &body);
        assert_eq!(ours[..2], [".data.a", ".data.b"], "{text}");
    }
}

#[test]
fn a_secret_declared_in_clear_is_owned_as_it_is_stored() {
    let declared = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"},
        "stringData": {"a": "1", "b": "1"}});
    let mut live = created(&client_side(&declared), "kubectl-client-side-apply");
    live["data"] = json!({"a": "MQ==", "b": "MQ=="});
    live.as_object_mut().unwrap().remove("stringData");
    let fields = json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:type": {}});
    live["metadata"]["managedFields"] =
        json!([entry("kubectl-client-side-apply", "Update", &fields)]);
    let body = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"}, "data": {"a": "MQ=="}});
    let (_, ours, removed) = after(&live, &body);
    assert_eq!(ours, [".data.a", ".data.b"]);
    assert_eq!(removed, [".data.b"]);
}

#[test]
fn defaults_of_a_custom_resource_are_nobodys() {
    let crd = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced",
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
            "openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object",
                "properties": {"size": {"type": "integer", "default": 5},
                    "colour": {"type": "string"}}}}}}}]}});
    let schemas = Schemas::builtin().with_definition(&crd).unwrap();
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "one", "namespace": "shop"}, "spec": {"colour": "red"}});
    let mut live = widget.clone();
    schemas.settle_custom(&mut live);
    assert_eq!(live["spec"]["size"], json!(5));
    managed::update(&schemas, None, &mut live, "helm", None, TIME);
    let migration = migrate(&schemas, &live, &widget, &CLEAT, LATER).unwrap();
    assert_eq!(names(&migration.handed_over[0].fields.leaf_set()), [".spec.colour"]);
}

#[test]
fn an_entry_of_ours_is_joined_in_its_own_version() {
    let autoscaler = |version: &str, manager: &str, fields: &Value| {
        json!({"manager": manager, "operation": "Apply", "apiVersion": version, "time": TIME,
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    };
    let theirs = json!({"f:spec": {"f:minReplicas": {}, "f:targetCPUUtilizationPercentage": {}}});
    let mine = json!({"f:spec": {"f:maxReplicas": {}}});
    let live = |fields: Value| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "managedFields": fields},
            "spec": {"minReplicas": 2, "maxReplicas": 3}})
    };
    let body = live(Value::Null);
    let schemas = Schemas::builtin();
    // What the other version does not have stays where it is.
    let both = live(json!([
        autoscaler("autoscaling/v2", "cleat", &mine),
        autoscaler("autoscaling/v1", "helm", &theirs)
    ]));
    let migration = migrate(&schemas, &both, &body, &CLEAT, LATER).unwrap();
    let [ours, left] = migration.managed_fields.as_slice() else {
        panic!("{migration:?}");
    };
    assert_eq!(ours["apiVersion"], "autoscaling/v2");
    assert_eq!(ours["fieldsV1"], json!({"f:spec": {"f:maxReplicas": {}, "f:minReplicas": {}}}));
    assert_eq!(left["fieldsV1"], json!({"f:spec": {"f:targetCPUUtilizationPercentage": {}}}));
    // Alone it keeps its version, and loses nothing.
    let alone = live(json!([autoscaler("autoscaling/v1", "helm", &theirs)]));
    let migration = migrate(&schemas, &alone, &body, &CLEAT, LATER).unwrap();
    assert_eq!(migration.managed_fields[0]["apiVersion"], "autoscaling/v1");
    assert_eq!(migration.managed_fields[0]["fieldsV1"], theirs);
    // Unless nobody serves that version any more.
    let old = live(json!([autoscaler("autoscaling/v1beta9", "helm", &theirs)]));
    let migration = migrate(&schemas, &old, &body, &CLEAT, LATER).unwrap();
    assert_eq!(migration.managed_fields[0]["apiVersion"], "autoscaling/v2");
}

#[test]
fn there_is_nothing_to_hand_over() {
    let schemas = Schemas::builtin();
    let body = settings(&json!({"a": "1"}), &Value::Null);
    let ours = entry("cleat", "Apply", &json!({"f:data": {"f:a": {}}}));
    let status = {
        let mut status = entry("helm", "Update", &json!({"f:status": {"f:a": {}}}));
        status["subresource"] = json!("status");
        status
    };
    for managed_fields in [
        json!([]),
        json!(null),
        json!([ours]),
        json!([ours, status]),
        json!([entry("kubectl-edit", "Update", &json!({"f:data": {"f:a": {}}}))]),
        // No entry may be left at all: a first apply would then own everything.
        json!([entry("helm", "Update", &json!({}))]),
    ] {
        let live = settings(&json!({"a": "1"}), &managed_fields);
        let got = migrate(&schemas, &live, &body, &CLEAT, LATER);
        assert_eq!(got, None, "{managed_fields}");
    }
}
