//! Laws of comparing, over generated objects of several kinds: workloads, Services, policies, Secrets
//! and a custom kind with every type of list.

use merge::apply::{Apply, apply};
use merge::{Schemas, defaults, meaning};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::application::MANAGER;
use crate::redact::Salt;

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

/// A kind with a keyed list whose key has a default, a set, an atomic list and a map.
fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "queues.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Queue", "plural": "queues"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer"},
                        "topics": {"type": "array", "x-kubernetes-list-type": "set",
                            "items": {"type": "string"}},
                        "order": {"type": "array", "items": {"type": "string"}},
                        "settings": {"type": "object", "additionalProperties": {"type": "string"}},
                        "endpoints": {"type": "array", "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["port", "protocol"],
                            "items": {"type": "object", "required": ["port"], "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                                "note": {"type": "string"}}}}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}})
}

fn schemas() -> Schemas {
    Schemas::builtin().with_definition(&definition()).unwrap()
}

/// Small maps, lists and amounts of which objects are made.
#[derive(Debug, Clone)]
struct Seed {
    map: Value,
    ports: Vec<u16>,
    words: Vec<String>,
    amount: String,
    number: u8,
    flag: bool,
}

fn seed() -> impl Strategy<Value = Seed> {
    (
        proptest::collection::btree_map("[a-d]", "[x-z]{1,2}", 1..4),
        proptest::collection::btree_set(80_u16..85, 1..4),
        proptest::collection::btree_set("[p-t]", 1..4),
        prop_oneof![Just("1"), Just("1000m"), Just("0.5"), Just("500m"), Just("2")],
        0_u8..4,
        any::<bool>(),
    )
        .prop_map(|(map, ports, words, amount, number, flag)| Seed {
            map: json!(map),
            ports: ports.into_iter().collect(),
            words: words.into_iter().collect(),
            amount: amount.to_owned(),
            number,
            flag,
        })
}

/// An object of a kind, from a seed.
fn object(kind: u8, seed: &Seed) -> Value {
    let Seed { map, ports, words, amount, number, flag } = seed;
    let keyed = |name: &str| -> Value { ports.iter().map(|port| json!({name: port})).collect() };
    let named: Value =
        words.iter().map(|word| json!({"name": word, "value": number.to_string()})).collect();
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {
        "containers": [{"name": "web", "image": "example/web:1", "env": named,
            "ports": keyed("containerPort"), "args": words,
            "resources": {"requests": {"cpu": amount}}}],
        "tolerations": [{"key": "a", "operator": "Exists"}]}});
    let selector = json!({"matchLabels": {"app": "web"}});
    let (api_version, body) = match kind {
        0 => ("apps/v1 Deployment", json!({"spec": {"selector": selector, "template": template}})),
        1 => (
            "apps/v1 StatefulSet",
            json!({"spec": {"selector": selector, "template": template,
            "serviceName": "web", "volumeClaimTemplates": [{"metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": amount}}}}]}}),
        ),
        2 => {
            let ports: Value = ports
                .iter()
                .map(|port| json!({"port": port, "name": format!("p{port}")}))
                .collect();
            ("v1 Service", json!({"spec": {"selector": map, "ports": ports}}))
        }
        3 => (
            "networking.k8s.io/v1 NetworkPolicy",
            json!({"spec": {
            "podSelector": {"matchLabels": map}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": keyed("port")}]}}),
        ),
        4 => ("v1 ConfigMap", json!({"data": map, "immutable": flag})),
        5 => (
            "v1 Secret",
            if *flag {
                json!({"stringData": map})
            } else {
                let encoded = map.as_object().into_iter().flatten();
                let encoded: Map = encoded.map(|(key, _)| (key.clone(), json!("eHg="))).collect();
                json!({"data": encoded})
            },
        ),
        _ => (
            "example.com/v1 Queue",
            json!({"spec": {"size": number, "topics": words,
            "order": words, "settings": map, "endpoints": keyed("port")}}),
        ),
    };
    let (api_version, kind) = api_version.split_once(' ').unwrap();
    let mut object = json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "labels": map}});
    object.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    object
}

type Map = serde_json::Map<String, Value>;

/// A desired object, the one before it, and one that somebody else put in between; of one kind.
fn history() -> impl Strategy<Value = [Value; 3]> {
    (0_u8..7, seed(), seed(), seed())
        .prop_map(|(kind, a, b, c)| [object(kind, &a), object(kind, &b), object(kind, &c)])
}

fn compare<'a>(
    desired: &'a Value,
    live: &'a Value,
    previous: Option<&'a Value>,
    schemas: &'a Schemas,
) -> Comparison<'a> {
    Comparison { live: Some(live), previous, ..Comparison::new(desired, schemas, &REDACTION) }
}

fn applied(schemas: &Schemas, live: Option<&Value>, body: &Value, manager: &str) -> Value {
    let body = &Comparison::new(body, schemas, &REDACTION).outgoing();
    let time = "2026-03-01T09:00:00Z";
    let request = Apply { live, body, manager, force: true, subresource: None, time };
    let mut object = apply(schemas, &request, &|object| {
        defaults::fill(object);
        if let Some(live) = live {
            defaults::update(live, object);
        }
    })
    .unwrap();
    object["metadata"]["uid"] = json!("u");
    object
}

/// What the cluster has after our apply, and perhaps what somebody else made of it.
fn live(schemas: &Schemas, [before, _, between]: &[Value; 3], touched: u8) -> Value {
    let live = applied(schemas, None, before, MANAGER);
    match touched {
        0 => live,
        1 => applied(schemas, Some(&live), between, "rival"),
        2 => {
            let mut edited = live.clone();
            for field in ["spec", "data"] {
                if let Some(value) = between.get(field) {
                    edited[field] = value.clone();
                }
            }
            defaults::fill(&mut edited);
            managed::update(
                schemas,
                Some(&live),
                &mut edited,
                "kubectl-edit",
                None,
                "2026-03-02T09:00:00Z",
            );
            edited
        }
        _ => {
            let mut stripped = live;
            stripped["metadata"].as_object_mut().unwrap().remove("managedFields");
            stripped
        }
    }
}

/// Entries of lists whose order means nothing, the other way round.
fn turned(object: &Value) -> Value {
    let mut object = object.clone();
    let template = "/spec/template/spec/containers/0";
    for list in ["env", "ports"].map(|name| format!("{template}/{name}")) {
        object
            .pointer_mut(&list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .for_each(|it| it.reverse());
    }
    for list in ["/spec/topics", "/spec/endpoints", "/metadata/finalizers"] {
        object
            .pointer_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .for_each(|it| it.reverse());
    }
    if object["kind"] == "Service" {
        object["spec"]["ports"].as_array_mut().unwrap().reverse();
    }
    object
}

fn paths(found: &ObjectDiff) -> Vec<String> {
    found.changes.iter().map(|change| change.path.to_string()).collect()
}

proptest! {
    // A case merges whole workloads several times over, unoptimised.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_predicted_object_predicts_no_change(history in history(), touched in 0_u8..4) {
        let schemas = schemas();
        let live = live(&schemas, &history, touched);
        let [before, wanted, _] = &history;
        let found = diff(&compare(wanted, &live, Some(before), &schemas));
        let predicted = found.predicted.as_ref().map_or(&live, |it| it.expose());
        let comparison = compare(wanted, predicted, Some(wanted), &schemas);
        for again in [diff(&comparison), diff_by_merge(&comparison)] {
            prop_assert!(!again.would_be_written(), "{:?} {:?}", again.changes, again.respelled);
            prop_assert_eq!(&again.verdict, &Verdict::InSync);
        }
    }

    #[test]
    fn what_is_told_at_a_glance_is_what_the_merge_says(
        history in history(), touched in 0_u8..4, same in any::<bool>(), kept in any::<bool>(),
    ) {
        let schemas = schemas();
        let live = live(&schemas, &history, touched);
        let [before, other, _] = &history;
        let wanted = if same { before } else { other };
        let previous = if kept { before } else { other };
        let comparison = compare(wanted, &live, Some(previous), &schemas);
        let merged = diff_by_merge(&comparison);
        if comparison.surely_in_sync() {
            prop_assert_eq!(ObjectDiff { predicted: None, ..merged }, diff(&comparison));
            let after = applied(&schemas, Some(&live), wanted, MANAGER);
            prop_assert_eq!(&after, &live, "an apply writes nothing, not even ownership");
        }
    }

    #[test]
    fn an_object_does_not_differ_from_itself(history in history(), touched in 0_u8..4) {
        let schemas = schemas();
        let live = live(&schemas, &history, touched);
        let found = diff_by_merge(&compare(&live, &live, None, &schemas));
        prop_assert!(!found.would_be_written(), "{:?} {:?}", found.changes, found.respelled);
        let [wanted, ..] = &history;
        let live = applied(&schemas, None, wanted, MANAGER);
        let found = diff(&compare(wanted, &live, Some(wanted), &schemas));
        prop_assert_eq!(found.verdict, Verdict::InSync, "{:?}", found.changes);
    }

    #[test]
    fn no_order_matters(history in history(), touched in 0_u8..4) {
        let schemas = schemas();
        let live = live(&schemas, &history, touched);
        let [before, wanted, _] = &history;
        let straight = diff(&compare(wanted, &live, Some(before), &schemas));
        // Keys as they come: the other way round than they are sorted.
        let text = turned(wanted).to_string();
        let reread: Value = serde_json::from_str(&text).unwrap();
        let back = turned(&live);
        for (wanted, live) in [(&reread, &live), (wanted, &back), (&reread, &back)] {
            let other = diff(&compare(wanted, live, Some(before), &schemas));
            prop_assert_eq!(paths(&straight), paths(&other));
            prop_assert_eq!(&straight.verdict, &other.verdict);
            let digest = |live: &Value| settled_digest(&schemas, live, wanted, Some(before));
            prop_assert_eq!(digest(live), digest(&turned(live)));
        }
        let digest = |wanted: &Value| settled_digest(&schemas, &live, wanted, Some(before));
        prop_assert_eq!(digest(wanted), digest(&reread));
    }

    #[test]
    fn the_settled_digest_stands_exactly_as_long_as_what_is_declared(
        history in history(), touched in 0_u8..4,
    ) {
        let schemas = schemas();
        let [before, ..] = &history;
        let settled = live(&schemas, &history, 0);
        let now = live(&schemas, &history, touched);
        let one = settled_digest(&schemas, &settled, before, None);
        let two = settled_digest(&schemas, &now, before, None);
        let declared = |object: &Value| -> Vec<Option<Value>> {
            let object = meaning::canonical(&schemas, object);
            let stored = Comparison::new(before, &schemas, &REDACTION).outgoing();
            let declared = meaning::declared(&schemas, &stored);
            let leaves = shape::leaves(&schemas, &declared);
            leaves.iter().map(|path| path.find(&object).cloned()).collect()
        };
        if one == two {
            prop_assert_eq!(declared(&settled), declared(&now), "a digest that stands is right");
        } else {
            prop_assert_ne!(&settled, &now, "nothing happened");
        }
        if declared(&settled) != declared(&now) {
            prop_assert_ne!(one, two, "what changed breaks it");
        }
        // With what was applied before gone, only what is desired counts.
        prop_assert_eq!(one, settled_digest(&schemas, &settled, before, Some(before)));
    }
}

#[test]
fn what_the_server_makes_of_our_fields_is_told_on_request_and_masked() {
    let schemas = schemas();
    let kept = Seed {
        map: json!({"a": "x"}),
        ports: vec![80],
        words: vec!["p".to_owned()],
        amount: "1000m".to_owned(),
        number: 1,
        flag: true,
    };
    let wanted = object(0, &kept);
    let mut live = applied(&schemas, None, &wanted, MANAGER);
    let comparison = compare(&wanted, &live, None, &schemas);
    assert_eq!(comparison.server_mutated(), [], "a default or another spelling is none");
    live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mirror.example/web:1");
    let found = compare(&wanted, &live, None, &schemas).server_mutated();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path.to_string(), r#".spec.template.spec.containers[name="web"].image"#);
    assert_eq!(found[0].ours, Some(json!("example/web:1")));
    assert_eq!(found[0].servers, Some(json!("mirror.example/web:1")));

    let secret = object(5, &kept);
    let mut live = applied(&schemas, None, &secret, MANAGER);
    live["data"]["a"] = json!("Y2FuYXJ5");
    let found = compare(&secret, &live, None, &schemas).server_mutated();
    let told = format!("{found:?} {}", serde_json::to_string(&found).unwrap());
    assert_eq!(found.len(), 1, "{told}");
    assert!(!told.contains("canary") && !told.contains("Y2FuYXJ5"), "{told}");
}

#[test]
fn the_servers_answer_is_told_like_a_comparison() {
    let schemas = schemas();
    let body = |size: u8| {
        json!({"apiVersion": "example.com/v1", "kind": "Queue",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"size": size}})
    };
    let live = applied(&schemas, None, &body(1), MANAGER);
    let (wanted, none) = (body(2), Schemas::none());
    let comparison = compare(&wanted, &live, None, &none);
    assert!(matches!(diff(&comparison).verdict, Verdict::AskServer(_)));
    assert_eq!(comparison.answered(&live).verdict, Verdict::InSync);
    let answer = applied(&schemas, Some(&live), &wanted, MANAGER);
    let found = comparison.answered(&answer);
    assert_eq!(found.verdict, Verdict::Differs);
    assert_eq!(paths(&found), [".spec.size"]);
}
