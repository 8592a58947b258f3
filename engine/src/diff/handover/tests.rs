//! What is handed over before an apply, and what the apply then comes to.

use merge::apply::apply;
use merge::managed::PREDECESSORS;
use merge::{Schemas, defaults};
use proptest::prelude::*;

use super::*;
use crate::application::MANAGER;
use crate::diff::tests::deployment;
use crate::diff::{ChangeKind, ObjectDiff, Verdict, diff};
use crate::redact::{Redaction, Salt};

fn redaction() -> Redaction {
    Redaction::new(Salt::new([7; 16]))
}

fn written(live: Option<&Value>, body: &Value, manager: &str) -> Value {
    let time = "2026-03-01T09:00:00Z";
    let request = merge::apply::Apply { live, body, manager, force: true, subresource: None, time };
    let mut object = apply(&Schemas::builtin(), &request, &defaults::fill).unwrap();
    object["metadata"]["uid"] = json!("u");
    object
}

fn updated(live: &Value, manager: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut new = live.clone();
    change(&mut new);
    let time = "2026-03-02T09:00:00Z";
    managed::update(&Schemas::builtin(), Some(live), &mut new, manager, None, time);
    new
}

/// As `kubectl create` or Helm 3 makes it.
fn created(body: &Value, manager: &str) -> Value {
    let mut new = body.clone();
    defaults::fill(&mut new);
    let time = "2026-03-01T09:00:00Z";
    managed::update(&Schemas::builtin(), None, &mut new, manager, None, time);
    new
}

fn web(replicas: Option<u32>, containers: &[&str]) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "image": format!("registry.example/{name}:1")}))
        .collect();
    let mut web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}});
    if let Some(replicas) = replicas {
        web["spec"]["replicas"] = json!(replicas);
    }
    web
}

fn settings(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"}, "data": data})
}

/// What a comparison finds, and what the server has after the patch and the apply it leads to.
fn carried_out(comparison: &Comparison<'_>) -> (ObjectDiff, Value) {
    let found = diff(comparison);
    let live = comparison.live.unwrap();
    let mut met = live.clone();
    if let Some(handover) = &found.handover {
        met["metadata"]["managedFields"] = Value::Array(handover.managed_fields.clone());
    }
    let after = written(Some(&met), &comparison.outgoing(), MANAGER);
    let predicted = found.predicted.as_ref().unwrap().expose();
    assert_eq!(after["spec"], predicted["spec"]);
    assert_eq!(after["data"], predicted["data"]);
    (found, after)
}

fn managers(object: &Value) -> Vec<String> {
    managed::entries(object).into_iter().map(|entry| entry.manager).collect()
}

#[test]
fn a_dropped_field_that_somebody_took_or_shares_goes() {
    let (before, wanted) = (settings(json!({"a": "1", "b": "1"})), settings(json!({"a": "1"})));
    let ours = written(None, &before, MANAGER);
    let taken = updated(&ours, "kubectl-edit", |it| it["data"]["b"] = json!("2"));
    let mut shared = before.clone();
    shared["data"]["b"] = json!("2");
    let shared = written(Some(&taken), &shared, MANAGER);
    assert_eq!(managers(&shared), ["cleat", "kubectl-edit"]);
    let mut cleared = ours.clone();
    cleared["metadata"].as_object_mut().unwrap().remove("managedFields");
    let before_first = written(Some(&cleared), &before, MANAGER);
    for (told, live, reclaimed) in [
        ("taken", taken, true),
        ("shared", shared, true),
        ("cleared", cleared, false),
        ("before the first apply", before_first, true),
    ] {
        let (schemas, redaction) = (Schemas::builtin(), redaction());
        let comparison = Comparison {
            live: Some(&live),
            previous: Some(&before),
            ..Comparison::new(&wanted, &schemas, &redaction)
        };
        let (found, after) = carried_out(&comparison);
        let handover = found.handover.expect(told);
        assert_eq!(handover.reclaimed.is_empty(), !reclaimed, "{told}");
        assert_eq!(handover.restored, !reclaimed, "{told}");
        assert_eq!(after["data"], json!({"a": "1"}), "{told}");
    }
}

/// A definition changed since: the object as it was last applied fits its schema no longer. It is
/// compared all the same, and what can be read of it still goes where Git dropped it.
#[test]
fn a_previous_object_that_no_longer_fits_counts_as_far_as_it_can_be_read() {
    let wanted = settings(json!({"a": "1"}));
    let mut previous = settings(json!({"a": "1", "b": "1", "was-a-list": ["x"]}));
    previous["rules"] = json!([{"gone": "field"}]);
    previous["metadata"]["labels"] = json!("was a text");
    let schemas = Schemas::builtin();
    assert!(!schemas.check(&previous).is_empty());
    let redaction = redaction();
    let plain = written(None, &wanted, MANAGER);
    let comparison = Comparison {
        live: Some(&plain),
        previous: Some(&previous),
        ..Comparison::new(&wanted, &schemas, &redaction)
    };
    assert_eq!(diff(&comparison).verdict, Verdict::InSync);

    let stale = written(None, &settings(json!({"a": "1", "b": "1"})), MANAGER);
    let taken = updated(&stale, "kubectl-edit", |it| it["data"]["b"] = json!("2"));
    let mut cleared = stale.clone();
    cleared["metadata"]["managedFields"] = json!([]);
    for live in [stale, taken, cleared] {
        let comparison = Comparison { live: Some(&live), ..comparison };
        let (found, after) = carried_out(&comparison);
        let paths: Vec<String> = found.changes.iter().map(|it| it.path.to_string()).collect();
        assert_eq!((&found.verdict, paths), (&Verdict::Differs, vec![".data.b".to_owned()]));
        assert_eq!(after["data"], json!({"a": "1"}));
    }
}

#[test]
fn a_default_that_comes_back_is_not_taken() {
    let wanted = web(None, &["web"]);
    let before = web(Some(1), &["web"]);
    let live = written(None, &before, MANAGER);
    let live = updated(&live, "kubectl-edit", |it| it["spec"]["replicas"] = json!(2));
    let live = updated(&live, "kubectl-edit", |it| it["spec"]["replicas"] = json!(1));
    let (schemas, redaction) = (Schemas::builtin(), redaction());
    let found = diff(&Comparison {
        live: Some(&live),
        previous: Some(&before),
        ..Comparison::new(&wanted, &schemas, &redaction)
    });
    assert_eq!((found.verdict, found.handover), (Verdict::InSync, None));
}

#[test]
fn what_others_hold_in_a_dropped_container_is_said_to_go_with_it() {
    let before = web(None, &["web", "helper"]);
    let live = written(None, &before, MANAGER);
    let live = updated(&live, "kubectl-set", |it| {
        let containers = it["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
        for container in containers {
            container["env"] = json!([{"name": "THEIRS", "value": "1"}]);
        }
    });
    let wanted = web(None, &["web"]);
    let (schemas, redaction) = (Schemas::builtin(), redaction());
    let comparison = Comparison {
        live: Some(&live),
        previous: Some(&before),
        ..Comparison::new(&wanted, &schemas, &redaction)
    };
    let (found, _) = carried_out(&comparison);
    let with: Vec<String> = found.goes_with.iter().map(|it| it.path.to_string()).collect();
    assert!(!with.is_empty() && with.iter().all(|it| it.contains("helper")), "{with:?}");
    assert!(found.goes_with.iter().all(|it| it.holders[0].manager == "kubectl-set"));
    let left: Vec<String> = found.foreign.iter().map(|it| it.path.to_string()).collect();
    assert!(!left.is_empty() && left.iter().all(|it| !it.contains("helper")), "{left:?}");
}

/// Nothing that puts ownership right, and no field that Git drops, takes the replicas from under an
/// autoscaler.
#[test]
fn an_autoscalers_replicas_are_never_dropped() {
    let before = web(Some(3), &["web"]);
    let ours = written(None, &before, MANAGER);
    let scaled = updated(&ours, "kube-controller-manager", |it| it["spec"]["replicas"] = json!(7));
    let mut cleared = scaled.clone();
    cleared["metadata"].as_object_mut().unwrap().remove("managedFields");
    let of = |live: &Value| live["spec"]["replicas"].clone();
    for (told, live, adopted) in [
        ("we alone hold them", ours, false),
        ("the autoscaler has set them", scaled, false),
        ("managedFields were cleared", cleared, false),
        ("kubectl declared them", written(None, &before, "kubectl"), true),
        ("helm created them", created(&before, "helm"), true),
    ] {
        for replicas in [None, Some(3)] {
            let mut wanted = web(replicas, &["web"]);
            wanted["metadata"]["labels"] = json!({"changed": "yes"});
            let (schemas, redaction) = (Schemas::builtin(), redaction());
            let comparison = Comparison {
                live: Some(&live),
                previous: (!adopted).then_some(&before),
                autoscaled: true,
                predecessors: if adopted { PREDECESSORS } else { &[] },
                ..Comparison::new(&wanted, &schemas, &redaction)
            };
            let (found, after) = carried_out(&comparison);
            assert_eq!(of(&after), of(&live), "{told}, Git has {replicas:?}");
            let touched = found.changes.iter().any(|it| it.path == super::replicas());
            assert!(!touched, "{told}, Git has {replicas:?}");
        }
    }
}

#[test]
fn an_adoption_removes_what_was_declared_and_nothing_of_others() {
    let before = settings(json!({"a": "0", "old": "1"}));
    let wanted = settings(json!({"a": "1"}));
    for live in [written(None, &before, "kubectl"), created(&before, "helm")] {
        let live = updated(&live, "bystander", |it| it["data"]["theirs"] = json!("1"));
        let (schemas, redaction) = (Schemas::builtin(), redaction());
        let comparison = Comparison {
            live: Some(&live),
            predecessors: PREDECESSORS,
            ..Comparison::new(&wanted, &schemas, &redaction)
        };
        let (found, after) = carried_out(&comparison);
        assert_eq!(found.verdict, Verdict::Differs, "an applier that is succeeded is no conflict");
        assert_eq!(after["data"], json!({"a": "1", "theirs": "1"}));
        assert_eq!(managers(&after), ["cleat", "bystander"]);
        let removed: Vec<String> = found.removed().map(ToString::to_string).collect();
        assert_eq!(removed, [".data.old"]);
        assert_eq!(found.changes.iter().filter(|it| it.kind == ChangeKind::Set).count(), 1);
        assert_eq!(found.handover.unwrap().migrated.len(), 1);
        let foreign: Vec<String> = found.foreign.iter().map(|it| it.path.to_string()).collect();
        assert_eq!(foreign, [".data.theirs"]);
    }
}

/// The leaves of what an object is to have, but for its names.
fn leaves(object: &Value) -> Vec<Path> {
    let named = ["apiVersion", "kind"].map(|it| Path::fields([it]));
    let found = crate::diff::shape::leaves(&Schemas::builtin(), object).into_iter();
    let metadata = Path::fields(["metadata", "name"]);
    let namespace = Path::fields(["metadata", "namespace"]);
    found.filter(|it| !named.contains(it) && *it != metadata && *it != namespace).collect()
}

proptest! {
    // A case merges whole Deployments several times over, unoptimised.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However others have changed what we applied: what Git drops is gone, unless another manager
    /// applies it or it is a default; what Git has is as Git has it; and what others applied is there.
    #[test]
    fn what_git_drops_goes_and_what_others_declare_stays(
        before in deployment(), drift in deployment(), theirs in deployment(), wanted in deployment(),
        cleared in any::<bool>(), applies in any::<bool>(),
    ) {
        let mut live = written(None, &before, MANAGER);
        live = updated(&live, "kubectl-edit", |it| {
            it["spec"]["template"] = written(None, &drift, "x")["spec"]["template"].clone();
            // Labels are fields by themselves: whoever changes one takes it.
            for (name, label) in drift["metadata"]["labels"].as_object().into_iter().flatten() {
                it["metadata"]["labels"][name] = label.clone();
            }
        });
        // Only what does not contradict Git: the rest is a conflict, and refused.
        let mut applied = wanted.clone();
        applied["metadata"]["labels"] = theirs["metadata"]["labels"].clone();
        for name in ["a", "b", "c"] {
            if let (Some(label), Some(labels)) =
                (wanted["metadata"]["labels"].get(name), applied["metadata"]["labels"].as_object_mut())
                && labels.contains_key(name)
            {
                labels.insert(name.to_owned(), label.clone());
            }
        }
        if applies {
            live = written(Some(&live), &applied, "other-tool");
        }
        if cleared {
            live["metadata"].as_object_mut().unwrap().remove("managedFields");
        }
        let (schemas, redaction) = (Schemas::builtin(), redaction());
        let comparison = Comparison {
            live: Some(&live),
            previous: Some(&before),
            ..Comparison::new(&wanted, &schemas, &redaction)
        };
        let (found, after) = carried_out_or_unchanged(&comparison);
        let declared = applies && !cleared;
        for path in leaves(&before) {
            let kept = path.find(&wanted).is_some()
                || (declared && path.find(&applied).is_some())
                || path.find(&written(None, &wanted, MANAGER)).is_some();
            prop_assert!(kept || path.find(&after).is_none(), "{path} is left: {found:?}");
        }
        for path in leaves(&wanted) {
            prop_assert!(
                merge::meaning::same(&schemas, &json!({"it": path.find(&after)}), &json!({"it": path.find(&wanted)}))
                    || path.find(&wanted).is_some_and(is_empty),
                "{path}"
            );
        }
        if declared {
            for path in leaves(&applied).into_iter().filter(|it| !it.find(&applied).is_some_and(is_empty)) {
                prop_assert!(path.find(&after).is_some(), "{path} of another is gone");
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    *value == json!({}) || *value == json!([]) || *value == json!("")
}

fn carried_out_or_unchanged(comparison: &Comparison<'_>) -> (ObjectDiff, Value) {
    let found = diff(comparison);
    if found.verdict == Verdict::InSync {
        return (found, comparison.live.unwrap().clone());
    }
    carried_out(comparison)
}
