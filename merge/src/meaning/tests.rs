//! Tables and laws of meaning.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{canonical, declared, same};
use crate::builtin::quantity::Quantity;
use crate::schema::Schemas;
use crate::{builtin, recorded};

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "uid": "1"}, "spec": spec})
}

#[track_caller]
fn equal(one: Value, two: Value) {
    let schemas = Schemas::builtin();
    assert_eq!(canonical(&schemas, &one), canonical(&schemas, &two));
    assert!(same(&schemas, &one, &two));
}

#[track_caller]
fn different(one: Value, two: Value) {
    assert!(!same(&Schemas::builtin(), &one, &two), "{one} and {two}");
}

#[test]
fn amounts_are_compared_not_their_spelling() {
    let limits = |cpu: Value, memory: &str| {
        pod(
            json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]}),
        )
    };
    equal(limits(json!("1000m"), "1Gi"), limits(json!(1), "1024Mi"));
    equal(limits(json!("0.5"), "1024"), limits(json!("500m"), "1Ki"));
    different(limits(json!("1"), "1G"), limits(json!("1"), "1Gi"));
    let claim = |size: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d"},
            "spec": {"resources": {"requests": {"storage": size}}}})
    };
    equal(claim("1024Gi"), claim("1Ti"));
}

#[test]
fn a_number_is_not_a_text() {
    let probe = |port: Value| {
        pod(json!({"containers": [{"name": "a", "readinessProbe": {"httpGet": {"port": port}}}]}))
    };
    different(probe(json!(80)), probe(json!("80")));
}

#[test]
fn string_data_is_data() {
    let secret = |field: &str, value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, field: {"a": value}});
    equal(secret("stringData", "x"), secret("data", "eA=="));
    equal(secret("data", "e\nA==\n"), secret("data", "eA=="));
    different(secret("data", "eA=="), secret("data", "eQ=="));
    let schemas = Schemas::builtin();
    assert_eq!(
        declared(&schemas, &secret("stringData", "x")),
        secret("data", "eA=="),
        "nothing but the spelling changes"
    );
}

#[test]
fn empty_and_null_are_absent_where_go_drops_them() {
    equal(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {}}, "data": null}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
    );
    equal(
        pod(
            json!({"containers": [{"name": "a", "args": [], "workingDir": "", "tty": false, "resources": {}}], "affinity": null}),
        ),
        pod(json!({"containers": [{"name": "a"}]})),
    );
    // Where a pointer stands, nothing and zero are two things.
    different(
        pod(json!({"containers": [], "terminationGracePeriodSeconds": 0})),
        pod(json!({"containers": []})),
    );
    different(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": ""}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
    );
}

#[test]
fn defaults_may_be_left_out() {
    equal(
        pod(json!({"containers": [{"name": "a", "image": "a:1"}]})),
        pod(
            json!({"restartPolicy": "Always", "containers": [{"name": "a", "image": "a:1", "imagePullPolicy": "IfNotPresent"}]}),
        ),
    );
    let schemas = Schemas::builtin();
    let bare = pod(json!({"containers": [{"name": "a"}]}));
    assert_eq!(declared(&schemas, &bare), bare, "what nobody declared is not declared");
}

#[test]
fn the_order_of_keyed_entries_is_no_meaning() {
    let variables = |names: [&str; 2]| {
        let env: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "value": "1"})).collect();
        pod(json!({"containers": [{"name": "a", "env": env}]}))
    };
    equal(variables(["A", "B"]), variables(["B", "A"]));
    different(
        pod(json!({"containers": [{"name": "a", "args": ["1", "2"]}]})),
        pod(json!({"containers": [{"name": "a", "args": ["2", "1"]}]})),
    );
}

#[test]
fn in_a_custom_resource_a_text_is_a_text() {
    let widget = |size: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": size}});
    different(widget(json!("1000m")), widget(json!("1")));
    different(widget(json!("")), widget(json!(null)));
    equal(widget(json!(1.0)), widget(json!(1)));
}

/// The object with every list in one order, by nothing but its text, and every amount in one spelling.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), in_order(value))).collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(in_order).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::String(text) => {
            let amount = Quantity::parse(text).map(|amount| amount.in_decimal().to_string());
            amount.unwrap_or_else(|| text.clone()).into()
        }
        other => other.clone(),
    }
}

/// Where the server's dry run changed nothing, both objects mean the same; where it changed something,
/// they do not, unless nothing but the order of entries or the spelling of amounts changed.
#[test]
fn meaning_agrees_with_the_recorded_predictions() {
    let definitions: Value =
        serde_json::from_str(&recorded::text(&recorded::folder().join("predict/definitions.json")))
            .unwrap();
    let mut schemas = Schemas::builtin();
    for definition in definitions.as_array().unwrap() {
        schemas = schemas.with_definition(definition).unwrap();
    }
    let comparable = |object: &Value| {
        let mut object = canonical(&schemas, object);
        for field in ["managedFields", "resourceVersion", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        object
    };
    let (mut unchanged, mut changed, mut reordered) = (0, 0, 0);
    for (name, case) in recorded::predictions() {
        if case["code"] != 200 {
            continue;
        }
        let alike = comparable(&case["live"]) == comparable(&case["predicted"]);
        if case["changed"] == json!(false) {
            assert!(alike, "{name}: what the server left alone differs in meaning");
            unchanged += 1;
        } else if alike {
            let plain = |object: &Value| {
                let mut object = in_order(object);
                for field in ["managedFields", "resourceVersion", "generation"] {
                    object["metadata"].as_object_mut().unwrap().remove(field);
                }
                object
            };
            assert_eq!(
                plain(&case["live"]),
                plain(&case["predicted"]),
                "{name}: a change is hidden"
            );
            reordered += 1;
        } else {
            changed += 1;
        }
    }
    println!(
        "{unchanged} unchanged predictions mean the same, {changed} changed ones do not, {reordered} only reorder or respell"
    );
    assert!(
        unchanged > 300 && changed > 180 && reordered > 0,
        "{unchanged}, {changed}, {reordered}"
    );
}

fn objects() -> Vec<Value> {
    recorded::predictions()
        .into_iter()
        .flat_map(|(_, case)| [case["desired"].clone(), case["live"].clone()])
        .filter(|object| builtin::type_of(object).is_some())
        .collect()
}

/// Writes nulls and empty values where there is room, and turns keyed lists around.
fn respelled(value: &Value, seed: u64) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> = fields
                .iter()
                .map(|(name, value)| {
                    (name.clone(), respelled(value, seed.rotate_left(7) ^ name.len() as u64))
                })
                .collect();
            if let Some(Value::Array(variables)) = fields.get_mut("env")
                && seed.is_multiple_of(2)
            {
                variables.reverse();
            }
            if seed.is_multiple_of(3) && fields.contains_key("dnsPolicy") {
                fields.entry("affinity").or_insert(Value::Null);
                fields.entry("hostAliases").or_insert(json!([]));
                fields.entry("nodeName").or_insert(json!(""));
            }
            for amounts in ["limits", "requests", "hard"] {
                if let Some(Value::Object(amounts)) = fields.get_mut(amounts) {
                    amounts.values_mut().for_each(|amount| respell_amount(amount, seed));
                }
            }
            Value::Object(fields)
        }
        Value::Array(items) => {
            items.iter().map(|item| respelled(item, seed.rotate_left(3))).collect()
        }
        other => other.clone(),
    }
}

fn respell_amount(amount: &mut Value, seed: u64) {
    if seed.is_multiple_of(2) {
        match amount.as_str() {
            Some("1Gi") => *amount = json!("1024Mi"),
            Some("100m") => *amount = json!("0.1"),
            Some("1") => *amount = json!("1000m"),
            _ => {}
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(|number| json!(number)),
        "[a-z0-9.]{0,5}(Mi|m|)".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(
                prop_oneof![
                    Just("spec"),
                    Just("template"),
                    Just("metadata"),
                    Just("containers"),
                    Just("name"),
                    Just("resources"),
                    Just("limits"),
                    Just("requests"),
                    Just("cpu"),
                    Just("ports"),
                    Just("env"),
                    Just("volumes"),
                    Just("strategy"),
                    Just("selector"),
                    Just("status"),
                    Just("labels"),
                    Just("data"),
                    Just("stringData"),
                    Just("type"),
                    Just("replicas"),
                ],
                inner,
                0..6
            )
            .prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_canonical_form_is_its_own(index in any::<prop::sample::Index>(), seed in any::<u64>()) {
        let objects = objects_once();
        let schemas = Schemas::builtin();
        let object = respelled(index.get(objects), seed);
        let once = canonical(&schemas, &object);
        prop_assert_eq!(&canonical(&schemas, &once), &once);
        let said = declared(&schemas, &object);
        prop_assert_eq!(&declared(&schemas, &said), &said);
    }

    #[test]
    fn sameness_is_an_equivalence(index in any::<prop::sample::Index>(), one in any::<u64>(), two in any::<u64>()) {
        let objects = objects_once();
        let schemas = Schemas::builtin();
        let object = index.get(objects);
        let (one, two) = (respelled(object, one), respelled(object, two));
        prop_assert!(same(&schemas, object, object));
        prop_assert_eq!(canonical(&schemas, object), canonical(&schemas, &one));
        prop_assert!(same(&schemas, object, &one) && same(&schemas, &one, object));
        prop_assert!(same(&schemas, &one, &two));
    }

    #[test]
    fn any_body_has_a_canonical_form(
        body in any_json(),
        kind in prop::sample::select(vec![
            ("v1", "Pod"), ("v1", "Secret"), ("v1", "Service"), ("apps/v1", "Deployment"),
            ("apps/v1", "DaemonSet"), ("batch/v1", "Job"), ("v1", "Namespace"), ("x/v1", "Y"),
        ]),
    ) {
        let mut object = body;
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".to_owned(), kind.0.into());
            fields.insert("kind".to_owned(), kind.1.into());
        }
        let schemas = Schemas::builtin();
        let once = canonical(&schemas, &object);
        prop_assert_eq!(&canonical(&schemas, &once), &once);
        // Whatever is wrong with it, judging it does not fail.
        let _ = crate::validate::create(&once);
        let _ = crate::validate::update(&object, &once);
        let _ = crate::strategic::patch(&schemas, &once, &object);
    }
}

fn objects_once() -> &'static [Value] {
    static OBJECTS: std::sync::LazyLock<Vec<Value>> = std::sync::LazyLock::new(objects);
    &OBJECTS
}
