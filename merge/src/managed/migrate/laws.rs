//! Laws of taking over: on every object a real server answered with, whoever is succeeded, and on
//! generated ones.

use proptest::prelude::*;
use serde_json::json;

use super::tests::{LATER, client_side, created, deployment};
use super::*;
use crate::managed::{self, entries};
use crate::object::GroupVersionKind;
use crate::path::Path;
use crate::recorded;

/// All that is owned, by anybody, as the schemas have it now.
fn owned(schemas: &Schemas, live: &Value, managed_fields: &[Value]) -> FieldSet {
    let object = json!({"metadata": {"managedFields": managed_fields}});
    entries(&object).iter().fold(FieldSet::new(), |set, entry| {
        let mut gvk = GroupVersionKind::of(live).unwrap();
        gvk.version = GroupVersionKind::new(&entry.api_version, "").version;
        let root = schemas.root_or_deduced(Some(&gvk));
        set.union(&typed::reconcile(root, &entry.fields).unwrap_or_else(|| entry.fields.clone()))
    })
}

fn with_fields(live: &Value, managed_fields: &[Value]) -> Value {
    let mut object = live.clone();
    identity::replace(&mut object, managed_fields.to_vec());
    object
}

/// Every law, for one takeover and one body. Whether anything was handed over.
fn check(schemas: &Schemas, live: &Value, body: &Value, takeover: &Takeover<'_>) -> bool {
    let Some(migration) = migrate(schemas, live, body, takeover, LATER) else {
        return false;
    };
    let before = managed_fields(live).map(Vec::as_slice).unwrap_or_default();
    let after = migration.managed_fields.as_slice();
    let what = format!("{takeover:?} of {live}");

    // Nobody else's entry changes.
    let succeeded = |entry: &&Value| {
        let entry = identity::read_entry(entry);
        entry.is_ok_and(|entry| role(&entry, takeover) != Role::Other)
    };
    for entry in before.iter().filter(|entry| !succeeded(entry)) {
        assert!(after.contains(entry), "{entry} is gone: {what}");
    }
    let others: Vec<Value> = after.iter().filter(|entry| !succeeded(entry)).cloned().collect();
    assert_eq!(others.len(), before.iter().filter(|entry| !succeeded(entry)).count(), "{what}");

    // Nothing is owned that was not.
    let root = schemas.root_or_deduced(GroupVersionKind::of(live).as_ref());
    let (was, is) = (owned(schemas, live, before), owned(schemas, live, after));
    assert!(before.is_empty() || is.difference(&was).is_empty(), "{what}");

    // Once is enough.
    let migrated = with_fields(live, after);
    assert_eq!(migrate(schemas, &migrated, body, takeover, LATER), None, "{what}");

    // The next apply removes what was declared and is not in the body, and nothing besides. (How a
    // built-in kind's versions convert is not the merge's to know.)
    let api_version = live["apiVersion"].as_str().unwrap();
    if entries(&migrated).iter().any(|entry| entry.api_version != api_version) {
        return true;
    }
    let request = Apply {
        live: Some(&migrated),
        body,
        manager: takeover.manager,
        force: true,
        subresource: None,
        time: LATER,
    };
    let Ok(applied) = apply(schemas, &request, &|_| {}) else {
        return true;
    };
    let ours = managed::owned_by(&migrated, takeover.manager, Operation::Apply);
    let stated = typed::field_set(root, body);
    let mut held = owned(schemas, live, &others);
    for entry in entries(&migrated) {
        let succeeded = role(&entry, takeover);
        if matches!(succeeded, Role::Predecessor | Role::BeforeFirstApply) {
            held = held.union(&entry.fields);
        }
    }
    for path in ours.leaves() {
        let stays = stated.touches(&path) || held.touches(&path);
        let mut without = typed::remove_items(root, &applied, &FieldSet::of([path.clone()]));
        schemas.settle_custom(&mut without);
        let gone = path.find(&applied) == path.find(&without);
        assert!(stays || gone, "{path} stays: {what}");
    }
    let (bare, applied) = (with_fields(&migrated, &[]), with_fields(&applied, &[]));
    let removed = typed::compare(root, &bare, &applied).removed;
    let ours = typed::with_named_fields(Some(root), &ours);
    for path in removed.leaves() {
        let segments = path.segments();
        let declared = (1..=segments.len())
            .any(|end| ours.contains(&Path(segments.get(..end).unwrap_or_default().to_vec())));
        assert!(declared, "{path} goes, though nobody declared it: {what}");
        assert!(!stated.contains(&path), "{path} goes, though it is in the body: {what}");
    }
    true
}

/// What predecessors declared, with every so-manieth field left out.
fn part(schemas: &Schemas, live: &Value, declared: &FieldSet, every: usize, of: usize) -> Value {
    let root = schemas.root_or_deduced(GroupVersionKind::of(live).as_ref());
    let chosen = declared.leaves().into_iter().enumerate();
    let chosen = chosen.filter(|(place, _)| place % of != every).map(|(_, path)| path);
    let mut body =
        typed::keep_items(root, live, &super::declared::with_keys(&FieldSet::of(chosen)));
    super::declared::identify(live, &mut body);
    body["metadata"].as_object_mut().unwrap().remove("uid");
    body
}

#[test]
fn every_recorded_object_can_be_taken_over_from_anybody() {
    let (mut objects, mut takeovers) = (0, 0);
    for (_, case) in recorded::cases("apply") {
        let mut schemas = Schemas::builtin();
        for step in case["steps"].as_array().unwrap() {
            let answer = &step["response"]["body"];
            if answer["kind"] == "CustomResourceDefinition" {
                schemas = schemas.with_definition(answer).unwrap_or(schemas);
            }
            if managed_fields(answer).is_none() {
                continue;
            }
            objects += 1;
            let listed = entries(answer);
            let all: Vec<Predecessor> = listed
                .iter()
                .map(|entry| Predecessor {
                    manager: entry.manager.clone().into(),
                    operation: entry.operation,
                })
                .collect();
            let one_by_one = all.chunks(1).chain([all.as_slice(), PREDECESSORS]);
            for predecessors in one_by_one {
                let takeover = Takeover { manager: "taker", predecessors };
                let declared = listed
                    .iter()
                    .filter(|entry| role(entry, &takeover) == Role::Predecessor)
                    .fold(FieldSet::new(), |set, entry| set.union(&entry.fields));
                for (every, of) in [(0, 1), (0, 2), (1, 2), (2, 3), (9, 1)] {
                    let body = part(&schemas, answer, &declared, every, of);
                    takeovers += usize::from(check(&schemas, answer, &body, &takeover));
                }
            }
        }
    }
    println!("{takeovers} takeovers of {objects} recorded objects");
    assert!(takeovers > 1000, "only {takeovers}");
}

#[test]
fn every_recorded_prediction_can_be_a_takeover() {
    let text = std::fs::read_to_string(recorded::folder().join("predict/definitions.json"));
    let definitions: Vec<Value> = serde_json::from_str(&text.unwrap()).unwrap();
    let schemas = definitions
        .iter()
        .fold(Schemas::builtin(), |schemas, crd| schemas.with_definition(crd).unwrap());
    let mut takeovers = 0;
    for (_, case) in recorded::predictions() {
        let (live, body) = (&case["live"], &case["desired"]);
        // Whoever else writes is a predecessor, and so is the manager of the earlier apply.
        let all: Vec<Predecessor> = entries(live)
            .iter()
            .map(|entry| Predecessor {
                manager: entry.manager.clone().into(),
                operation: entry.operation,
            })
            .collect();
        for predecessors in all.chunks(1).chain([all.as_slice(), PREDECESSORS]) {
            for manager in ["taker", "cleat"] {
                let takeover = Takeover { manager, predecessors };
                takeovers += usize::from(check(&schemas, live, body, &takeover));
            }
        }
    }
    println!("{takeovers} takeovers of recorded predictions");
    assert!(takeovers > 1000, "only {takeovers}");
}

prop_compose! {
    fn specs()(
        replicas in prop::option::of(0..4),
        revisions in prop::option::of(Just(10)),
        paused in prop::option::of(any::<bool>()),
        seconds in prop::option::of(0..3),
        env in prop::collection::btree_map("[A-C]", "[0-2]", 0..3),
        ports in prop::collection::btree_set(80..83, 0..3),
        sidecar in any::<bool>(),
        policy in prop::option::of(prop::sample::select(vec!["Always", "IfNotPresent"])),
    ) -> Value {
        let env: Vec<Value> =
            env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let ports: Vec<Value> = ports.iter().map(|port| json!({"containerPort": port})).collect();
        let mut app = json!({"name": "app", "image": "x", "env": env, "ports": ports});
        if let Some(policy) = policy {
            app["imagePullPolicy"] = json!(policy);
        }
        let mut containers = vec![app];
        if sidecar {
            containers.push(json!({"name": "sidecar", "image": "y"}));
        }
        let mut body = deployment(&json!({}));
        body["spec"]["template"]["spec"]["containers"] = json!(containers);
        for (name, value) in [
            ("replicas", replicas.map(Value::from)),
            ("revisionHistoryLimit", revisions.map(Value::from)),
            ("paused", paused.map(Value::from)),
            ("minReadySeconds", seconds.map(Value::from)),
        ] {
            if let Some(value) = value {
                body["spec"][name] = value;
            }
        }
        body
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Declared by one tool, changed by somebody beside it, taken over with another body.
    #[test]
    fn after_a_takeover_the_object_is_what_git_says(
        declared in specs(),
        wanted in specs(),
        tool in prop::sample::select(vec!["kubectl-client-side-apply", "helm", "argocd-controller"]),
        annotated in any::<bool>(),
    ) {
        let schemas = Schemas::builtin();
        let written = if annotated { client_side(&declared) } else { declared.clone() };
        let before = created(&written, tool);
        let mut live = before.clone();
        live["metadata"]["labels"]["team"] = json!("shop");
        managed::update(&schemas, Some(&before), &mut live, "kubectl-label", None, LATER);
        let takeover = Takeover { manager: "cleat", predecessors: PREDECESSORS };
        prop_assert!(check(&schemas, &live, &wanted, &takeover));

        let migration = migrate(&schemas, &live, &wanted, &takeover, LATER).unwrap();
        let migrated = with_fields(&live, &migration.managed_fields);
        let request = Apply {
            live: Some(&migrated), body: &wanted, manager: "cleat", force: true,
            subresource: None, time: LATER,
        };
        let mut got = with_fields(&apply(&schemas, &request, &defaults::fill).unwrap(), &[]);
        prop_assert_eq!(got["metadata"]["labels"].take(), json!({"team": "shop"}));
        let metadata = got["metadata"].as_object_mut().unwrap();
        metadata.remove("labels");
        metadata.remove("uid");
        let mut fresh = wanted.clone();
        defaults::fill(&mut fresh);
        prop_assert!(crate::meaning::same(&schemas, &got, &fresh), "{} {}", got, fresh);
    }
}
