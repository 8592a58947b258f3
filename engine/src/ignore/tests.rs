//! Which objects rules concern, what is no rule, and that no rule makes anything panic.

use merge::path::Path;
use merge::{ObjectId, Schemas};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fault, NONE, Rules};
use crate::diff::{Comparison, diff};
use crate::redact::{Redaction, Salt};

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

fn id(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
    ObjectId {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    }
}

#[test]
fn rules_concern_the_objects_they_concern_in_argo_cd() {
    let web = id("apps", "Deployment", Some("shop"), "web");
    let settings = id("", "ConfigMap", Some("shop"), "settings");
    let role = id("rbac.authorization.k8s.io", "ClusterRole", None, "admin");
    for (rule, concerned) in [
        (json!({"group": "apps", "kind": "Deployment"}), [true, false, false]),
        (json!({"kind": "Deployment"}), [false, false, false]),
        (json!({"kind": "ConfigMap"}), [false, true, false]),
        (json!({"group": "", "kind": "ConfigMap"}), [false, true, false]),
        (json!({"group": "", "kind": "*"}), [false, true, false]),
        (json!({"group": "*", "kind": "*"}), [true, true, true]),
        (json!({"group": "*.k8s.io", "kind": "Cluster*"}), [false, false, true]),
        (json!({"group": "{apps,batch}", "kind": "*"}), [true, false, false]),
        (json!({"group": "app?", "kind": "[CD]e*"}), [true, false, false]),
        (json!({"group": "app?", "kind": "[!C]*"}), [true, false, false]),
        (json!({"group": "apps", "kind": "deployment"}), [false, false, false]),
        (json!({"group": "*", "kind": "*", "name": "web"}), [true, false, false]),
        (json!({"group": "*", "kind": "*", "name": ""}), [true, true, true]),
        (json!({"group": "*", "kind": "*", "namespace": "shop"}), [true, true, false]),
        (
            json!({"group": "*", "kind": "*", "namespace": "shop", "name": "admin"}),
            [false, false, false],
        ),
        (
            json!({"group": "*", "kind": "*", "namespace": null, "name": "admin"}),
            [false, false, true],
        ),
    ] {
        let rules = Rules::parse(&json!([rule])).unwrap();
        let found = [&web, &settings, &role].map(|id| rules.for_object(id).next().is_some());
        assert_eq!(found, concerned, "{rule}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let errors = Rules::parse(&json!([
        {"kind": "A", "jsonPointers": ["a"], "jqPathExpressions": ["("]},
        {"kind": "A"},
        {"kind": "[A"},
        {"group": "{a", "kind": "A"},
        {"kind": "A", "namespace": "a?"},
        {},
        7,
    ]))
    .unwrap_err();
    let rules: Vec<Option<usize>> = errors.iter().map(|error| error.rule).collect();
    assert_eq!(rules, [1, 1, 3, 4, 5, 6, 7].map(Some));
    for error in &errors {
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("ignoreDifferences rule {}: ", error.rule.unwrap())),
            "{text}"
        );
        assert!(!text.contains('\n'), "{text}");
    }
    assert_eq!(Rules::parse(&json!({})).unwrap_err()[0].fault, Fault::NotAList);
    let many = vec![json!({"kind": "A"}); 1_001];
    let errors = Rules::parse(&json!(many)).unwrap_err();
    assert!(matches!(errors[0].fault, Fault::TooMany { count: 1_001, .. }));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[*?\\[\\]{}!,\\\\a-c-]{0,10}",
        "(/[a-c~01/-]{0,3}){0,4}",
        "[.\\[\\]()|a-c\"?,= ]{0,16}",
        proptest::sample::select(vec![
            "*",
            "Deployment",
            "apps",
            "/spec",
            "/spec/replicas",
            "/metadata",
            "/spec/template/spec/containers/0",
            ".spec",
            "..",
            ".spec.template.spec.containers[]",
            ".spec.template.spec.containers[].args[0]",
            ".spec.template.spec.containers[] | select(.name == \"web\")",
            "other",
            ".. | scalars",
            ".spec.template.spec.containers[].name",
            ".metadata.managedFields",
            "/metadata/managedFields",
            ".metadata.finalizers[0]",
            ".spec.template.spec.tolerations[].key",
            "select(.kind)",
        ])
        .prop_map(str::to_owned),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let list = || proptest::collection::vec(text(), 0..4);
    (text(), prop_oneof![Just("*".to_owned()), text()], list(), list(), list()).prop_map(
        |(group, kind, pointers, expressions, managers)| {
            json!({"group": if kind == "*" { "*".to_owned() } else { group }, "kind": kind,
                "jsonPointers": pointers, "jqPathExpressions": expressions,
                "managedFieldsManagers": managers})
        },
    )
}

fn deployment(image: &str, args: Vec<&str>) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "finalizers": ["a", "b"],
            "managedFields": [{"manager": "other", "operation": "Update", "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
        "spec": {"replicas": args.len(), "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"tolerations": [{"key": image}, {"key": "b"}],
                "containers": [{"name": "web", "image": image, "args": args}]}}}})
}

proptest! {
    #[test]
    fn no_rules_make_anything_panic(rules in proptest::collection::vec(rule(), 0..4)) {
        if let Ok(rules) = Rules::parse(&json!(rules)) {
            let schemas = Schemas::builtin();
            let (live, desired) = (deployment("a:1", vec!["x", "y"]), deployment("a:2", vec!["x"]));
            let comparison = Comparison {
                live: Some(&live),
                previous: Some(&live),
                ignore: &rules,
                ..Comparison::new(&desired, &schemas, &REDACTION)
            };
            let found = diff(&comparison);
            // What is no change any more is said to be ignored.
            let plain = diff(&Comparison { ignore: &NONE, ..comparison });
            for change in &plain.changes {
                let is_part = |path: &Path| {
                    path.starts_with(&change.path) || change.path.starts_with(path)
                };
                let stays = found.changes.iter().any(|it| is_part(&it.path));
                let said = found.ignored.iter().any(|it| is_part(&it.path));
                prop_assert!(stays || said, "{} is lost: {:?}", change.path, found);
            }
            let body = comparison.outgoing();
            for pointer in ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"] {
                prop_assert_eq!(body.pointer(pointer), desired.pointer(pointer));
            }
        }
    }
}
