//! The shop as its predecessor left it, as Git wants it, and what a bystander holds in it.

use serde_json::{Value, json};

/// Where the objects of a namespace are.
pub fn paths(namespace: &str) -> [String; 3] {
    [
        format!("/apis/apps/v1/namespaces/{namespace}/deployments/web"),
        format!("/api/v1/namespaces/{namespace}/services/web"),
        format!("/api/v1/namespaces/{namespace}/configmaps/settings"),
    ]
}

/// What Git wants.
pub fn wanted() -> [Value; 3] {
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "web", "team": "shop"}},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "registry.example/web:2",
                    "env": [{"name": "A", "value": "2"}],
                    "ports": [{"name": "http", "containerPort": 80}]}]}}}}),
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "labels": {"app": "web"}}, "data": {"a": "2"}}),
    ]
}

/// What is wanted and more: the fields of [`gone`].
pub fn before() -> [Value; 3] {
    let [mut web, mut service, mut settings] = wanted();
    for object in [&mut web, &mut service, &mut settings] {
        object["metadata"]["labels"]["chart"] = json!("old");
        object["metadata"]["annotations"] = json!({"example.com/note": "old"});
    }
    web["spec"]["minReadySeconds"] = json!(1);
    let template = &mut web["spec"]["template"];
    template["metadata"]["annotations"] = json!({"example.com/old": "yes"});
    let container = &mut template["spec"]["containers"][0];
    container["image"] = json!("registry.example/web:1");
    container["env"] = json!([{"name": "A", "value": "1"}, {"name": "OLD", "value": "1"}]);
    container["ports"] =
        json!([{"name": "http", "containerPort": 80}, {"name": "old", "containerPort": 90}]);
    let helper = json!({"name": "old-helper", "image": "registry.example/helper:1"});
    template["spec"]["containers"].as_array_mut().unwrap().push(helper);
    service["spec"]["ports"] = json!([{"name": "http", "port": 80}, {"name": "old", "port": 90}]);
    settings["data"] = json!({"a": "1", "old": "1"});
    [web, service, settings]
}

/// An earlier version of [`before`]: nobody's objects are written only once.
pub fn earliest() -> [Value; 3] {
    let [mut web, service, mut settings] = before();
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/web:0");
    settings["data"] = json!({"a": "0", "old": "0"});
    [web, service, settings]
}

/// What must not be there when Git has it its way, object by object, as texts of the whole object.
pub fn gone() -> [&'static [&'static str]; 3] {
    [
        &[
            "example.com/note",
            "last-applied-configuration",
            r#""chart""#,
            r#""minReadySeconds""#,
            "example.com/old",
            r#""OLD""#,
            r#""containerPort":90"#,
            "old-helper",
        ],
        &["example.com/note", "last-applied-configuration", r#""chart""#, r#""port":90"#],
        &["example.com/note", "last-applied-configuration", r#""chart""#, r#""old":"1""#],
    ]
}

/// What a bystander adds by patches, object by object: metadata everywhere, an environment variable, a
/// port, a key. Strategic merge patches but for the last.
pub fn additions() -> [Value; 3] {
    let metadata =
        json!({"labels": {"bystander": "yes"}, "annotations": {"bystander/note": "mine"}});
    [
        json!({"metadata": metadata, "spec": {"template": {"spec": {"containers": [
            {"name": "web", "env": [{"name": "BYSTANDER", "value": "1"}]}]}}}}),
        json!({"metadata": metadata,
            "spec": {"ports": [{"name": "bystander", "port": 7777, "protocol": "TCP"}]}}),
        json!({"metadata": metadata, "data": {"bystander": "mine"}}),
    ]
}

/// A container that another bystander adds to the Deployment by server-side apply.
pub fn mesh() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "mesh", "image": "registry.example/mesh:1"}]}}}})
}

/// What must be there still, object by object.
pub fn kept() -> [&'static [&'static str]; 3] {
    [
        &[
            r#""bystander":"yes""#,
            r#""bystander/note":"mine""#,
            r#""name":"BYSTANDER""#,
            "registry.example/mesh:1",
        ],
        &[r#""bystander":"yes""#, r#""bystander/note":"mine""#, r#""port":7777"#],
        &[r#""bystander":"yes""#, r#""bystander/note":"mine""#, r#""bystander":"mine""#],
    ]
}

/// Objects as a stream of manifests. JSON is YAML, once it begins as YAML does.
pub fn stream(objects: &[Value]) -> String {
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    format!("---\n{}\n", documents.join("\n---\n"))
}
