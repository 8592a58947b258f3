//! Tables and laws of taking over.

use serde_json::json;

use super::*;
use crate::managed::{self, owned_by};

const TIME: &str = "2024-01-01T00:00:00Z";
const LATER: &str = "2024-01-02T00:00:00Z";
const CLEAT: Takeover<'_> = Takeover { manager: "cleat", predecessors: PREDECESSORS };

fn deployment(spec: &Value) -> Value {
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

/// What a server stores of a POST.
fn created(body: &Value, manager: &str) -> Value {
    let mut new = body.clone();
    defaults::fill(&mut new);
    managed::update(&Schemas::builtin(), None, &mut new, manager, None, TIME);
    new["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000001");
    new
}

/// With the annotation a client-side apply leaves.
fn client_side(body: &Value) -> Value {
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
