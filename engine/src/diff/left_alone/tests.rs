//! Every way in which an ignored field can be held, changed and dropped: what is shown, and what an
//! apply makes of it.

use merge::Schemas;
use merge::apply::{Apply, apply};
use merge::managed::{self, Operation, Predecessor};
use merge::{defaults, meaning};
use serde_json::{Value, json};

use crate::application::{MANAGER, OWNED_BY};
use crate::diff::{Comparison, ObjectDiff, Verdict, diff};
use crate::ignore::Rules;
use crate::redact::{Redaction, Salt};

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));
const THEN: &str = "2026-03-01T09:00:00Z";

fn applied(live: Option<&Value>, body: &Value, manager: &str) -> Value {
    let request = Apply { live, body, manager, force: true, subresource: None, time: THEN };
    apply(&Schemas::builtin(), &request, &defaults::fill).unwrap()
}

fn updated(live: &Value, manager: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut new = live.clone();
    change(&mut new);
    managed::update(&Schemas::builtin(), Some(live), &mut new, manager, None, THEN);
    new
}

fn rules(rule: Value) -> Rules {
    let mut rule = rule;
    for (name, any) in [("group", "*"), ("kind", "*")] {
        rule.as_object_mut().unwrap().entry(name).or_insert(json!(any));
    }
    Rules::parse(&json!([rule])).unwrap()
}

fn pointer(pointer: &str) -> Rules {
    rules(json!({"jsonPointers": [pointer]}))
}

fn jq(expression: &str) -> Rules {
    rules(json!({"jqPathExpressions": [expression]}))
}

fn manager(manager: &str) -> Rules {
    rules(json!({"managedFieldsManagers": [manager]}))
}

/// A Deployment with a sidecar.
fn web() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"a": "1", "b": "2"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "tolerations": [{"key": "x", "operator": "Exists"}, {"key": "y", "operator": "Exists"}],
                "containers": [
                    {"name": "web", "image": "web:1", "args": ["--port", "80"],
                        "ports": [{"containerPort": 80}]},
                    {"name": "sidecar", "image": "sidecar:1"}]}}}})
}

fn with(object: &Value, pointer: &str, value: Value) -> Value {
    let mut object = object.clone();
    *object.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    object
}

fn without(object: &Value, pointer: &str) -> Value {
    let mut object = object.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(last).unwrap()),
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        other => panic!("{other}"),
    }
    object
}

const IMAGE: &str = "/spec/template/spec/containers/0/image";
const SIDECAR: &str = ".spec.template.spec.containers[] | select(.name == \"sidecar\")";

struct Case {
    name: &'static str,
    rules: Rules,
    /// What was applied first.
    first: Value,
    /// What happened then.
    drift: fn(&Value) -> Value,
    /// What Git wants now.
    desired: Value,
    changes: &'static [&'static str],
    ignored: &'static [&'static str],
    /// What is there after the apply.
    after: Vec<(&'static str, Option<Value>)>,
    /// Whether our manager owns a field after the apply.
    ours: Vec<(&'static str, bool)>,
}

impl Case {
    fn new(name: &'static str, rules: Rules) -> Self {
        Self {
            name,
            rules,
            first: web(),
            drift: Value::clone,
            desired: web(),
            changes: &[],
            ignored: &[],
            after: Vec::new(),
            ours: Vec::new(),
        }
    }
}

fn owns(object: &Value, path: &str) -> bool {
    let held = managed::owned_by(object, MANAGER, Operation::Apply);
    held.paths().iter().any(|it| it.to_string() == path)
}

fn compared<'a>(case: &'a Case, live: &'a Value, schemas: &'a Schemas) -> Comparison<'a> {
    Comparison {
        live: Some(live),
        previous: Some(&case.first),
        ignore: &case.rules,
        ..Comparison::new(&case.desired, schemas, &REDACTION)
    }
}

/// What the server has after the plan's step: ownership put right, then the body applied.
fn carried_out(comparison: &Comparison<'_>, found: &ObjectDiff) -> Value {
    let mut live = comparison.live.unwrap().clone();
    if let Some(handover) = &found.handover {
        live["metadata"]["managedFields"] = json!(handover.managed_fields);
    }
    applied(Some(&live), &comparison.outgoing(), MANAGER)
}

fn check(case: &Case) {
    let schemas = Schemas::builtin();
    let live = (case.drift)(&applied(None, &case.first, MANAGER));
    let comparison = compared(case, &live, &schemas);
    let found = diff(&comparison);
    let changes: Vec<String> = found.changes.iter().map(|it| it.path.to_string()).collect();
    assert_eq!(changes, case.changes, "{}: changes", case.name);
    let ignored: Vec<String> = found.ignored.iter().map(|it| it.path.to_string()).collect();
    assert_eq!(ignored, case.ignored, "{}: ignored", case.name);
    let verdict = if case.changes.is_empty() { Verdict::InSync } else { Verdict::Differs };
    assert_eq!(found.verdict, verdict, "{}", case.name);
    let after = carried_out(&comparison, &found);
    let predicted = found.predicted.unwrap();
    assert!(
        meaning::same(&schemas, &strip(&after), &strip(predicted.expose())),
        "{}: predicted",
        case.name
    );
    for (pointer, value) in &case.after {
        assert_eq!(after.pointer(pointer), value.as_ref(), "{}: {pointer} after", case.name);
    }
    for (path, ours) in &case.ours {
        assert_eq!(owns(&after, path), *ours, "{}: whether {path} is ours", case.name);
    }
    let again =
        diff(&Comparison { previous: Some(&case.desired), ..compared(case, &after, &schemas) });
    assert_eq!(again.changes, [], "{}: once applied, nothing changes", case.name);
    if case.changes.is_empty() {
        let settled = |live: &Value| compared(case, live, &schemas).settled(live);
        assert_eq!(settled(&live), settled(&after), "{}: the digest stands", case.name);
    }
}

fn strip(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    object
}

#[test]
fn ignored_fields_are_left_alone_however_they_are_held() {
    let image = ".spec.template.spec.containers[name=\"web\"].image";
    let sidecar = ".spec.template.spec.containers[name=\"sidecar\"]";
    let cases = [
        Case {
            drift: |live| updated(live, "scaler", |it| it["spec"]["replicas"] = json!(7)),
            ignored: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(7)))],
            ours: vec![(".spec.replicas", false)],
            ..Case::new("another changed it", pointer("/spec/replicas"))
        },
        Case {
            after: vec![("/spec/replicas", Some(json!(2)))],
            ours: vec![(".spec.replicas", true)],
            ..Case::new("we alone hold it, and it is as Git says", pointer("/spec/replicas"))
        },
        Case {
            desired: with(&web(), "/spec/replicas", json!(5)),
            ignored: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(2)))],
            ours: vec![(".spec.replicas", true)],
            ..Case::new("we alone hold it, and Git changed it", pointer("/spec/replicas"))
        },
        Case {
            drift: |live| {
                let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 2}});
                applied(Some(live), &body, "other")
            },
            after: vec![("/spec/replicas", Some(json!(2)))],
            ours: vec![(".spec.replicas", false)],
            ..Case::new("another holds it with us", pointer("/spec/replicas"))
        },
        Case {
            drift: |live| {
                let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 9}});
                applied(Some(live), &body, "other")
            },
            desired: with(&web(), "/metadata/annotations/a", json!("new")),
            changes: &[".metadata.annotations.a"],
            ignored: &[".spec.replicas"],
            after: vec![
                ("/spec/replicas", Some(json!(9))),
                ("/metadata/annotations/a", Some(json!("new"))),
            ],
            ours: vec![(".spec.replicas", false), (".metadata.annotations.a", true)],
            ..Case::new("another applied it: no conflict", pointer("/spec/replicas"))
        },
        Case {
            desired: without(&web(), "/spec/replicas"),
            ignored: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(2)))],
            ours: vec![(".spec.replicas", true)],
            ..Case::new("Git dropped it, and we alone hold it", pointer("/spec/replicas"))
        },
        Case {
            drift: |live| updated(live, "scaler", |it| it["spec"]["replicas"] = json!(7)),
            desired: without(&web(), "/spec/replicas"),
            ignored: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(7)))],
            ours: vec![(".spec.replicas", false)],
            ..Case::new("Git dropped it, another took it: not reclaimed", pointer("/spec/replicas"))
        },
        Case {
            drift: |live| {
                let mut live = updated(live, "scaler", |it| it["spec"]["replicas"] = json!(7));
                live["metadata"].as_object_mut().unwrap().remove("managedFields");
                live
            },
            desired: without(&web(), "/spec/replicas"),
            ignored: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(7)))],
            ..Case::new("managedFields were cleared", pointer("/spec/replicas"))
        },
        Case {
            first: without(&web(), "/metadata/annotations/b"),
            ignored: &[".metadata.annotations.b"],
            after: vec![("/metadata/annotations/b", Some(json!("2")))],
            ours: vec![(".metadata.annotations.b", true)],
            ..Case::new("Git adds it: as Git says", pointer("/metadata/annotations/b"))
        },
        Case {
            drift: |live| {
                updated(live, "cleaner", |it| {
                    it["metadata"]["annotations"].as_object_mut().unwrap().remove("b");
                })
            },
            ignored: &[".metadata.annotations.b"],
            after: vec![
                ("/metadata/annotations/b", None),
                ("/metadata/annotations/a", Some(json!("1"))),
            ],
            ..Case::new("another removed it: it stays away", pointer("/metadata/annotations/b"))
        },
        Case {
            drift: |live| {
                updated(live, "cleaner", |it| {
                    it["metadata"].as_object_mut().unwrap().remove("annotations");
                })
            },
            ignored: &[".metadata.annotations"],
            after: vec![("/metadata/annotations", None)],
            ..Case::new("another removed the map", pointer("/metadata/annotations"))
        },
        Case {
            drift: |live| {
                updated(live, "checker", |it| {
                    it["metadata"]["annotations"]["a"] = json!("theirs");
                    it["metadata"]["annotations"]["c"] = json!("theirs");
                })
            },
            desired: without(&web(), "/metadata/annotations/b"),
            ignored: &[".metadata.annotations.a", ".metadata.annotations.b"],
            after: vec![(
                "/metadata/annotations",
                Some(json!({"a": "theirs", "b": "2", "c": "theirs"})),
            )],
            ours: vec![
                (".metadata.annotations.a", false),
                (".metadata.annotations.b", true),
                (".metadata.annotations.c", false),
            ],
            ..Case::new("a whole map, held by several", pointer("/metadata/annotations"))
        },
        Case {
            drift: |live| {
                updated(live, "setter", |it| *it.pointer_mut(IMAGE).unwrap() = json!("web:9"))
            },
            ignored: &[".spec.template.spec.containers[name=\"web\"].image"],
            after: vec![(IMAGE, Some(json!("web:9")))],
            ours: vec![(image, false), (".spec.template.spec.containers[name=\"web\"].name", true)],
            ..Case::new("a field of a list entry", jq(".spec.template.spec.containers[].image"))
        },
        Case {
            drift: |live| {
                updated(live, "setter", |it| {
                    it.pointer_mut("/spec/template/spec/containers")
                        .unwrap()
                        .as_array_mut()
                        .unwrap()
                        .reverse();
                    *it.pointer_mut("/spec/template/spec/containers/1/image").unwrap() =
                        json!("web:9");
                })
            },
            ignored: &[".spec.template.spec.containers[name=\"web\"].image"],
            after: vec![("/spec/template/spec/containers/1/image", Some(json!("web:9")))],
            ..Case::new(
                "a field of a list entry by its place in the live list",
                pointer("/spec/template/spec/containers/1/image"),
            )
        },
        Case {
            drift: |live| {
                updated(live, "injector", |it| {
                    *it.pointer_mut("/spec/template/spec/containers/1/image").unwrap() =
                        json!("sidecar:9");
                })
            },
            desired: with(&web(), IMAGE, json!("web:2")),
            changes: &[".spec.template.spec.containers[name=\"web\"].image"],
            ignored: &[".spec.template.spec.containers[name=\"sidecar\"].image"],
            after: vec![
                (IMAGE, Some(json!("web:2"))),
                ("/spec/template/spec/containers/1/image", Some(json!("sidecar:9"))),
            ],
            ours: vec![(sidecar, true)],
            ..Case::new("a whole entry, changed by another", jq(SIDECAR))
        },
        Case {
            desired: without(&web(), "/spec/template/spec/containers/1"),
            ignored: &[".spec.template.spec.containers[name=\"sidecar\"]"],
            after: vec![("/spec/template/spec/containers/1/image", Some(json!("sidecar:1")))],
            ours: vec![(sidecar, true)],
            ..Case::new("a whole entry, dropped in Git, ours alone", jq(SIDECAR))
        },
        Case {
            drift: |live| {
                updated(live, "remover", |it| {
                    it.pointer_mut("/spec/template/spec/containers")
                        .unwrap()
                        .as_array_mut()
                        .unwrap()
                        .remove(1);
                })
            },
            ignored: &[".spec.template.spec.containers[name=\"sidecar\"]"],
            after: vec![("/spec/template/spec/containers/1", None)],
            ..Case::new("a whole entry, removed by another", jq(SIDECAR))
        },
        Case {
            first: without(&web(), "/spec/template/spec/containers/1"),
            ignored: &[".spec.template.spec.containers[name=\"sidecar\"]"],
            after: vec![("/spec/template/spec/containers/1/image", Some(json!("sidecar:1")))],
            ..Case::new("a whole entry that Git adds", jq(SIDECAR))
        },
        Case {
            desired: without(&web(), "/spec/template/spec/containers/1"),
            changes: &[".spec.template.spec.containers[name=\"sidecar\"]"],
            after: vec![("/spec/template/spec/containers/1", None)],
            ..Case::new(
                "an entry that Git drops goes with its ignored fields",
                jq(".spec.template.spec.containers[].image"),
            )
        },
        Case {
            drift: |live| {
                updated(live, "tuner", |it| {
                    *it.pointer_mut("/spec/template/spec/containers/0/args").unwrap() =
                        json!(["--port", "99"]);
                })
            },
            ignored: &[".spec.template.spec.containers[name=\"web\"].args"],
            after: vec![("/spec/template/spec/containers/0/args", Some(json!(["--port", "99"])))],
            ours: vec![(".spec.template.spec.containers[name=\"web\"].args", false)],
            ..Case::new(
                "a part of an atomic list, nothing else differs",
                jq(".spec.template.spec.containers[].args[1]"),
            )
        },
        Case {
            drift: |live| {
                updated(live, "tuner", |it| {
                    *it.pointer_mut("/spec/template/spec/containers/0/args").unwrap() =
                        json!(["--door", "99"]);
                })
            },
            changes: &[".spec.template.spec.containers[name=\"web\"].args"],
            after: vec![("/spec/template/spec/containers/0/args", Some(json!(["--port", "99"])))],
            ours: vec![(".spec.template.spec.containers[name=\"web\"].args", true)],
            ..Case::new(
                "a part of an atomic list, something else differs",
                jq(".spec.template.spec.containers[].args[1]"),
            )
        },
        Case {
            drift: |live| {
                updated(live, "tainter", |it| {
                    *it.pointer_mut("/spec/template/spec/tolerations").unwrap() = json!([{"key": "added", "operator": "Exists"}, {"key": "x", "operator": "Exists"}, {"key": "y", "operator": "Exists"}]);
                })
            },
            ignored: &[".spec.template.spec.tolerations"],
            after: vec![("/spec/template/spec/tolerations/0/key", Some(json!("added")))],
            ..Case::new(
                "an entry of an atomic list at another place on each side",
                jq(".spec.template.spec.tolerations[] | select(.key == \"added\")"),
            )
        },
        Case {
            drift: |live| {
                updated(live, "autoscaler", |it| {
                    it["spec"]["replicas"] = json!(7);
                    it["metadata"]["annotations"]["a"] = json!("7");
                })
            },
            ignored: &[".metadata.annotations.a", ".spec.replicas"],
            after: vec![
                ("/spec/replicas", Some(json!(7))),
                ("/metadata/annotations/a", Some(json!("7"))),
            ],
            ours: vec![(".spec.replicas", false), (".metadata.annotations.a", false)],
            ..Case::new("all that a manager holds", manager("autoscaler"))
        },
        Case {
            drift: |live| {
                let live = updated(live, "autoscaler", |it| it["spec"]["replicas"] = json!(7));
                updated(&live, "person", |it| it["metadata"]["annotations"]["a"] = json!("by hand"))
            },
            changes: &[".metadata.annotations.a"],
            ignored: &[".spec.replicas"],
            after: vec![
                ("/spec/replicas", Some(json!(7))),
                ("/metadata/annotations/a", Some(json!("1"))),
            ],
            ..Case::new("not what another manager holds", manager("autoscaler"))
        },
        Case {
            drift: |live| updated(live, "person", |it| it["spec"]["replicas"] = json!(7)),
            changes: &[".spec.replicas"],
            after: vec![("/spec/replicas", Some(json!(2)))],
            ..Case::new("a manager that holds nothing", manager("autoscaler"))
        },
        Case {
            drift: |live| updated(live, "person", |it| it["spec"]["replicas"] = json!(7)),
            changes: &[".spec.replicas"],
            ..Case::new(
                "another kind's rule",
                rules(json!({"kind": "StatefulSet", "jsonPointers": ["/spec/replicas"]})),
            )
        },
        Case {
            drift: |live| {
                updated(live, "router", |it| {
                    *it.pointer_mut("/spec/template/spec/containers/0/ports").unwrap() =
                        json!([{"containerPort": 80, "protocol": "TCP", "hostPort": 8080}]);
                })
            },
            ..Case::new(
                "a field we never had",
                jq(
                    ".spec.template.spec.containers[].ports[] | select(.protocol == \"TCP\") | .hostPort",
                ),
            )
        },
    ];
    for case in &cases {
        check(case);
    }
}

#[test]
fn an_object_is_created_as_git_says() {
    let (schemas, desired) = (Schemas::builtin(), web());
    for rules in
        [pointer("/spec/replicas"), jq(SIDECAR), jq(".spec.template.spec.containers[].args[0]")]
    {
        let comparison =
            Comparison { ignore: &rules, ..Comparison::new(&desired, &schemas, &REDACTION) };
        assert_eq!(comparison.outgoing(), desired);
        assert_eq!(diff(&comparison).verdict, Verdict::Missing);
    }
}

#[test]
fn what_a_predecessor_declared_is_kept_on_adoption() {
    let schemas = Schemas::builtin();
    let rules = pointer("/metadata/annotations/b");
    let live = applied(None, &web(), "helm");
    let desired = without(&web(), "/metadata/annotations/b");
    let predecessors = [Predecessor::applies("helm")];
    let comparison = Comparison {
        live: Some(&live),
        ignore: &rules,
        predecessors: &predecessors,
        ..Comparison::new(&desired, &schemas, &REDACTION)
    };
    let found = diff(&comparison);
    assert_eq!(found.changes, []);
    assert_eq!(found.ignored.len(), 1, "{:?}", found.ignored);
    let after = carried_out(&comparison, &found);
    assert_eq!(after.pointer("/metadata/annotations/b"), Some(&json!("2")));
    assert!(owns(&after, ".metadata.annotations.b"));
}

#[test]
fn no_rule_touches_our_mark_or_an_identity() {
    let schemas = Schemas::builtin();
    let mut marked = web();
    marked["metadata"]["annotations"][OWNED_BY] = json!("shop/new:apps:Deployment:shop/web");
    let mut theirs = web();
    theirs["metadata"]["annotations"][OWNED_BY] = json!("shop/old:apps:Deployment:shop/web");
    let live = applied(None, &theirs, MANAGER);
    for text in ["/metadata/annotations", "/metadata", "/metadata/name", "/apiVersion", "/kind"] {
        let rules = pointer(text);
        let comparison = Comparison {
            live: Some(&live),
            ignore: &rules,
            ..Comparison::new(&marked, &schemas, &REDACTION)
        };
        let found = diff(&comparison);
        let paths: Vec<String> = found.changes.iter().map(|it| it.path.to_string()).collect();
        assert_eq!(paths, [format!(".metadata.annotations.{OWNED_BY}")], "{text}");
        assert_eq!(found.unheeded.is_empty(), text == "/metadata/annotations", "{text}");
        let after = carried_out(&comparison, &found);
        assert_eq!(
            after["metadata"]["annotations"][OWNED_BY],
            marked["metadata"]["annotations"][OWNED_BY]
        );
        assert_eq!(after["metadata"]["annotations"]["a"], "1");
        assert_eq!(after["metadata"]["name"], "web");
    }
}

#[test]
fn what_cannot_be_heeded_is_said() {
    let schemas = Schemas::builtin();
    let live = applied(None, &web(), MANAGER);
    for (expression, why) in [
        ("select(.metadata.name == \"web\")", "the whole object"),
        (".spec.replicas | tostring", "instead of naming a place"),
        (". as $x | .. | $x | .. | $x | .. | $x | .. | empty", "steps for this object"),
        (".spec.template.spec.containers[].name", "tells the entries of its list apart"),
    ] {
        let rules = jq(expression);
        let desired = web();
        let comparison = Comparison {
            live: Some(&live),
            ignore: &rules,
            ..Comparison::new(&desired, &schemas, &REDACTION)
        };
        let found = diff(&comparison);
        assert_eq!(found.verdict, Verdict::InSync);
        assert!(
            found.unheeded.iter().any(|it| it.contains(why)),
            "{expression}: {:?}",
            found.unheeded
        );
        assert_eq!(comparison.outgoing(), web());
    }
}

#[test]
fn a_secrets_string_data_is_ignored_as_the_data_it_becomes() {
    let schemas = Schemas::builtin();
    let secret = |password: &str| {
        json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "creds", "namespace": "shop"},
        "stringData": {"user": "shop", "password": password}})
    };
    let live = applied(
        None,
        &json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "creds", "namespace": "shop"},
        "data": {"user": "c2hvcA==", "password": "b2xk"}}),
        MANAGER,
    );
    let live = updated(&live, "rotator", |it| it["data"]["password"] = json!("bmV3"));
    let desired = secret("canary");
    for rules in [
        pointer("/stringData/password"),
        pointer("/data/password"),
        jq(".stringData[\"password\"]"),
    ] {
        let comparison = Comparison {
            live: Some(&live),
            ignore: &rules,
            ..Comparison::new(&desired, &schemas, &REDACTION)
        };
        let found = diff(&comparison);
        assert_eq!(found.changes, [], "{rules:?}");
        assert_eq!(found.ignored.len(), 1);
        assert_eq!(comparison.outgoing()["data"], json!({"user": "c2hvcA=="}));
    }
}
