//! The rules of merging, one table each, on a custom kind that has every kind of list and map: entries
//! by key (with a key that defaults), sets, atomics, preserved unknown fields; and who owns what then.

use serde_json::json;

use super::*;
use crate::managed::{owned_by, update};

const TIME: &str = "2024-01-01T00:00:00Z";

/// A kind with one field for each rule.
fn schemas() -> Schemas {
    let text = json!({"type": "string"});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.shop.example"},
        "spec": {"group": "shop.example", "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "note": text,
                        "ports": {"type": "array", "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["port", "protocol"],
                            "items": {"type": "object", "required": ["port"], "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                                "name": text}}},
                        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
                        "command": {"type": "array", "x-kubernetes-list-type": "atomic",
                            "items": text},
                        "selector": {"type": "object", "x-kubernetes-map-type": "atomic",
                            "additionalProperties": text},
                        "labels": {"type": "object", "additionalProperties": text},
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
                    "status": {"type": "object", "properties": {"phase": text}}}}}}]}});
    Schemas::builtin().with_definition(&definition).unwrap()
}

fn gadget(spec: &Value) -> Value {
    json!({"apiVersion": "shop.example/v1", "kind": "Gadget",
        "metadata": {"name": "one", "namespace": "shop"}, "spec": spec})
}

/// What there is after each manager has applied its spec in turn, without force.
fn after(applies: &[(&str, Value)]) -> Result<Value, ApplyError> {
    let schemas = schemas();
    let mut live = None;
    for (manager, spec) in applies {
        let body = gadget(spec);
        let request = Apply {
            live: live.as_ref(),
            body: &body,
            manager,
            force: false,
            subresource: None,
            time: TIME,
        };
        live = Some(apply(&schemas, &request, &|object| schemas.settle_custom(object))?);
    }
    Ok(live.unwrap())
}

/// Applies in turn, the spec they come to, and what the manager `a` owns of it afterwards.
fn check(about: &str, applies: &[(&str, Value)], spec: &Value, owned: &Value) {
    let live = after(applies).unwrap();
    assert_eq!(live["spec"], *spec, "{about}");
    let ours = owned_by(&live, "a", Operation::Apply).to_v1();
    assert_eq!(ours.get("f:spec").unwrap_or(&json!({})), owned, "{about}");
}

#[test]
fn entries_of_a_keyed_list_are_told_apart_by_all_their_keys_and_a_missing_key_is_its_default() {
    let tcp = r#"k:{"port":80,"protocol":"TCP"}"#;
    let udp = r#"k:{"port":80,"protocol":"UDP"}"#;
    check(
        "a key that is left out is its default",
        &[
            ("a", json!({"ports": [{"port": 80, "name": "one"}]})),
            ("a", json!({"ports": [{"port": 80, "protocol": "TCP", "name": "two"}]})),
        ],
        &json!({"ports": [{"port": 80, "protocol": "TCP", "name": "two"}]}),
        &json!({"f:ports": {tcp: {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}}}),
    );
    check(
        "another protocol is another entry",
        &[
            ("a", json!({"ports": [{"port": 80, "name": "one"}]})),
            ("b", json!({"ports": [{"port": 80, "protocol": "UDP", "name": "two"}]})),
            ("b", json!({"note": "the other entry goes, ours stays"})),
        ],
        &json!({"ports": [{"port": 80, "protocol": "TCP", "name": "one"}],
            "note": "the other entry goes, ours stays"}),
        &json!({"f:ports": {tcp: {".": {}, "f:name": {}, "f:port": {}}}}),
    );
    check(
        "the order of entries is no change, the live one stays",
        &[
            ("a", json!({"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]})),
            ("a", json!({"ports": [{"port": 80, "protocol": "UDP"}, {"port": 80}]})),
        ],
        &json!({"ports": [{"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]}),
        &json!({"f:ports": {tcp: {".": {}, "f:port": {}},
            udp: {".": {}, "f:port": {}, "f:protocol": {}}}}),
    );
}

#[test]
fn members_of_a_set_belong_to_whoever_applies_them() {
    check(
        "both keep theirs, and what nobody applies goes",
        &[
            ("a", json!({"tags": ["x", "y"]})),
            ("b", json!({"tags": ["y", "z"]})),
            ("a", json!({"tags": ["w"]})),
        ],
        &json!({"tags": ["y", "z", "w"]}),
        &json!({"f:tags": {"v:\"w\"": {}}}),
    );
}

#[test]
fn atomic_lists_and_maps_are_one_field() {
    check(
        "replaced as a whole by their owner",
        &[
            ("a", json!({"command": ["x", "y"], "selector": {"x": "1", "y": "1"}})),
            ("a", json!({"command": ["y"], "selector": {"z": "1"}})),
        ],
        &json!({"command": ["y"], "selector": {"z": "1"}}),
        &json!({"f:command": {}, "f:selector": {}}),
    );
    let conflict = after(&[
        ("a", json!({"selector": {"x": "1"}})),
        ("b", json!({"selector": {"x": "1", "y": "1"}})),
    ]);
    let told = conflict.unwrap_err().to_string();
    assert!(told.ends_with("conflict with \"a\": .spec.selector"), "{told}");
}

#[test]
fn what_a_schema_lets_through_is_merged_by_what_it_looks_like() {
    check(
        "maps field by field, lists as a whole",
        &[
            ("a", json!({"free": {"x": {"y": 1, "z": 2}, "list": [1, 2]}})),
            ("b", json!({"free": {"x": {"w": 3}}})),
            ("a", json!({"free": {"x": {"y": 1}, "list": [2]}})),
        ],
        &json!({"free": {"x": {"y": 1, "w": 3}, "list": [2]}}),
        &json!({"f:free": {"f:list": {}, "f:x": {".": {}, "f:y": {}}}}),
    );
}

#[test]
fn a_field_two_managers_apply_stays_until_the_last_lets_go() {
    check(
        "an equal value is shared",
        &[("a", json!({"note": "n"})), ("b", json!({"note": "n"})), ("b", json!({}))],
        &json!({"note": "n"}),
        &json!({"f:note": {}}),
    );
    check(
        "and the one who lets go first owns nothing of it",
        &[("a", json!({"note": "n"})), ("b", json!({"note": "n"})), ("a", json!({}))],
        &json!({"note": "n"}),
        &json!({}),
    );
}

#[test]
fn an_update_takes_a_field_by_another_value_and_not_by_an_equal_one() {
    let schemas = schemas();
    let one = after(&[("a", json!({"labels": {"x": "1", "y": "1"}}))]).unwrap();
    let mut edited = one.clone();
    edited["spec"]["labels"] = json!({"x": "2", "y": "1"});
    update(&schemas, Some(&one), &mut edited, "editor", None, TIME);
    let of = |manager, operation| owned_by(&edited, manager, operation).to_v1();
    assert_eq!(of("a", Operation::Apply), json!({"f:spec": {"f:labels": {"f:y": {}}}}));
    assert_eq!(of("editor", Operation::Update), json!({"f:spec": {"f:labels": {"f:x": {}}}}));
}

#[test]
fn a_write_to_a_subresource_has_an_entry_of_its_own() {
    let schemas = schemas();
    let one = after(&[("a", json!({"note": "n"}))]).unwrap();
    let mut judged = one.clone();
    judged["status"] = json!({"phase": "Ready"});
    update(&schemas, Some(&one), &mut judged, "a", Some("status"), TIME);
    let entries = crate::managed::entries(&judged);
    let of_status = entries.iter().find(|it| it.subresource.as_deref() == Some("status")).unwrap();
    assert_eq!(of_status.fields.to_v1(), json!({"f:status": {".": {}, "f:phase": {}}}));
    // An apply that lets go of everything leaves what was written through the subresource.
    let body = gadget(&json!({}));
    let request = Apply {
        live: Some(&judged),
        body: &body,
        manager: "a",
        force: false,
        subresource: None,
        time: TIME,
    };
    let after = apply(&schemas, &request, &|_| {}).unwrap();
    assert_eq!(after["status"], json!({"phase": "Ready"}));
    assert_eq!(after["spec"].get("note"), None);
}
