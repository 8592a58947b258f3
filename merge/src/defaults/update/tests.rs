//! Tables and laws of update.

use serde_json::{Value, json};

use super::update;
use crate::defaults::fill;

fn stored(mut object: Value, generation: i64) -> Value {
    object["metadata"]["uid"] = "u".into();
    object["metadata"]["generation"] = generation.into();
    fill(&mut object);
    object
}

fn replaced(old: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut new = old.clone();
    change(&mut new);
    fill(&mut new);
    update(old, &mut new);
    new
}

fn workload(kind: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"a": "1"}},
            "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}}})
}

#[test]
fn the_generation_goes_up_with_what_is_wanted() {
    let old = stored(workload("Deployment"), 4);
    for (change, generation) in [
        (json!({}), 4),
        (json!({"/spec/replicas": 3}), 5),
        (json!({"/spec/replicas": 1}), 4),
        (json!({"/metadata/labels": {"x": "1"}}), 4),
        // Of Deployments alone annotations count.
        (json!({"/metadata/annotations": {"x": "1"}}), 5),
        (json!({"/status": {"replicas": 2}}), 4),
    ] {
        let new = replaced(&old, |new| {
            for (pointer, value) in change.as_object().unwrap() {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                new.pointer_mut(parent).unwrap()[field] = value.clone();
            }
        });
        assert_eq!(new["metadata"]["generation"], generation, "{change}");
    }
}

#[test]
fn a_daemon_set_counts_its_templates() {
    let key = "deprecated.daemonset.template.generation";
    let old = stored(workload("DaemonSet"), 1);
    assert_eq!(old["metadata"]["annotations"][key], "1");
    let new = replaced(&old, |new| new["spec"]["minReadySeconds"] = 5.into());
    assert_eq!(new["metadata"]["annotations"][key], "1");
    let new = replaced(&old, |new| {
        new["spec"]["template"]["spec"]["containers"][0]["image"] = "a:2".into();
        new["metadata"]["annotations"][key] = "7".into();
    });
    assert_eq!(new["metadata"]["annotations"][key], "2");
}

fn service(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "uid": "u"}, "spec": spec})
}

#[test]
fn a_service_keeps_what_was_allocated() {
    let mut old = service(
        json!({"type": "NodePort", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"],
        "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}, {"name": "dns", "port": 53, "nodePort": 30053}]}),
    );
    fill(&mut old);
    let new = replaced(&old, |new| {
        *new = service(json!({"type": "NodePort",
            "ports": [{"name": "http", "port": 81}, {"name": "new", "port": 82}]}));
    });
    assert_eq!(new["spec"]["clusterIP"], "10.0.0.7");
    assert_eq!(new["spec"]["clusterIPs"], json!(["10.0.0.7"]));
    assert_eq!(new["spec"]["ports"][0]["nodePort"], 30080);
    assert_eq!(new["spec"]["ports"][1].get("nodePort"), None);
}

#[test]
fn a_service_loses_what_came_with_its_type() {
    let mut old = service(
        json!({"type": "LoadBalancer", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"],
        "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 30999, "ports": [{"port": 80, "nodePort": 30080}]}),
    );
    old["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    fill(&mut old);
    let inside = replaced(&old, |new| new["spec"]["type"] = "ClusterIP".into());
    for field in ["externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"] {
        assert_eq!(inside["spec"].get(field), None, "{field}");
    }
    assert_eq!(inside["spec"]["ports"][0].get("nodePort"), None);
    assert_eq!(inside["spec"]["clusterIP"], "10.0.0.7");
    assert_eq!(inside["status"], json!({"loadBalancer": {}}));
    let named = replaced(&old, |new| {
        new["spec"]["type"] = "ExternalName".into();
        new["spec"]["externalName"] = "example.com".into();
    });
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        assert_eq!(named["spec"].get(field), None, "{field}");
    }
}
