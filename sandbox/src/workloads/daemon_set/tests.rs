//! Tables of nodes, pods and what a look does about them.

use super::*;

fn set(update: Value) -> Value {
    json!({"metadata": {"name": "agent", "namespace": "shop", "uid": "d", "generation": 2},
        "spec": {"updateStrategy": update, "selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}},
                "spec": {"nodeSelector": {"agent": "yes"},
                    "containers": [{"name": "app", "image": "agent:2"}]}}}})
}

fn rolling(surge: i64, unavailable: i64) -> Value {
    json!({"type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

fn node(name: &str, wanted: bool) -> Arc<Value> {
    let label = if wanted { "yes" } else { "no" };
    Arc::new(json!({"metadata": {"name": name, "labels": {"agent": label}}}))
}

fn revision(set: &Value) -> Arc<Value> {
    let mut plan = Plan::default();
    history::current(&mut plan, WRITER, Kind::DaemonSet, set, &[]);
    let Some((_, Write::Create { body, .. })) = plan.writes.pop() else { panic!() };
    Arc::new(body)
}

fn pod(name: &str, node: &str, hash: &str, ready: bool) -> Arc<Value> {
    Arc::new(
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {REVISION: hash}},
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": if ready { "True" } else { "False" }}]}}),
    )
}

/// `+node` and `-pod`, and the status.
fn look(set: &Value, pods: &[Arc<Value>], nodes: &[Arc<Value>]) -> (Vec<String>, Value) {
    let plan = reconcile(set, pods, nodes, &[revision(set)], Timestamp::UNIX_EPOCH);
    let mut status = Value::Null;
    let mut steps = Vec::new();
    for (_, write) in plan.writes {
        match write {
            Write::Create { body, .. } => steps.push(format!("+{}", placement::target(&body))),
            Write::Delete { key, .. } => steps.push(format!("-{}", key.name)),
            Write::ReplaceStatus { body, .. } => status = body["status"].clone(),
            _ => {}
        }
    }
    (steps, status)
}

#[test]
fn one_pod_on_each_node_that_is_selected() {
    let set = set(rolling(0, 1));
    let hash = object::label(&revision(&set), "controller.kubernetes.io/hash").to_owned();
    let nodes = [node("n1", true), node("n2", true), node("n3", false)];
    assert_eq!(look(&set, &[], &nodes).0, ["+n1", "+n2"]);
    let pods = [pod("a", "n1", &hash, true), pod("c", "n3", &hash, true)];
    let (steps, status) = look(&set, &pods, &nodes);
    assert_eq!(steps, ["+n2", "-c"]);
    assert_eq!(
        status,
        json!({"desiredNumberScheduled": 2, "currentNumberScheduled": 1,
        "numberMisscheduled": 1, "numberReady": 1, "numberAvailable": 1, "numberUnavailable": 1,
        "updatedNumberScheduled": 1, "observedGeneration": 2})
    );
}

#[test]
fn an_update_goes_node_by_node() {
    let nodes = [node("n1", true), node("n2", true)];
    let hash =
        object::label(&revision(&set(json!({}))), "controller.kubernetes.io/hash").to_owned();
    let old = |name, node, ready| pod(name, node, "old", ready);
    let new = |name, node, ready| pod(name, node, &hash, ready);
    for (name, update, pods, expected) in [
        (
            "one may be down",
            rolling(0, 1),
            vec![old("a", "n1", true), old("b", "n2", true)],
            vec!["-a"],
        ),
        (
            "the next waits",
            rolling(0, 1),
            vec![new("a", "n1", false), old("b", "n2", true)],
            vec![],
        ),
        (
            "until it is up",
            rolling(0, 1),
            vec![new("a", "n1", true), old("b", "n2", true)],
            vec!["-b"],
        ),
        (
            "a broken one goes at once",
            rolling(0, 1),
            vec![old("a", "n1", false), old("b", "n2", true)],
            vec!["-a"],
        ),
        (
            "both may be down",
            rolling(0, 2),
            vec![old("a", "n1", true), old("b", "n2", true)],
            vec!["-a", "-b"],
        ),
        (
            "surge: up first",
            rolling(1, 0),
            vec![old("a", "n1", true), old("b", "n2", true)],
            vec!["+n1"],
        ),
        (
            "then down",
            rolling(1, 0),
            vec![old("a", "n1", true), new("x", "n1", true), old("b", "n2", true)],
            vec!["-a", "+n2"],
        ),
        (
            "on delete: nothing",
            json!({"type": "OnDelete"}),
            vec![old("a", "n1", true), old("b", "n2", true)],
            vec![],
        ),
    ] {
        assert_eq!(look(&set(update), &pods, &nodes).0, expected, "{name}");
    }
}
