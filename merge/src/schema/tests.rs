//! Tables and laws of schema.

use super::*;
use serde_json::json;

fn words(body: &Value) -> Vec<String> {
    Schemas::builtin().check(body).iter().map(ToString::to_string).collect()
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

#[test]
fn a_good_manifest_has_no_problems() {
    let good = deployment(&json!({
        "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "app", "image": "x",
            "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
            "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}]}}
    }));
    assert_eq!(words(&good), Vec::<String>::new());
}

#[test]
fn every_problem_is_named_with_its_path_and_a_hint() {
    let bad = deployment(&json!({
        "replica": 1, "paused": "true", "minReadySeconds": "3",
        "template": {"metadata": {"labels": {"app": 1}}, "spec": {"containers": [
            {"name": "app", "env": "A=1", "args": {"a": 1}},
            {"name": "app", "imagePullPolice": "Always", "nonsenseFieldName": 1}
        ]}}
    }));
    assert_eq!(
        words(&bad),
        [
            ".spec.minReadySeconds: a whole number is expected, not a text; take the quotes away",
            ".spec.paused: true or false is expected, not a text; take the quotes away",
            ".spec.template.metadata.labels.app: a text is expected, not a number; put it in quotes",
            ".spec.template.spec.containers[name=\"app\"].args: a list is expected, not a map",
            ".spec.template.spec.containers[name=\"app\"].env: a list is expected, not a text",
            ".spec.template.spec.containers: two entries have the key [name=\"app\"]; each may stand only once",
            ".spec.template.spec.containers[name=\"app\"].imagePullPolice: there is no such field; did you mean `imagePullPolicy`?",
            ".spec.template.spec.containers[name=\"app\"].nonsenseFieldName: there is no such field",
            ".spec.replica: there is no such field; did you mean `replicas`?",
        ]
    );
}

#[test]
fn values_that_cannot_be_read_are_named_too() {
    let bad = deployment(&json!({"replicas": 1.5, "template": {"spec": {"containers": [
        {"name": "a", "resources": {"limits": {"cpu": "lots", "memory": "1Gi"}}}]}}}));
    assert_eq!(
        words(&bad),
        [
            ".spec.replicas: a whole number is expected, not one with a fraction",
            ".spec.template.spec.containers[0].resources.limits.cpu: an amount is expected, such as \
             100m, 2 or 1Gi",
        ]
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
        "data": {"good": "aGk=", "plain": "hunter2!"}});
    assert_eq!(
        words(&secret),
        [".data.plain: base64 is expected; a Secret takes plain text under `stringData`"]
    );
    for wrong in [json!({}), json!({"extra": 1}), json!([1]), json!(true)] {
        let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "a"}, "spec": {"minAvailable": wrong, "maxUnavailable": "10%"}});
        assert_eq!(words(&budget), [".spec.minAvailable: a whole number or a text is expected"]);
    }
}

#[test]
fn scopes_and_subresources_are_read_from_the_paths() {
    let schemas = Schemas::builtin();
    let scope = |version: &str, kind: &str| schemas.scope(&GroupVersionKind::new(version, kind));
    assert_eq!(scope("apps/v1", "Deployment"), Some(Scope::Namespaced));
    assert_eq!(scope("v1", "Namespace"), Some(Scope::Cluster));
    assert_eq!(scope("autoscaling/v1", "Scale"), None);
    assert_eq!(scope("example.com/v1", "Widget"), None);
    assert!(schemas.has_status(&GroupVersionKind::new("apps/v1", "Deployment")));
    assert!(!schemas.has_status(&GroupVersionKind::new("v1", "ConfigMap")));
    assert!(schemas.knows(&GroupVersionKind::new("autoscaling/v1", "Scale")));
    assert!(!schemas.knows(&GroupVersionKind::new("apps/v1", "DeploymentList")));
}

#[test]
fn lists_merge_by_list_type_or_else_by_patch_strategy() {
    let schemas = Schemas::builtin();
    let root = schemas.root(&GroupVersionKind::new("v1", "Pod")).unwrap();
    let container = root.field("spec").unwrap().field("containers").unwrap();
    assert_eq!(container.entries(), Some(&Entries::Keyed(vec!["name".to_owned()])));
    let container = container.element().unwrap();
    let ports = container.field("ports").unwrap();
    assert_eq!(
        ports.entries(),
        Some(&Entries::Keyed(vec!["containerPort".to_owned(), "protocol".to_owned()]))
    );
    assert_eq!(ports.element().unwrap().default_of("protocol"), Some(&json!("TCP")));
    assert_eq!(container.patch_merge_key("ports"), Some("containerPort"));
    assert_eq!(container.field("args").unwrap().entries(), Some(&Entries::Atomic));
    let limits = container.field("resources").unwrap().field("limits").unwrap();
    assert_eq!(limits.child("cpu").unwrap().format(), Some(Format::Quantity));
}

fn widget(versions: &Value) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"}, "versions": versions}})
}

#[test]
fn a_definition_brings_its_kind_and_takes_old_versions_away() {
    let one = widget(&json!([
        {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object",
            "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer", "default": 3}, "note": {"type": "string"}}}}}},
         "subresources": {"status": {}}},
        {"name": "v0", "served": true}
    ]));
    let schemas = Schemas::builtin().with_definition(&one).unwrap();
    let v1 = GroupVersionKind::new("example.com/v1", "Widget");
    let v0 = GroupVersionKind::new("example.com/v0", "Widget");
    assert!(schemas.knows(&v1) && schemas.knows(&v0));
    assert!(schemas.has_status(&v1) && !schemas.has_status(&v0));
    assert_eq!(schemas.versions("example.com", "Widget"), ["v0", "v1"]);
    let mut object = json!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "one"}, "spec": {"other": 1, "note": null}});
    schemas.settle_custom(&mut object);
    assert_eq!(object["spec"], json!({"size": 3}));
    let two = widget(&json!([{"name": "v1", "served": true}, {"name": "v0", "served": false}]));
    let schemas = schemas.with_definition(&two).unwrap();
    assert!(schemas.knows(&v1) && !schemas.knows(&v0));
    let bad = json!({"spec": {"group": "example.com"}});
    assert!(schemas.with_definition(&bad).unwrap_err().to_string().contains("spec.names.kind"));
}
