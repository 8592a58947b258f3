//! Every change at or above a field that we declare is seen by the digest: whatever the comparison would
//! tell, a digest that still stands must not hide. Each place of each object is changed in every way.

use merge::apply::{Apply, apply};
use merge::managed;
use merge::{Schemas, defaults};
use serde_json::{Value, json};

use crate::application::MANAGER;
use crate::diff::{Comparison, diff_by_merge};
use crate::ignore::Rules;
use crate::redact::{Redaction, Salt};

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

/// A kind in which that something is there says something, though it is empty.
fn definition() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let endpoint = json!({"type": "object", "required": ["port"], "properties": {
        "port": {"type": "integer"},
        "protocol": {"type": "string", "default": "TCP"},
        "tls": {"type": "object", "properties": {"mode": {"type": "string"}}},
        "note": {"type": "string"}}});
    let spec = json!({
        "size": {"x-kubernetes-int-or-string": true},
        "open": {"type": "object", "properties": {"to": {"type": "string"}}},
        "closed": {"type": "object", "nullable": true,
            "properties": {"by": {"type": "string"}, "for": texts}},
        "settings": texts,
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic",
            "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "topics": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "endpoints": {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"], "items": endpoint},
        "order": {"type": "array", "items": {"type": "object",
            "properties": {"name": {"type": "string"}, "on": texts}}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "queues.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Queue", "plural": "queues"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object",
                    "properties": {"spec": {"type": "object", "properties": spec}}}}}]}})
}

fn schemas() -> Schemas {
    Schemas::builtin().with_definition(&definition()).unwrap()
}

/// Objects with much in them that is empty, or means something by being there.
fn objects() -> Vec<Value> {
    let of = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"},
                "annotations": {"example.com/note": ""}}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let pod = json!({"securityContext": {}, "nodeSelector": {}, "containers": [
            {"name": "web", "image": "example/web:1", "args": [], "env": [{"name": "A"},
                {"name": "B", "value": "1"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
             "resources": {"requests": {"cpu": "500m"}, "limits": {}},
             "ports": [{"containerPort": 80}], "securityContext": {"capabilities": {}},
             "volumeMounts": [{"name": "a", "mountPath": "/a"}]}],
        "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {"medium": "Memory"}}]});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod});
    let selector = json!({"matchLabels": {"app": "web"}});
    vec![
        of(
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 0, "strategy": {"type": "RollingUpdate", "rollingUpdate": {}}, "selector": selector, "template": template}}),
        ),
        of(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({"spec": {"podSelector": {},
            "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{"to": [{"namespaceSelector": {}}]}]}}),
        ),
        of("v1", "ConfigMap", json!({"data": {}, "binaryData": {"a": "eA=="}})),
        of("v1", "ConfigMap", json!({"data": {"a.b/c": ""}, "immutable": false})),
        of("v1", "Secret", json!({"stringData": {"a": "b"}, "data": {"c": "eA=="}})),
        of("v1", "Secret", json!({"stringData": {}})),
        of(
            "v1",
            "ServiceAccount",
            json!({"imagePullSecrets": [{"name": "a"}], "automountServiceAccountToken": false}),
        ),
        of(
            "v1",
            "Service",
            json!({"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}], "externalIPs": []}}),
        ),
        of(
            "example.com/v1",
            "Queue",
            json!({"spec": {"size": "50%", "open": {}, "closed": {"for": {}}, "settings": {},
            "whole": {}, "free": {"x": {}, "y": [], "z": [{"a": 1}]}, "topics": ["a", "b"],
            "endpoints": [{"port": 1, "tls": {}}, {"port": 2, "note": ""}], "order": [{"name": "a", "on": {}}]}}),
        ),
        of(
            "example.com/v1",
            "Queue",
            json!({"spec": {"open": {"to": "a"}, "closed": {"by": "a"}, "topics": [],
            "endpoints": [], "order": [], "whole": {"a": "b"}}}),
        ),
        of(
            "unknown.example.com/v1",
            "Thing",
            json!({"spec": {"a": {}, "b": [], "c": [{"name": "a"}], "d": {"e": 1.0}}}),
        ),
    ]
}

fn applied(schemas: &Schemas, comparison: &Comparison<'_>) -> Value {
    let body = comparison.outgoing();
    let request = Apply {
        live: None,
        body: &body,
        manager: MANAGER,
        force: true,
        subresource: None,
        time: "2026-03-01T09:00:00Z",
    };
    let mut object = apply(schemas, &request, &defaults::fill).unwrap();
    object["metadata"]["uid"] = json!("u");
    object
}

/// The pointers of everything in a value, but for what only a server writes.
fn pointers(object: &Value, at: &str, found: &mut Vec<String>) {
    let names: Vec<String> = match object.pointer(at).unwrap() {
        Value::Object(map) => {
            map.keys().map(|it| it.replace('~', "~0").replace('/', "~1")).collect()
        }
        Value::Array(items) => (0..items.len()).map(|it| it.to_string()).collect(),
        _ => return,
    };
    for name in names {
        let below = format!("{at}/{name}");
        if [
            "/apiVersion",
            "/kind",
            "/metadata/name",
            "/metadata/namespace",
            "/metadata/uid",
            "/metadata/managedFields",
            "/spec/ipFamilies",
            "/spec/ipFamilyPolicy",
        ]
        .contains(&below.as_str())
        {
            continue;
        }
        found.push(below.clone());
        pointers(object, &below, found);
    }
}

/// The object with one place changed, in every way that leaves something to be looked at.
fn changed(object: &Value, pointer: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let was = object.pointer(pointer).unwrap();
    let mut others = vec![json!({}), json!([]), Value::Null, json!("other"), json!(7), json!(true)];
    if let Some(map) = was.as_object() {
        let mut more = map.clone();
        more.insert("zz".to_owned(), json!("more"));
        others.push(Value::Object(more));
    }
    if let Some(items) = was.as_array() {
        let twice = items.iter().chain(items.last()).cloned().collect();
        others.push(Value::Array(twice));
        others.push(items.iter().rev().cloned().collect());
    }
    for other in others.into_iter().filter(|other| other != was) {
        let mut new = object.clone();
        *new.pointer_mut(pointer).unwrap() = other;
        found.push(new);
    }
    let (above, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    let mut without = object.clone();
    match without.pointer_mut(above).unwrap() {
        Value::Object(map) => drop(map.remove(&name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!(),
    }
    found.push(without);
    found
}

fn compare<'a>(
    wanted: &'a Value,
    live: Option<&'a Value>,
    rules: &'a Rules,
    schemas: &'a Schemas,
) -> Comparison<'a> {
    let plain = Comparison::new(wanted, schemas, &REDACTION);
    Comparison { live, previous: Some(wanted), ignore: rules, ..plain }
}

fn hidden(rules: &Rules, objects: &[Value]) -> Vec<String> {
    let schemas = schemas();
    let mut hidden = Vec::new();
    for wanted in objects {
        let live = applied(&schemas, &compare(wanted, None, rules, &schemas));
        let before = compare(wanted, Some(&live), rules, &schemas);
        let settled = before.settled(&live);
        let merged = diff_by_merge(&before);
        if merged.would_be_written() {
            hidden.push(format!("{} differs at once: {:?}", wanted["kind"], merged.verdict));
        }
        let mut all = Vec::new();
        pointers(&live, "", &mut all);
        for pointer in all {
            for mut now in changed(&live, &pointer) {
                managed::update(
                    &schemas,
                    Some(&live),
                    &mut now,
                    "somebody",
                    None,
                    "2026-03-02T09:00:00Z",
                );
                let after = compare(wanted, Some(&now), rules, &schemas);
                if after.settled(&now) != settled {
                    continue;
                }
                let found = diff_by_merge(&after);
                if !found.changes.is_empty() {
                    let paths: Vec<String> =
                        found.changes.iter().map(|it| it.path.to_string()).collect();
                    hidden.push(format!(
                        "{} {pointer}: {} -> {}: {:?} {}",
                        wanted["kind"],
                        live.pointer(&pointer).unwrap(),
                        now.pointer(&pointer).map_or("gone".to_owned(), ToString::to_string),
                        found.verdict,
                        paths.join(", ")
                    ));
                }
            }
        }
    }
    hidden
}

#[test]
fn no_change_of_what_is_declared_is_hidden() {
    let found = hidden(&crate::ignore::NONE, &objects());
    assert!(found.is_empty(), "{}\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_change_is_hidden_but_what_a_rule_hides() {
    let rules = Rules::parse(&json!([{"group": "*", "kind": "*", "jsonPointers": [
        "/spec/open/to", "/spec/closed/by", "/spec/whole/a", "/data/a.b~1c", "/metadata/labels/a",
        "/spec/template/spec/containers/0/resources/requests/cpu", "/spec/template/spec/volumes/1/emptyDir/medium",
        "/spec/endpoints/0/tls", "/spec/topics/0"]}])).unwrap();
    let found = hidden(&rules, &objects());
    assert!(found.is_empty(), "{}\n{}", found.len(), found.join("\n"));
}
