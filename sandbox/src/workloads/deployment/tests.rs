//! Tables of ReplicaSets and what is to become of them; and the recorded rollouts, which are fixed
//! points: the recorded controller had written all it wanted to.

use super::*;
use crate::workloads::replica_set;

const NOW: &str = "2024-01-01T00:00:10Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn deployment(replicas: i64, image: &str, strategy: Value) -> Value {
    json!({"metadata": {"name": "web", "namespace": "shop", "uid": "d", "generation": 1},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "progressDeadlineSeconds": 600, "strategy": strategy,
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": image}]}}}})
}

fn rolling(surge: Value, unavailable: Value) -> Value {
    json!({"type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

/// A ReplicaSet of an image: wanted, there and available pods.
fn set(image: &str, revision: i64, (wanted, actual, available): (i64, i64, i64)) -> Arc<Value> {
    let annotations = json!({REVISION: revision.to_string()});
    Arc::new(json!({
        "metadata": {"name": format!("web-{image}"), "uid": image, "generation": 1,
            "creationTimestamp": format!("2024-01-01T00:00:0{revision}Z"),
            "annotations": annotations},
        "spec": {"replicas": wanted, "template": {
            "metadata": {"creationTimestamp": null, "labels": {"app": "web", TEMPLATE_HASH: image}},
            "spec": {"containers": [{"name": "app", "image": image}]}}},
        "status": {"replicas": actual, "readyReplicas": available,
            "availableReplicas": available, "observedGeneration": 1},
    }))
}

/// The sizes a look leads to, by image, and the ReplicaSet it creates.
fn sizes(plan: &Plan) -> Vec<(String, i64)> {
    plan.writes
        .iter()
        .filter_map(|(_, write)| match write {
            Write::Replace { body, .. } | Write::Create { body, .. } => Some((
                object::text(body, "/spec/template/spec/containers/0/image").to_owned(),
                replica_set::replicas(body),
            )),
            _ => None,
        })
        .collect()
}

#[test]
fn one_step_of_a_rolling_update() {
    // Deployment's replicas, surge, unavailable; (wanted, actual, available) of the old and the new
    // set; the sizes both get next.
    for (name, replicas, surge, unavailable, old, new, expected) in [
        ("surge first", 4, json!(1), json!(0), (4, 4, 4), (0, 0, 0), (4, 1)),
        ("wait for the new one", 4, json!(1), json!(0), (4, 4, 4), (1, 1, 0), (4, 1)),
        ("then one old goes", 4, json!(1), json!(0), (4, 4, 4), (1, 1, 1), (3, 1)),
        ("no surge: down first", 4, json!(0), json!(1), (4, 4, 4), (0, 0, 0), (3, 0)),
        ("and up into the gap", 4, json!(0), json!(1), (3, 3, 3), (0, 0, 0), (3, 1)),
        ("percentages", 4, json!("50%"), json!("50%"), (4, 4, 4), (0, 0, 0), (4, 2)),
        ("both zero still moves", 2, json!(0), json!(0), (2, 2, 2), (0, 0, 0), (1, 0)),
        ("unhealthy old ones go at once", 4, json!(1), json!(1), (4, 4, 2), (1, 1, 0), (3, 1)),
        ("done", 2, json!(1), json!(0), (0, 0, 0), (2, 2, 2), (0, 2)),
    ] {
        let deployment = deployment(replicas, "two", rolling(surge, unavailable));
        let sets = [set("one", 1, old), set("two", 2, new)];
        let plan = reconcile(&deployment, &sets, true, now());
        let mut found = (old.0, new.0);
        for (image, size) in sizes(&plan) {
            *if image == "one" { &mut found.0 } else { &mut found.1 } = size;
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_new_template_gets_a_set_with_name_hash_and_revision() {
    let deployment = deployment(3, "two", rolling(json!(1), json!(0)));
    let plan = reconcile(&deployment, &[set("one", 4, (3, 3, 3))], true, now());
    let Some(Write::Create { body, .. }) = plan
        .writes
        .iter()
        .map(|(_, write)| write)
        .find(|write| matches!(write, Write::Create { .. }))
    else {
        panic!("{plan:?}")
    };
    let hash = object::label(body, TEMPLATE_HASH);
    assert_eq!(object::name(body), format!("web-{hash}"));
    assert_eq!(object::text(body, "/spec/selector/matchLabels/pod-template-hash"), hash);
    assert_eq!(object::annotation(body, REVISION), Some("5"));
    assert_eq!(object::annotation(body, MAXIMUM), Some("4"));
    assert_eq!(body["spec"]["replicas"], json!(1));
    let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.last() else {
        panic!("{plan:?}")
    };
    assert_eq!(object::annotation(body, REVISION), Some("5"));
    assert_eq!(object::text(body, "/status/conditions/1/reason"), "NewReplicaSetCreated");
}

#[test]
fn an_earlier_template_takes_its_old_set_with_a_new_revision() {
    let deployment = deployment(2, "one", rolling(json!(1), json!(0)));
    let sets = [set("one", 1, (0, 0, 0)), set("two", 2, (2, 2, 2))];
    let plan = reconcile(&deployment, &sets, true, now());
    let Some((_, Write::Replace { body, .. })) = plan.writes.first() else { panic!("{plan:?}") };
    assert_eq!((object::name(body), object::annotation(body, REVISION)), ("web-one", Some("3")));
    assert_eq!(body["spec"]["replicas"], json!(1));
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let deployment = deployment(2, "two", json!({"type": "Recreate"}));
    let old = |sizes| [set("one", 1, sizes)];
    let down = reconcile(&deployment, &old((2, 2, 2)), true, now());
    assert_eq!(sizes(&down), [("one".to_owned(), 0)]);
    let waiting = reconcile(&deployment, &old((0, 1, 0)), true, now());
    assert_eq!(sizes(&waiting), []);
    let up = reconcile(&deployment, &old((0, 0, 0)), false, now());
    assert_eq!(sizes(&up), [("two".to_owned(), 2)]);
}

#[test]
fn a_deadline_passes_when_nothing_moves() {
    let mut deployment = deployment(1, "one", rolling(json!(1), json!(0)));
    deployment["spec"]["progressDeadlineSeconds"] = json!(5);
    let sets = [set("one", 1, (1, 1, 0))];
    let status = |deployment: &Value, now: &str| {
        let plan = reconcile(deployment, &sets, false, now.parse().unwrap());
        let body = plan.writes.iter().find_map(|(_, write)| match write {
            Write::ReplaceStatus { body, .. } => Some(body.clone()),
            _ => None,
        });
        (body.unwrap_or_else(|| deployment.clone()), plan.wake_at)
    };
    let (progressing, wake) = status(&deployment, "2024-01-01T00:00:00Z");
    assert_eq!(object::text(&progressing, "/status/conditions/1/reason"), "ReplicaSetUpdated");
    assert_eq!(wake, Some("2024-01-01T00:00:06Z".parse().unwrap()));
    let (same, _) = status(&progressing, "2024-01-01T00:00:05Z");
    assert_eq!(same, progressing);
    let (late, wake) = status(&progressing, "2024-01-01T00:00:06Z");
    assert_eq!(
        object::text(&late, "/status/conditions/1/message"),
        "ReplicaSet \"web-one\" has timed out progressing."
    );
    assert_eq!(wake, None);
}

#[test]
fn history_beyond_its_limit_is_forgotten_oldest_first() {
    let mut deployment = deployment(1, "four", rolling(json!(1), json!(0)));
    deployment["spec"]["revisionHistoryLimit"] = json!(1);
    let idle = (0, 0, 0);
    let sets = [
        set("three", 3, idle),
        set("one", 1, idle),
        set("two", 2, idle),
        set("four", 4, (1, 1, 1)),
    ];
    let plan = reconcile(&deployment, &sets, false, now());
    let forgotten: Vec<&str> = plan
        .writes
        .iter()
        .filter_map(|(_, write)| match write {
            Write::Delete { key, .. } => Some(key.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(forgotten, ["web-one", "web-two"]);
}

#[test]
fn scaling_keeps_the_shares_of_a_rollout_under_way() {
    let deployment = deployment(10, "two", rolling(json!(0), json!(1)));
    let annotated = |image, revision, sizes| {
        let mut set = set(image, revision, sizes).as_ref().clone();
        object::set_metadata(&mut set, "annotations", DESIRED, "5");
        object::set_metadata(&mut set, "annotations", MAXIMUM, "5");
        Arc::new(set)
    };
    let sets = [annotated("one", 1, (4, 4, 4)), annotated("two", 2, (1, 1, 1))];
    let mut found = sizes(&reconcile(&deployment, &sets, true, now()));
    found.sort();
    assert_eq!(found, [("one".to_owned(), 8), ("two".to_owned(), 2)]);
}

/// Every recorded Deployment and ReplicaSet: what this controller would make of the status is what
/// the recorded one made of it.
#[test]
fn recorded_rollouts_are_fixed_points() {
    let mut held = 0;
    for case in crate::recorded::rollouts() {
        for (number, snapshot) in object::list(&case, "/snapshots").iter().enumerate() {
            let place = format!("{} {number}", object::text(&case, "/name"));
            let objects: Vec<Arc<Value>> =
                object::list(snapshot, "/objects").iter().cloned().map(Arc::new).collect();
            let of_kind = |kind: &str, owner: &str| -> Vec<Arc<Value>> {
                let owned = |object: &&Arc<Value>| {
                    object::text(object, "/kind") == kind
                        && object::controller(object)
                            .is_some_and(|found| object::text(found, "/uid") == owner)
                };
                objects.iter().filter(owned).cloned().collect()
            };
            let latest = latest(&objects);
            // A snapshot of an apply's answer shows what the controller has not seen yet.
            let is_seen = |object: &&Arc<Value>| {
                object::integer(object, "/status/observedGeneration")
                    == Some(object::generation(object))
            };
            for found in objects.iter().filter(is_seen) {
                let uid = object::uid(found);
                let plan = match object::text(found, "/kind") {
                    "ReplicaSet" => {
                        let refused = object::condition(found, "ReplicaFailure")
                            .map(|failure| object::text(failure, "/message"));
                        replica_set::reconcile(found, &of_kind("Pod", uid), refused, latest)
                    }
                    "Deployment" => reconcile(found, &of_kind("ReplicaSet", uid), true, latest),
                    _ => continue,
                };
                for (_, write) in plan.writes {
                    if let Write::ReplaceStatus { body, .. } = write {
                        assert_eq!(body["status"], found["status"], "{place}");
                    }
                }
                held += 1;
            }
        }
    }
    println!("{held} recorded Deployments and ReplicaSets are as this controller leaves them");
    assert!(held > 100, "only {held} objects were compared");
}

/// The latest time that any object of a snapshot states.
fn latest(objects: &[Arc<Value>]) -> Timestamp {
    let times = objects.iter().flat_map(|object| {
        let text = object.to_string();
        let times: Vec<Timestamp> =
            text.split('"').filter_map(|piece| piece.parse().ok()).collect();
        times
    });
    times.max().unwrap_or(Timestamp::UNIX_EPOCH)
}
