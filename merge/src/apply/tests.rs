//! Tables and laws of apply.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::managed::{Owner, owners, update};
use crate::path::{Path, Segment};

const TIME: &str = "2024-01-01T00:00:00Z";
const LATER: &str = "2024-01-02T00:00:00Z";

fn request<'a>(live: Option<&'a Value>, body: &'a Value, manager: &'a str) -> Apply<'a> {
    Apply { live, body, manager, force: false, subresource: None, time: TIME }
}

fn applied(live: Option<&Value>, body: &Value, manager: &str) -> Result<Value, ApplyError> {
    apply(&Schemas::builtin(), &request(live, body, manager), &crate::defaults::fill)
}

fn settings(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"}, "data": data})
}

fn fields(object: &Value, manager: &str) -> Value {
    crate::managed::owned_by(object, manager, Operation::Apply).to_v1()
}

#[test]
fn what_is_no_longer_applied_goes_unless_another_owns_it() {
    let one = applied(None, &settings(&json!({"a": "1", "b": "1", "c": "1"})), "cleat").unwrap();
    let two = applied(Some(&one), &settings(&json!({"b": "1"})), "other").unwrap();
    let three = applied(Some(&two), &settings(&json!({"c": "1"})), "cleat").unwrap();
    assert_eq!(three["data"], json!({"b": "1", "c": "1"}));
    assert_eq!(fields(&three, "cleat"), json!({"f:data": {"f:c": {}}}));
    assert_eq!(fields(&three, "other"), json!({"f:data": {"f:b": {}}}));
}

/// As kube-apiserver 1.36 does: the entry is stored under the key's default, is not found there by
/// null, and one more comes with every apply. Left out, the key is found, and what we no longer
/// apply goes.
#[test]
fn a_list_key_that_is_null_adds_an_entry_with_every_apply() {
    let web = |ports: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": ports}]}}}})
    };
    let ports =
        |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["ports"].clone();
    let null = web(json!([{"containerPort": 80, "protocol": null}]));
    let stored = json!({"containerPort": 80, "protocol": "TCP"});
    let one = applied(None, &null, "cleat").unwrap();
    assert_eq!(ports(&one), json!([stored]));
    let held = serde_json::to_string(&fields(&one, "cleat")).unwrap();
    assert!(held.contains(r#"k:{\"containerPort\":80,\"protocol\":null}"#), "{held}");
    let two = applied(Some(&one), &null, "cleat").unwrap();
    assert_eq!(ports(&two), json!([stored, stored]));
    let plain = web(json!([{"containerPort": 80}]));
    let three = applied(Some(&one), &plain, "cleat").unwrap();
    assert_eq!(ports(&three), json!([stored]));
    assert_eq!(ports(&applied(Some(&three), &null, "cleat").unwrap()), json!([stored]));

    let schemas = Schemas::builtin();
    let told = schemas.check(&null);
    let words: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            ".spec.template.spec.containers[0].ports: entry 0 cannot be told apart: its `protocol` is \
          null; give it a value, or leave it out if it has a default"
        ]
    );
    assert_eq!(schemas.check(&plain), []);
}

#[test]
fn a_conflict_names_manager_and_field_and_force_takes_it() {
    let one = applied(None, &settings(&json!({"a": "1"})), "cleat").unwrap();
    let body = settings(&json!({"a": "2"}));
    let error = applied(Some(&one), &body, "other").unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"cleat\": .data.a");
    assert_eq!(error.class(), ErrorClass::Conflict);
    let forced = Apply { force: true, ..request(Some(&one), &body, "other") };
    let two = apply(&Schemas::builtin(), &forced, &|_| {}).unwrap();
    assert_eq!(two["data"], json!({"a": "2"}));
    let owner = owners(&two, &Path::fields(["data", "a"]));
    assert_eq!(
        owner,
        [Owner {
            manager: "other".to_owned(),
            operation: Operation::Apply,
            time: Some(TIME.to_owned()),
            subresource: None
        }]
    );
}

#[test]
fn applying_the_same_again_keeps_even_the_times() {
    let body = settings(&json!({"a": "1"}));
    let one = applied(None, &body, "cleat").unwrap();
    let again = Apply { time: LATER, ..request(Some(&one), &body, "cleat") };
    assert_eq!(apply(&Schemas::builtin(), &again, &|_| {}).unwrap(), one);
}

#[test]
fn no_apply_changes_when_an_object_was_made() {
    for kind in ["ConfigMap", "Widget"] {
        let metadata = json!({"name": "a", "uid": "u", "creationTimestamp": TIME,
            "deletionGracePeriodSeconds": 0, "deletionTimestamp": LATER});
        let live = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
        for stated in [json!(null), json!({}), json!("2001-01-01T00:00:00Z")] {
            let body = json!({"apiVersion": "v1", "kind": kind, "data": {"a": "1"},
                "metadata": {"name": "a", "creationTimestamp": stated}});
            let Ok(mut got) = applied(Some(&live), &body, "cleat") else {
                // Of a known kind a map is no time.
                assert_eq!((kind, stated), ("ConfigMap", json!({})));
                continue;
            };
            crate::managed::replace(&mut got, Vec::new());
            assert_eq!(got["metadata"], metadata, "{stated}");
            let new = applied(None, &body, "cleat").unwrap();
            assert_eq!(new["metadata"].get("creationTimestamp"), None);
        }
    }
}

#[test]
fn a_kind_without_a_schema_merges_maps_and_replaces_lists() {
    let body = |spec: Value| {
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"},
            "spec": spec})
    };
    let one = applied(None, &body(json!({"map": {"a": 1}, "list": [1, 2]})), "cleat").unwrap();
    let two = applied(Some(&one), &body(json!({"map": {"b": 1}})), "other").unwrap();
    assert_eq!(two["spec"], json!({"map": {"a": 1, "b": 1}, "list": [1, 2]}));
    let error = applied(Some(&two), &body(json!({"list": [1, 3]})), "other").unwrap_err();
    assert!(error.to_string().ends_with("conflict with \"cleat\": .spec.list"), "{error}");
}

#[test]
fn what_fits_no_schema_is_refused_in_the_servers_words() {
    for (body, words) in [
        (
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
                "spec": {"ports": [{"port": 80.5}]}}),
            "failed to convert new object (/a; /v1, Kind=Service) to proper version: unable to \
             convert unstructured object to /v1, Kind=Service: cannot convert float64 to int32",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
                "data": {"k": "a b"}}),
            "failed to convert new object (/a; /v1, Kind=Secret) to proper version: unable to \
             convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal \
             base64 data at input byte 1",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "date": {}}),
            "failed to create typed patch object (/a; /v1, Kind=Secret): .date: field not declared \
             in schema",
        ),
    ] {
        assert_eq!(applied(None, &body, "cleat").unwrap_err().to_string(), words);
    }
}

#[test]
fn an_update_takes_what_it_changes_and_nothing_else() {
    let schemas = Schemas::builtin();
    let one = applied(None, &settings(&json!({"a": "1", "b": "1"})), "cleat").unwrap();
    let mut new = one.clone();
    new["data"] = json!({"a": "2", "b": "1", "c": "1"});
    update(&schemas, Some(&one), &mut new, "kubectl-edit", None, LATER);
    assert_eq!(fields(&new, "cleat"), json!({"f:data": {"f:b": {}}}));
    let edited = crate::managed::owned_by(&new, "kubectl-edit", Operation::Update);
    assert_eq!(edited.to_v1(), json!({"f:data": {"f:a": {}, "f:c": {}}}));
}

#[test]
fn an_entry_that_cannot_be_told_apart_leaves_no_owners() {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a"}, {"name": "a"}]}});
    update(&Schemas::builtin(), None, &mut pod, "kubectl", None, TIME);
    assert_eq!(pod["metadata"].get("managedFields"), None);
    let error = applied(Some(&pod), &pod, "cleat").unwrap_err();
    assert!(
        error.to_string().starts_with(
            "failed to create manager for existing fields: failed to \
            convert new object (/a; /v1, Kind=Pod) to smd typed: .spec.containers: duplicate"
        ),
        "{error}"
    );
}

#[test]
fn the_oldest_updaters_are_put_together() {
    let schemas = Schemas::builtin();
    let mut live = applied(None, &settings(&json!({"a": "1"})), "cleat").unwrap();
    for number in 0..13 {
        let mut new = live.clone();
        new["data"][format!("k{number}")] = json!("1");
        let time = format!("2024-01-01T00:00:{number:02}Z");
        update(&schemas, Some(&live), &mut new, &format!("writer-{number}"), None, &time);
        live = new;
    }
    let names: Vec<String> =
        crate::managed::entries(&live).into_iter().map(|entry| entry.manager).collect();
    assert_eq!(names.len(), 11);
    assert_eq!(names[..3], ["cleat", "ancient-changes", "writer-4"]);
    let ancient = crate::managed::owned_by(&live, "ancient-changes", Operation::Update);
    assert_eq!(ancient.len(), 4);
}

#[test]
fn the_removal_of_an_item_of_a_list_needs_its_key() {
    let pod = |env: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "app", "image": "x", "env": env}]}})
    };
    let one = applied(None, &pod(json!([{"name": "A", "value": "1"}, {"name": "B"}])), "cleat");
    let two = applied(Some(&one.unwrap()), &pod(json!([{"name": "B"}])), "cleat").unwrap();
    assert_eq!(two["spec"]["containers"][0]["env"], json!([{"name": "B"}]));
    let key = Segment::Key([("name".to_owned(), json!("app"))].into());
    let path = Path::fields(["spec", "containers"]).join(key).join(Segment::field("image"));
    assert_eq!(path.find(&two), Some(&json!("x")));
}

fn environment() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[A-E]", "[0-3]", 1..5).prop_map(|entries| {
        entries.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    })
}

prop_compose! {
    fn deployments()(
        env in environment(),
        labels in prop::collection::btree_map("[a-d]", "[0-3]", 0..4),
        args in prop::collection::vec("[a-c]", 0..3),
        replicas in prop::option::of(0..4),
        ports in prop::collection::btree_set((80..83, prop::bool::ANY), 0..4),
    ) -> Value {
        let ports: Vec<Value> = ports
            .into_iter()
            .map(|(port, udp)| {
                let protocol = if udp { "UDP" } else { "TCP" };
                json!({"containerPort": port, "protocol": protocol})
            })
            .collect();
        let mut body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": labels},
            "spec": {"template": {"spec": {"containers": [
                {"name": "app", "image": "x", "env": env, "args": args, "ports": ports}]}}}});
        if let Some(replicas) = replicas {
            body["spec"]["replicas"] = json!(replicas);
        }
        body
    }
}

/// The same text with the keys of every map turned round, read again.
fn respelt(value: &Value) -> Value {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(fields) => {
                out.push('{');
                for (place, (name, inner)) in fields.iter().rev().enumerate() {
                    out.push_str(if place == 0 { "" } else { "," });
                    out.push_str(&json!(name).to_string());
                    out.push(':');
                    write(inner, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { "," });
                    write(item, out);
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #[test]
    fn applying_a_body_twice_changes_nothing(one in deployments(), two in deployments()) {
        let first = applied(None, &one, "cleat").unwrap();
        let second = applied(Some(&first), &two, "cleat").unwrap();
        let third = applied(Some(&second), &two, "cleat").unwrap();
        prop_assert_eq!(&third, &second);
        // What was applied before is gone: the same as if it had never been.
        let mut fresh = applied(None, &two, "cleat").unwrap();
        let mut second = second;
        for object in [&mut fresh, &mut second] {
            crate::managed::replace(object, Vec::new());
        }
        let root = Schemas::builtin();
        let root = root.root_or_deduced(GroupVersionKind::of(&two).as_ref());
        prop_assert_eq!(typed::field_set(root, &fresh).leaves(), typed::field_set(root, &second).leaves());
    }

    #[test]
    fn the_order_of_keys_never_matters(one in deployments(), two in deployments()) {
        let first = applied(None, &one, "cleat").unwrap();
        let plain = applied(Some(&first), &two, "other");
        let turned = applied(Some(&respelt(&first)), &respelt(&two), "other");
        prop_assert_eq!(plain, turned);
    }

    #[test]
    fn a_forced_apply_has_every_field_it_states(one in deployments(), two in deployments()) {
        let first = applied(None, &one, "other").unwrap();
        let forced = Apply { force: true, ..request(Some(&first), &two, "cleat") };
        let schemas = Schemas::builtin();
        let got = apply(&schemas, &forced, &|_| {}).unwrap();
        let root = schemas.root_or_deduced(GroupVersionKind::of(&two).as_ref());
        let stated = typed::field_set(root, &two);
        for path in stated.leaves() {
            // An empty map laid over a fuller one leaves it as it is.
            let value = path.find(&two);
            if value.is_some_and(|value| !value.as_object().is_some_and(serde_json::Map::is_empty)) {
                prop_assert_eq!(path.find(&got), value, "{}", path);
            }
        }
        let owned = crate::managed::owned_by(&got, "cleat", Operation::Apply);
        prop_assert_eq!(owned, strip(&stated));
    }
}

#[test]
fn what_a_body_declares_is_what_its_first_apply_owns() {
    let mut seen = 0;
    let schemas = Schemas::builtin();
    for (name, case) in crate::recorded::predictions() {
        let body = &case["desired"];
        let request = Apply {
            live: None,
            body,
            manager: "m",
            force: true,
            subresource: None,
            time: "2026-03-01T12:00:00Z",
        };
        let created = apply(&schemas, &request, &crate::defaults::fill);
        let owned = created.map(|it| managed::owned_by(&it, "m", Operation::Apply));
        seen += usize::from(owned.is_ok());
        assert_eq!(declared(&schemas, body), owned, "{name}");
    }
    assert!(seen > 400, "{seen}");
}
