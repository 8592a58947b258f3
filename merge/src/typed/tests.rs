//! Tables and laws of typed.

use super::*;
use crate::fields::FieldSet;
use crate::object::GroupVersionKind;
use crate::schema::Schemas;
use serde_json::json;

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec})
}

fn with_pod<T>(act: impl FnOnce(TypeRef<'_>) -> T) -> T {
    let schemas = Schemas::builtin();
    act(schemas.root(&GroupVersionKind::new("v1", "Pod")).unwrap())
}

fn merge(at: TypeRef<'_>, one: &Value, two: &Value) -> Value {
    let mut out = one.clone();
    if overlay(at, &mut out, two) { out } else { Value::Null }
}

fn names(object: &Value) -> String {
    let volumes = object["spec"]["volumes"].as_array().unwrap();
    volumes.iter().map(|volume| volume["name"].as_str().unwrap()).collect()
}

fn volumes(names: &str) -> Value {
    let listed: Value = names.chars().map(|name| json!({"name": name.to_string()})).collect();
    pod(json!({"volumes": listed}))
}

#[test]
fn a_merged_list_has_the_second_ones_order_with_the_firsts_own_between() {
    for (one, two, merged) in [
        ("abc", "abc", "abc"),
        ("abc", "cba", "cba"),
        ("abc", "xby", "axbcy"),
        ("xaybzc", "abc", "xaybzc"),
        ("xaybzc", "cna", "xybzcna"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abcd", "dxa", "bcdxa"),
    ] {
        let got = with_pod(|root| merge(root, &volumes(one), &volumes(two)));
        assert_eq!(names(&got), merged, "{one} and {two}");
    }
}

#[test]
fn comparing_finds_what_came_went_and_changed() {
    let one = pod(json!({"hostname": "a", "nodeName": "n", "containers": [
        {"name": "x", "args": ["1"]}, {"name": "y"}]}));
    let two = pod(json!({"hostname": "b", "subdomain": "s", "containers": [
        {"name": "x", "args": ["1", "2"]}, {"name": "z"}]}));
    let found = with_pod(|root| compare(root, &one, &two));
    let texts =
        |set: &FieldSet| -> Vec<String> { set.paths().iter().map(ToString::to_string).collect() };
    assert_eq!(texts(&found.modified), [".spec.hostname", ".spec.containers[name=\"x\"].args"]);
    let added =
        [".spec.subdomain", ".spec.containers[name=\"z\"]", ".spec.containers[name=\"z\"].name"];
    assert_eq!(texts(&found.added), added);
    let removed =
        [".spec.nodeName", ".spec.containers[name=\"y\"]", ".spec.containers[name=\"y\"].name"];
    assert_eq!(texts(&found.removed), removed);
    assert!(with_pod(|root| compare(root, &one, &one)).is_same());
}

#[test]
fn a_change_of_form_is_a_change() {
    let port = |value: Value| {
        json!({"apiVersion": "v1", "kind": "Service",
            "spec": {"ports": [{"port": 80, "targetPort": value}]}})
    };
    let schemas = Schemas::builtin();
    let root = schemas.root(&GroupVersionKind::new("v1", "Service")).unwrap();
    let found = compare(root, &port(json!(80)), &port(json!("http")));
    let path = &found.modified.paths()[0];
    assert_eq!(path.to_string(), ".spec.ports[port=80,protocol=\"TCP\"].targetPort");
    assert_eq!(merge(root, &port(json!(80)), &port(json!("http"))), port(json!("http")));
}

#[test]
fn what_is_taken_out_leaves_null_behind_when_it_was_the_last() {
    let gone = with_pod(|root| field_set(root, &volumes("ab")));
    let rest = with_pod(|root| remove_items(root, &volumes("abc"), &gone));
    assert_eq!(names(&rest), "c");
    let rest = with_pod(|root| remove_items(root, &volumes("ab"), &gone));
    assert_eq!(rest["spec"]["volumes"], Value::Null);
}

#[test]
fn a_part_of_what_became_atomic_is_the_whole() {
    // A Pod's nodeSelector is atomic; a set written when it was not names its keys.
    let set = |fields: &Value| FieldSet::from_v1(fields).unwrap();
    let old = set(&json!({"f:spec": {"f:nodeSelector": {"f:disk": {}}, "f:hostname": {}}}));
    let new = set(&json!({"f:spec": {"f:nodeSelector": {}, "f:hostname": {}}}));
    assert_eq!(with_pod(|root| reconcile(root, &old)), Some(new.clone()));
    assert_eq!(with_pod(|root| reconcile(root, &new)), None);
    let whole = set(&json!({"f:spec": {"f:containers": {}}}));
    assert_eq!(with_pod(|root| reconcile(root, &whole)), None);
}

#[test]
fn values_of_wrong_types_are_named_as_go_prints_them() {
    let bad = pod(json!({"hostNetwork": "yes", "containers": [
        {"name": "a", "image": {"x": [1, "b"]}, "resources": {"limits": {"cpu": [1]}},
         "volumeDevices": 3}]}));
    let words: Vec<String> =
        with_pod(|root| validate(root, &bad)).iter().map(Problem::server_words).collect();
    assert_eq!(
        words,
        [
            ".spec.containers[name=\"a\"].image: expected string, got &value.valueUnstructured\
             {Value:map[string]interface {}{\"x\":[]interface {}{1, \"b\"}}}",
            ".spec.containers[name=\"a\"].resources.limits.cpu: expected any scalar, got &{[1]}",
            ".spec.containers[name=\"a\"].volumeDevices: expected list, got &{3}",
            ".spec.hostNetwork: expected boolean, got &{yes}",
        ]
    );
}

#[test]
fn laying_over_in_place_is_merging_anew() {
    // Whether entries are laid over where they stand or the list is made anew must not show.
    let one = pod(json!({"hostname": "a", "containers": [
        {"name": "x", "env": [{"name": "A", "value": "1"}, {"name": "B"}]}, {"name": "y"}]}));
    for (two, containers) in [
        (
            json!({"containers": [{"name": "y", "image": "i"}]}),
            json!([one["spec"]["containers"][0], {"name": "y", "image": "i"}]),
        ),
        (
            json!({"containers": [{"name": "x", "env": [{"name": "B", "value": "2"}]}]}),
            json!([{"name": "x", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "y"}]),
        ),
        (
            json!({"containers": [{"name": "n"}, {"name": "y"}]}),
            json!([one["spec"]["containers"][0], {"name": "n"}, {"name": "y"}]),
        ),
        (json!({"containers": []}), one["spec"]["containers"].clone()),
        (json!({"containers": null}), one["spec"]["containers"].clone()),
    ] {
        let got = with_pod(|root| merge(root, &one, &pod(two.clone())));
        assert_eq!(got["spec"]["containers"], containers, "{two}");
        assert_eq!(got["spec"]["hostname"], "a");
    }
}
