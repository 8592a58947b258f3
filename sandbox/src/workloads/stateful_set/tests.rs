//! Tables of pods and the one next thing an ordered set does.

use super::*;

fn set(replicas: i64, image: &str) -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop", "uid": "s", "generation": 1},
        "spec": {"replicas": replicas, "serviceName": "db", "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "db", "image": image}]}}}})
}

/// The revision of a set's template, as the controller writes it.
fn revision(set: &Value, number: i64) -> Arc<Value> {
    let mut plan = Plan::default();
    history::current(&mut plan, WRITER, Kind::StatefulSet, set, &[]);
    let Some((_, Write::Create { body, .. })) = plan.writes.pop() else { panic!() };
    let mut body = body;
    body["revision"] = json!(number);
    Arc::new(body)
}

fn pod(ordinal: i64, revision: &Value, state: &str) -> Arc<Value> {
    let name = format!("db-{ordinal}");
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name,
            "labels": {REVISION: object::name(revision)}},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": if state == "ready" { "True" } else { "False" }}]}});
    match state {
        "failed" => pod["status"]["phase"] = json!("Failed"),
        "deleted" => pod["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z"),
        _ => {}
    }
    Arc::new(pod)
}

/// What a look does to pods: `+name`, `-name`.
fn steps(set: &Value, pods: &[Arc<Value>], revisions: &[Arc<Value>]) -> Vec<String> {
    let around = Surroundings { pods, revisions, has_claim: &|_| true };
    let plan = reconcile(set, &around, Timestamp::UNIX_EPOCH);
    plan.writes
        .iter()
        .filter_map(|(_, write)| match write {
            Write::Create { kind: Kind::Pod, body, .. } => Some(format!("+{}", object::name(body))),
            Write::Delete { key, .. } => Some(format!("-{}", key.name)),
            _ => None,
        })
        .collect()
}

#[test]
fn an_ordered_set_does_one_thing_and_waits() {
    let set = set(3, "db:2");
    let (old, new) = (revision(&self::set(3, "db:1"), 1), revision(&set, 2));
    let revisions = [Arc::clone(&old), Arc::clone(&new)];
    for (name, pods, expected) in [
        ("the first", vec![], vec!["+db-0"]),
        ("waits for it", vec![pod(0, &new, "not ready")], vec![]),
        ("the next", vec![pod(0, &new, "ready")], vec!["+db-1"]),
        ("a gap is filled first", vec![pod(1, &new, "ready")], vec!["+db-0"]),
        ("a failed one is replaced", vec![pod(0, &new, "failed")], vec!["-db-0"]),
        ("waits for one that ends", vec![pod(0, &new, "deleted")], vec![]),
        (
            "the last is updated first",
            vec![pod(0, &old, "ready"), pod(1, &old, "ready"), pod(2, &old, "ready")],
            vec!["-db-2"],
        ),
        (
            "then the one before",
            vec![pod(0, &old, "ready"), pod(1, &old, "ready"), pod(2, &new, "ready")],
            vec!["-db-1"],
        ),
        (
            "a stuck one holds everything",
            vec![pod(0, &old, "ready"), pod(1, &old, "ready"), pod(2, &old, "not ready")],
            vec![],
        ),
        (
            "surplus goes from the end",
            (0..5).map(|ordinal| pod(ordinal, &new, "ready")).collect(),
            vec!["-db-4"],
        ),
        ("all is well", (0..3).map(|ordinal| pod(ordinal, &new, "ready")).collect(), vec![]),
    ] {
        assert_eq!(steps(&set, &pods, &revisions), expected, "{name}");
    }
}

#[test]
fn a_parallel_set_waits_for_nobody() {
    let mut set = set(3, "db:1");
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    let only = revision(&set, 1);
    assert_eq!(steps(&set, &[], &[Arc::clone(&only)]), ["+db-0", "+db-1", "+db-2"]);
    let many: Vec<_> = (0..5).map(|ordinal| pod(ordinal, &only, "not ready")).collect();
    assert_eq!(steps(&set, &many, &[only]), ["-db-4", "-db-3"]);
}

#[test]
fn on_delete_replaces_nothing() {
    let mut set = set(1, "db:2");
    set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    let (old, new) = (revision(&self::set(1, "db:1"), 1), revision(&set, 2));
    assert_eq!(steps(&set, &[pod(0, &old, "ready")], &[old, new]), [""; 0]);
}

#[test]
fn a_revision_comes_before_its_pods_and_comes_back_with_a_new_number() {
    let set = set(1, "db:1");
    let around = |revisions| Surroundings { pods: &[], revisions, has_claim: &|_| true };
    let plan = reconcile(&set, &around(&[]), Timestamp::UNIX_EPOCH);
    assert!(matches!(
        plan.writes.as_slice(),
        [(_, Write::Create { kind: Kind::ControllerRevision, .. })]
    ));
    let revisions = [revision(&set, 1), revision(&self::set(1, "db:2"), 2)];
    let plan = reconcile(&set, &around(&revisions), Timestamp::UNIX_EPOCH);
    assert!(plan.writes.iter().any(|(_, write)| matches!(write,
        Write::Replace { kind: Kind::ControllerRevision, body } if body["revision"] == json!(3))));
}

#[test]
fn claims_are_made_once_and_mounted_by_name() {
    let mut set = set(1, "db:1");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    let revisions = [revision(&set, 1)];
    for (has_claim, created) in [(false, 1), (true, 0)] {
        let around = Surroundings { pods: &[], revisions: &revisions, has_claim: &|_| has_claim };
        let plan = reconcile(&set, &around, Timestamp::UNIX_EPOCH);
        let claims = plan.writes.iter().filter(|(_, write)| {
            matches!(write, Write::Create { kind: Kind::PersistentVolumeClaim, body, .. }
                if object::name(body) == "data-db-0")
        });
        assert_eq!(claims.count(), created);
        assert!(plan.writes.iter().any(|(_, write)| matches!(write,
            Write::Create { kind: Kind::Pod, body, .. }
                if body["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-0")));
    }
}
