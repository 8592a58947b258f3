//! Every suggested rule, tried: it is read again, hides what it was made for, and says what else.

use merge::apply::{Apply, apply};
use merge::{ObjectId, Schemas, defaults, managed};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Examined, Suggestion, suggest};
use crate::application::MANAGER;
use crate::diff::{Comparison, ObjectDiff, diff};
use crate::ignore::{RuleSpec, Rules};
use crate::redact::{Redaction, Salt};

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));
const THEN: &str = "2026-03-01T09:00:00Z";

fn applied(body: &Value) -> Value {
    let request =
        Apply { live: None, body, manager: MANAGER, force: true, subresource: None, time: THEN };
    apply(&Schemas::builtin(), &request, &defaults::fill).unwrap()
}

fn updated(live: &Value, manager: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut new = live.clone();
    change(&mut new);
    managed::update(&Schemas::builtin(), Some(live), &mut new, manager, None, THEN);
    new
}

fn web() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"example.com/a~b": "1"},
            "finalizers": ["example.com/keep"]},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "args": ["a"],
                "env": [{"name": "MODE", "value": "1"}, {"name": "LEVEL", "value": "1"}],
                "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}]}]}}}})
}

/// Suggests for all changes between what is there and what is wanted, and tries the rules.
fn suggested(desired: &Value, live: &Value) -> (ObjectDiff, Vec<Suggestion>) {
    let schemas = Schemas::builtin();
    let comparison =
        Comparison { live: Some(live), ..Comparison::new(desired, &schemas, &REDACTION) };
    let found = diff(&comparison);
    let id = ObjectId::of(desired).unwrap();
    let object = Examined { id: &id, comparison, diff: &found };
    let wanted: Vec<_> = found.changes.iter().map(|it| it.path.clone()).collect();
    let suggestions = suggest(&object, &wanted, &[object]);
    for suggestion in &suggestions {
        // As it comes back from a file.
        let text = serde_yaml::to_string(&suggestion.rule).unwrap();
        let rule: RuleSpec = serde_yaml::from_str(&text).unwrap();
        let rules = Rules::parse(&json!([rule])).unwrap();
        let with = diff(&Comparison { ignore: &rules, ..comparison });
        for change in &found.changes {
            let hidden = suggestion.hides.contains(&change.path)
                || suggestion.also_hides.iter().any(|it| it.path == change.path);
            let stays = with.changes.iter().any(|it| it.path == change.path);
            assert_eq!(hidden, !stays, "{}: {}", change.path, text);
        }
    }
    (found, suggestions)
}

#[test]
fn the_narrowest_rule_is_suggested() {
    type Drift = fn(&mut Value);
    let container = "/spec/template/spec/containers/0";
    let cases: [(&str, &str, Drift, Vec<Value>); 11] = [
        (
            "a field",
            "scaler",
            |it| it["spec"]["replicas"] = json!(9),
            vec![json!({"jsonPointers": ["/spec/replicas"]})],
        ),
        (
            "a name that a pointer escapes",
            "checker",
            |it| it["metadata"]["annotations"]["example.com/a~b"] = json!("2"),
            vec![json!({"jsonPointers": ["/metadata/annotations/example.com~1a~0b"]})],
        ),
        (
            "a field of a list entry",
            "setter",
            |it| it["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:9"),
            vec![json!({"jqPathExpressions":
                [".spec.template.spec.containers[] | select(.name == \"web\") | .image"]})],
        ),
        (
            "an entry in an entry",
            "setter",
            |it| it["spec"]["template"]["spec"]["containers"][0]["env"][1]["value"] = json!("9"),
            vec![json!({"jqPathExpressions":
                [".spec.template.spec.containers[] | select(.name == \"web\") | .env[] | select(.name == \"LEVEL\") | .value"]})],
        ),
        (
            "a list that is replaced whole",
            "setter",
            |it| it["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["b"]),
            vec![json!({"jqPathExpressions":
                [".spec.template.spec.containers[] | select(.name == \"web\") | .args"]})],
        ),
        (
            "keys of several fields",
            "setter",
            |it| it["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"] = json!("web"),
            vec![json!({"jqPathExpressions":
                [".spec.template.spec.containers[] | select(.name == \"web\") | .ports[] | select(.containerPort == 80 and .protocol == \"TCP\") | .name"]})],
        ),
        (
            "a removed entry",
            "remover",
            |it| {
                let env = &mut it["spec"]["template"]["spec"]["containers"][0]["env"];
                env.as_array_mut().unwrap().remove(0);
            },
            vec![json!({"jqPathExpressions":
                [".spec.template.spec.containers[] | select(.name == \"web\") | .env[] | select(.name == \"MODE\")"]})],
        ),
        (
            "an entry of a set",
            "remover",
            |it| it["metadata"]["finalizers"] = json!([]),
            vec![json!({"jsonPointers": ["/metadata/finalizers"]})],
        ),
        (
            "several fields of one manager",
            "autoscaler",
            |it| {
                it["spec"]["replicas"] = json!(9);
                it["metadata"]["annotations"]["example.com/a~b"] = json!("2");
            },
            vec![json!({"managedFieldsManagers": ["autoscaler"]})],
        ),
        (
            "several fields by hand",
            "kubectl-edit",
            |it| {
                it["spec"]["replicas"] = json!(9);
                it["metadata"]["annotations"]["example.com/a~b"] = json!("2");
            },
            vec![
                json!({"jsonPointers": ["/metadata/annotations/example.com~1a~0b"]}),
                json!({"jsonPointers": ["/spec/replicas"]}),
            ],
        ),
        ("nothing", "scaler", |_| {}, vec![]),
    ];
    for (name, manager, drift, expected) in cases {
        let live = updated(&applied(&web()), manager, drift);
        assert!(live.pointer(container).is_some());
        let (_, found) = suggested(&web(), &live);
        let expected: Vec<Value> = expected
            .into_iter()
            .map(|mut rule| {
                let fields = rule.as_object_mut().unwrap();
                for (field, text) in [
                    ("group", "apps"),
                    ("kind", "Deployment"),
                    ("namespace", "shop"),
                    ("name", "web"),
                ] {
                    fields.insert(field.to_owned(), json!(text));
                }
                rule
            })
            .collect();
        let rules: Vec<Value> = found.iter().map(|it| json!(it.rule)).collect();
        assert_eq!(rules, expected, "{name}");
        assert!(found.iter().all(|it| it.also_hides.is_empty()), "{name}");
    }
}

#[test]
fn a_manager_with_more_than_is_to_be_hidden_is_not_suggested() {
    let schemas = Schemas::builtin();
    let live = updated(&applied(&web()), "autoscaler", |it| {
        it["spec"]["replicas"] = json!(9);
        it["metadata"]["annotations"]["example.com/a~b"] = json!("2");
    });
    let desired = web();
    let comparison =
        Comparison { live: Some(&live), ..Comparison::new(&desired, &schemas, &REDACTION) };
    let found = diff(&comparison);
    let id = ObjectId::of(&desired).unwrap();
    let object = Examined { id: &id, comparison, diff: &found };
    let one = vec![found.changes[1].path.clone()];
    let suggestions = suggest(&object, &one, &[object]);
    assert_eq!(suggestions.len(), 1);
    assert_eq!(suggestions[0].rule.json_pointers, ["/spec/replicas"]);
    assert_eq!(suggestions[0].hides, one);
}

#[test]
fn a_name_with_a_globs_letters_is_compared_instead_of_selected() {
    let role = |verb: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "a*[b]", "labels": {"x": verb}}, "rules": []})
    };
    let live =
        updated(&applied(&role("1")), "labeller", |it| it["metadata"]["labels"]["x"] = json!("2"));
    let (_, found) = suggested(&role("1"), &live);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule.name, None);
    assert_eq!(
        found[0].rule.jq_path_expressions,
        ["select(.metadata.name == \"a*[b]\") | .metadata.labels.x"]
    );
}

#[test]
fn what_is_masked_stays_masked() {
    let secret = |value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "creds", "namespace": "shop"}, "data": {"password": value}})
    };
    let live = updated(&applied(&secret("Y2FuYXJ5MQ==")), "rotator", |it| {
        it["data"]["password"] = json!("Y2FuYXJ5Mg==");
    });
    let (_, found) = suggested(&secret("Y2FuYXJ5MQ=="), &live);
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("Y2FuYXJ5"), "{text}");
    assert_eq!(found[0].rule.json_pointers, ["/data/password"]);
}

/// Names with whatever quoting has to cope with.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "\\PC{1,12}",
        "[\\\\\"'#~/.\\[\\]{}()|$&*?!%@`\\n\\t :,-]{1,8}",
        proptest::sample::select(vec![
            "on",
            "null",
            "~",
            "1",
            "0x1",
            "1e3",
            "\\(",
            "\\u0041",
            "and",
            "if",
            "\u{0}",
            "\u{7f}",
            "é\u{301}",
            "a: b",
            "- x",
            "<<",
            "\\\\(.x)",
            "\"",
            "..",
            "a.b",
            "a#b",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_name_is_quoted_right(one in name(), other in name()) {
        prop_assume!(one != other);
        let mut desired = web();
        desired["metadata"]["annotations"] = json!({&one: "1", &other: "1"});
        desired["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{"name": &one, "value": "1"}, {"name": &other, "value": "1"}]);
        let live = updated(&applied(&desired), "kubectl-edit", |it| {
            it["metadata"]["annotations"][&one] = json!("2");
            it["metadata"]["annotations"][&other] = json!("2");
            let env = &mut it["spec"]["template"]["spec"]["containers"][0]["env"];
            env[0]["value"] = json!("2");
            env[1]["value"] = json!("2");
        });
        let (found, suggestions) = suggested(&desired, &live);
        prop_assert_eq!(found.changes.len(), 4);
        prop_assert_eq!(suggestions.len(), 4);
        for suggestion in suggestions {
            prop_assert_eq!(suggestion.also_hides, vec![], "{:?}", suggestion.rule);
        }
    }
}
