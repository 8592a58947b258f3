//! Tables and laws of diff.

use merge::apply::{Apply, apply};
use merge::{Schemas, defaults};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::application::MANAGER;
use crate::redact::Salt;

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));
const EARLIER: &str = "2026-03-01T09:00:00Z";
const LATER: &str = "2026-03-02T09:00:00Z";

/// What the server has after a manager's forced apply.
fn applied(live: Option<&Value>, body: &Value, manager: &str) -> Value {
    let time = if live.is_none() { EARLIER } else { LATER };
    let request = Apply { live, body, manager, force: true, subresource: None, time };
    apply(&Schemas::builtin(), &request, &defaults::fill).unwrap()
}

/// What the server has after a manager's plain write.
fn updated(live: &Value, manager: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut new = live.clone();
    change(&mut new);
    managed::update(&Schemas::builtin(), Some(live), &mut new, manager, None, LATER);
    new
}

fn compare(desired: &Value, live: &Value, previous: Option<&Value>) -> ObjectDiff {
    let schemas = Schemas::builtin();
    diff(&Comparison {
        live: Some(live),
        previous,
        ..Comparison::new(desired, &schemas, &REDACTION)
    })
}

/// The object after the patch that puts its ownership right.
fn handed_over(live: &Value, handover: &Handover) -> Value {
    let mut after = live.clone();
    after["metadata"]["managedFields"] = Value::Array(handover.managed_fields.clone());
    after
}

fn managers(object: &Value) -> Vec<String> {
    managed::entries(object).into_iter().map(|entry| entry.manager).collect()
}

/// The object after the apply: the live one, where it is in sync at a glance.
fn predicted(found: &ObjectDiff, live: &Value) -> Value {
    found.predicted.as_ref().map_or_else(|| live.clone(), |it| Value::clone(it.expose()))
}

fn paths(found: &ObjectDiff) -> Vec<String> {
    found.changes.iter().map(|change| change.path.to_string()).collect()
}

fn settings(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"}, "data": data})
}

fn web(replicas: Option<u32>) -> Value {
    let mut web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1",
                "ports": [{"containerPort": 80}, {"containerPort": 81}],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "resources": {"requests": {"cpu": "500m"}}}]}}}});
    if let Some(replicas) = replicas {
        web["spec"]["replicas"] = json!(replicas);
    }
    web
}

#[test]
fn what_does_not_exist_is_missing() {
    let schemas = Schemas::builtin();
    let body = web(None);
    let found = diff(&Comparison::new(&body, &schemas, &REDACTION));
    assert_eq!(found.verdict, Verdict::Missing);
    let predicted = found.predicted.unwrap();
    assert_eq!(predicted.expose()["spec"]["replicas"], 1, "defaults are predicted");
}

#[test]
fn a_change_names_who_wrote_the_value() {
    let live = applied(None, &settings(json!({"a": "1", "b": "2"})), MANAGER);
    let live = updated(&live, "kubectl-edit", |it| it["data"]["a"] = json!("by hand"));
    let found = compare(&settings(json!({"a": "1", "b": "2"})), &live, None);
    assert_eq!(found.verdict, Verdict::Differs);
    assert_eq!(paths(&found), [".data.a"]);
    let change = &found.changes[0];
    assert_eq!(
        (change.before.clone(), change.after.clone()),
        (Some(json!("by hand")), Some(json!("1")))
    );
    let holder = Holder {
        manager: "kubectl-edit".to_owned(),
        operation: "Update".to_owned(),
        subresource: None,
        time: Some(LATER.to_owned()),
    };
    assert_eq!(change.blame, Blame::Holders(vec![holder]));
}

#[test]
fn a_removed_field_was_removed_after_our_apply() {
    let wanted = settings(json!({"a": "1", "b": "2"}));
    let live = applied(None, &wanted, MANAGER);
    let live = updated(&live, "kubectl-edit", |it| {
        it["data"].as_object_mut().unwrap().remove("b");
    });
    let found = compare(&wanted, &live, Some(&wanted));
    assert_eq!(paths(&found), [".data.b"]);
    assert_eq!(
        found.changes[0].blame,
        Blame::Removed { since: Some(EARLIER.to_owned()), until: None }
    );
}

#[test]
fn what_others_add_is_shown_and_left() {
    let wanted = settings(json!({"a": "1"}));
    let live = applied(None, &wanted, MANAGER);
    let live = updated(&live, "kubectl-edit", |it| it["data"]["c"] = json!("3"));
    let found = compare(&wanted, &live, Some(&wanted));
    assert_eq!(found.verdict, Verdict::InSync);
    assert_eq!(found.foreign.len(), 1);
    assert_eq!(found.foreign[0].path.to_string(), ".data.c");
    assert_eq!(found.foreign[0].holders[0].manager, "kubectl-edit");
}

#[test]
fn a_dropped_field_that_somebody_took_is_taken_back_and_removed() {
    let before = settings(json!({"a": "1", "b": "2"}));
    let wanted = settings(json!({"a": "1"}));
    let live = applied(None, &before, MANAGER);
    let live = updated(&live, "kubectl-edit", |it| it["data"]["b"] = json!("by hand"));
    // Without what we applied last, the field is somebody else's.
    assert_eq!(compare(&wanted, &live, None).verdict, Verdict::InSync);
    let found = compare(&wanted, &live, Some(&before));
    assert_eq!(paths(&found), [".data.b"]);
    let handover = found.handover.unwrap();
    assert_eq!(handover.reclaimed, [Path::fields(["data", "b"])]);
    // The patch and the apply that the plan sends do what was predicted.
    let after = applied(Some(&handed_over(&live, &handover)), &wanted, MANAGER);
    assert_eq!(after["data"], json!({"a": "1"}));
    assert_eq!(after["data"], found.predicted.unwrap().expose()["data"]);
    assert_eq!(managers(&after), ["cleat"], "nothing is left of whoever took it");
}

#[test]
fn a_dropped_field_that_another_declares_stays() {
    let before = settings(json!({"a": "1", "b": "2"}));
    let live = applied(None, &before, MANAGER);
    let live = applied(Some(&live), &settings(json!({"b": "theirs"})), "other-applier");
    let found = compare(&settings(json!({"a": "1"})), &live, Some(&before));
    assert_eq!(found.verdict, Verdict::InSync);
    assert_eq!(found.handover, None);
}

#[test]
fn what_another_applied_is_a_conflict() {
    let live = applied(None, &settings(json!({"a": "theirs"})), "helm");
    let wanted = settings(json!({"a": "1"}));
    let found = compare(&wanted, &live, None);
    let Verdict::Conflict(contested) = &found.verdict else { panic!("{:?}", found.verdict) };
    assert_eq!(contested[0].path.to_string(), ".data.a");
    assert_eq!(contested[0].holder.manager, "helm");
    assert_eq!(paths(&found), [".data.a"], "what it would change is shown all the same");
}

#[test]
fn an_autoscalers_replicas_are_left_out_unless_we_alone_hold_them() {
    let schemas = Schemas::builtin();
    let wanted = web(Some(3));
    let ours = applied(None, &wanted, MANAGER);
    let scaled =
        updated(&ours, "horizontal-pod-autoscaler", |it| it["spec"]["replicas"] = json!(7));
    let nobodys = applied(None, &web(None), MANAGER);
    for (live, autoscaled, sent, expected) in [
        (None, true, true, Verdict::Missing),
        (Some(&ours), true, true, Verdict::InSync),
        (Some(&scaled), true, false, Verdict::InSync),
        (Some(&scaled), false, true, Verdict::Differs),
        (Some(&nobodys), true, false, Verdict::InSync),
    ] {
        let comparison = Comparison {
            live,
            autoscaled,
            previous: Some(&wanted),
            ..Comparison::new(&wanted, &schemas, &REDACTION)
        };
        let told = format!("live {live:?}, autoscaled {autoscaled}");
        assert_eq!(comparison.outgoing()["spec"].get("replicas").is_some(), sent, "{told}");
        assert_eq!(diff(&comparison).verdict, expected, "{told}");
    }
}

#[test]
fn spelling_is_no_difference() {
    let live = applied(None, &web(Some(1)), MANAGER);
    let mut wanted = web(None);
    let container = &mut wanted["spec"]["template"]["spec"]["containers"][0];
    container["resources"]["requests"]["cpu"] = json!("0.5");
    container["ports"] = json!([{"containerPort": 81, "protocol": "TCP"}, {"containerPort": 80}]);
    container["env"] = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    container["command"] = json!([]);
    wanted["spec"]["replicas"] = json!(1);
    wanted["status"] = json!({});
    wanted["metadata"]["creationTimestamp"] = json!(null);
    wanted["metadata"]["resourceVersion"] = json!("1");
    let found = compare(&wanted, &live, Some(&web(Some(1))));
    assert_eq!(found.verdict, Verdict::InSync, "{:?}", found.changes);
}

#[test]
fn string_data_is_sent_as_data() {
    let schemas = Schemas::builtin();
    let secret = |fields: Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "db", "namespace": "shop"}});
        secret.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        secret
    };
    let plain = secret(json!({"stringData": {"a": "one"}, "data": {"a": "eA==", "b": "dHdv"}}));
    let sent = Comparison::new(&plain, &schemas, &REDACTION).outgoing();
    assert_eq!(sent["data"], json!({"a": "b25l", "b": "dHdv"}));
    assert!(sent.get("stringData").is_none());
    let live = applied(None, &sent, MANAGER);
    assert_eq!(compare(&plain, &live, Some(&plain)).verdict, Verdict::InSync);
    // A key that Git drops goes, which the server would not do for `stringData`.
    let found = compare(&secret(json!({"stringData": {"a": "one"}})), &live, Some(&plain));
    assert_eq!(paths(&found), [".data.b"]);
    let shown = serde_json::to_string(&found).unwrap();
    assert!(!shown.contains("dHdv") && !shown.contains("two"), "{shown}");
}

#[test]
fn what_cannot_be_predicted_is_asked() {
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "a", "namespace": "shop"}, "spec": {"size": 1}});
    let live = applied(None, &unknown, MANAGER);
    assert_eq!(compare(&unknown, &live, None).verdict, Verdict::InSync);
    let mut bigger = unknown.clone();
    bigger["spec"]["size"] = json!(2);
    let found = compare(&bigger, &live, None);
    assert!(matches!(&found.verdict, Verdict::AskServer(why) if why.contains("schema")));
    assert_eq!(paths(&found), [".spec.size"], "with the best guess");

    let mut doubled = web(None);
    doubled["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    let live = applied(None, &web(None), MANAGER);
    let found = compare(&doubled, &live, None);
    assert!(matches!(found.verdict, Verdict::AskServer(_)), "{:?}", found.verdict);

    let scaler = |most: u32| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}})
    };
    let mut live = applied(None, &scaler(3), MANAGER);
    live["metadata"]["managedFields"][0]["apiVersion"] = json!("autoscaling/v1");
    let found = compare(&scaler(4), &live, None);
    let told = format!("{:?}", found.verdict);
    assert!(told.starts_with("AskServer") && told.contains("autoscaling/v1"), "{told}");
}

#[test]
fn the_settled_digest_stands_until_something_under_it_changes() {
    let schemas = Schemas::builtin();
    let (before, wanted) = (settings(json!({"a": "1", "b": "2"})), settings(json!({"a": "1"})));
    let live = applied(Some(&applied(None, &before, MANAGER)), &wanted, MANAGER);
    let settled = settled_digest(&schemas, &live, &wanted, Some(&before));
    assert_eq!(settled, settled_digest(&schemas, &live, &wanted, Some(&wanted)));
    let beside = updated(&live, "kubectl-edit", |it| it["data"]["c"] = json!("3"));
    assert_eq!(settled, settled_digest(&schemas, &beside, &wanted, Some(&wanted)));
    let under = updated(&live, "kubectl-edit", |it| it["data"]["a"] = json!("3"));
    assert_ne!(settled, settled_digest(&schemas, &under, &wanted, Some(&wanted)));
    let gone = updated(&live, "kubectl-edit", |it| it["data"] = json!({}));
    assert_ne!(settled, settled_digest(&schemas, &gone, &wanted, Some(&wanted)));
}

fn data() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-c]", "[x-z]{0,2}", 0..4).prop_map(|map| json!(map))
}

/// A Deployment with a random choice of what people write.
pub(super) fn deployment() -> impl Strategy<Value = Value> {
    let env = proptest::collection::btree_map("[A-D]", "[0-9]{0,2}", 0..4);
    let ports = proptest::collection::btree_set(80_u16..84, 0..4);
    let labels = proptest::collection::btree_map("[a-c]", "[x-z]", 0..3);
    (env, ports, labels, proptest::option::of(0_u32..4)).prop_map(
        |(env, ports, labels, replicas)| {
            let mut web = web(replicas);
            let container = &mut web["spec"]["template"]["spec"]["containers"][0];
            container["env"] =
                env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            container["ports"] = ports.iter().map(|port| json!({"containerPort": port})).collect();
            web["metadata"]["labels"] = json!(labels);
            web
        },
    )
}

fn reversed(mut web: Value) -> Value {
    let container = &mut web["spec"]["template"]["spec"]["containers"][0];
    for list in ["env", "ports"] {
        container[list].as_array_mut().unwrap().reverse();
    }
    web
}

proptest! {
    // A case merges whole Deployments several times over, unoptimised.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_predicted_object_predicts_no_change(
        before in deployment(), other in deployment(), wanted in deployment(), foreign in data(),
    ) {
        let live = applied(None, &before, MANAGER);
        let live = updated(&live, "kubectl-edit", |it| {
            it["spec"]["template"] = applied(None, &other, "x")["spec"]["template"].clone();
            it["metadata"]["annotations"] = foreign;
        });
        let found = compare(&wanted, &live, Some(&before));
        let predicted = predicted(&found, &live);
        let again = compare(&wanted, &predicted, Some(&wanted));
        prop_assert_eq!(&again.verdict, &Verdict::InSync, "{:?}", again.changes);
        prop_assert_eq!(again.handover, None);
    }

    #[test]
    fn what_was_just_applied_does_not_differ(wanted in deployment()) {
        let live = applied(None, &wanted, MANAGER);
        for desired in [&wanted, &reversed(wanted.clone())] {
            let found = compare(desired, &live, Some(&wanted));
            prop_assert_eq!(&found.verdict, &Verdict::InSync, "{:?}", found.changes);
            prop_assert!(found.changes.is_empty());
        }
    }

    #[test]
    fn the_order_of_keyed_entries_changes_no_verdict(before in deployment(), wanted in deployment()) {
        let live = applied(None, &before, MANAGER);
        let straight = compare(&wanted, &live, Some(&before));
        let turned = compare(&reversed(wanted), &live, Some(&before));
        prop_assert_eq!(paths(&straight), paths(&turned));
        prop_assert_eq!(straight.verdict, turned.verdict);
    }

    #[test]
    fn a_shown_change_makes_the_predicted_object(before in data(), wanted in data()) {
        let (before, wanted) = (settings(before), settings(wanted));
        let live = applied(None, &before, MANAGER);
        let found = compare(&wanted, &live, Some(&before));
        let after = found.after(&live);
        let predicted = predicted(&found, &live);
        let same = merge::meaning::same(
            &Schemas::builtin(),
            &json!({"data": after.get("data")}),
            &json!({"data": predicted.get("data")}),
        );
        prop_assert!(same || after.get("data").is_none_or(|it| *it == json!({})), "{after}");
    }

    #[test]
    fn no_secret_leaves_in_what_is_shown(
        keys in proptest::collection::btree_set("[a-d]", 1..4),
        dropped in proptest::collection::btree_set("[a-d]", 0..4),
        as_data in any::<bool>(),
    ) {
        let secret = |keys: &std::collections::BTreeSet<String>, value: &str| {
            let texts: serde_json::Map<String, Value> =
                keys.iter().map(|key| (key.clone(), json!(value))).collect();
            let field = if as_data { "data" } else { "stringData" };
            json!({"apiVersion": "v1", "kind": "Secret", field: texts, "metadata": {
                "name": "db", "namespace": "shop",
                "annotations": {crate::redact::LAST_APPLIED: format!("{{\"a\":\"{value}\"}}")}}})
        };
        // "canary", and what it is in base64; the old value likewise.
        let (old, new) = (secret(&dropped, "Y2FuYXJ5"), secret(&keys, "bmV3Y2FuYXJ5"));
        let schemas = Schemas::builtin();
        let sent = Comparison::new(&old, &schemas, &REDACTION).outgoing();
        let live = applied(None, &sent, MANAGER);
        let found = compare(&new, &live, Some(&old));
        let shown = format!("{found:?} {}", serde_json::to_string(&found).unwrap());
        for leak in ["canary", "Y2FuYXJ5", "bmV3Y2FuYXJ5", "WTJGdVlYSjU=", "Ym1WM1kyRnVZWEo1"] {
            prop_assert!(!shown.contains(leak), "{leak} in {shown}");
        }
    }
}
