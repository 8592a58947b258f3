//! The scheduler: a node for each pod that has none, or the reason why there is no such node.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::placement;
use super::plan::{Plan, Write, Writer};

const WRITER: Writer = Writer::Scheduler;

/// How one claim of a pod stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Bound,
    Unbound,
    Missing,
}

/// One look at a pod without a node.
pub(super) fn schedule(
    pod: &Value,
    nodes: &[Arc<Value>],
    claim: impl Fn(&str) -> Claim,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let foreign = !matches!(object::text(pod, "/spec/schedulerName"), "" | "default-scheduler");
    let gated = !object::list(pod, "/spec/schedulingGates").is_empty();
    if object::is_deleted(pod) || foreign || gated {
        return plan;
    }
    for volume in object::list(pod, "/spec/volumes") {
        let name = object::text(volume, "/persistentVolumeClaim/claimName");
        match claim(name) {
            _ if name.is_empty() => {}
            Claim::Bound => {}
            Claim::Unbound => return plan,
            Claim::Missing => {
                let why = format!("persistentvolumeclaim \"{name}\" not found");
                unschedulable(&mut plan, pod, nodes.len(), &why, now);
                return plan;
            }
        }
    }
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    let fitting: Vec<&Arc<Value>> = nodes
        .iter()
        .filter(|node| !object::flag(node, "/spec/unschedulable") || is_tolerated(spec))
        .filter(|node| placement::allows(spec, node))
        .collect();
    if fitting.is_empty() {
        let why = format!("{} node(s) didn't match Pod's node affinity/selector", nodes.len());
        unschedulable(&mut plan, pod, nodes.len(), &why, now);
        return plan;
    }
    // Spread evenly and without a memory: by the pod's own uid.
    let seed = object::uid(pod)
        .bytes()
        .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    if let Some(node) = fitting.get(seed % fitting.len()) {
        let node = object::name(node).to_owned();
        let message = format!(
            "Successfully assigned {}/{} to {node}",
            object::namespace(pod),
            object::name(pod)
        );
        plan.note(WRITER, "Scheduled", message);
        plan.write(
            WRITER,
            Write::Bind { pod: Key::of(Kind::Pod, pod), uid: object::uid(pod).to_owned(), node },
        );
    }
    plan
}

fn is_tolerated(spec: &Value) -> bool {
    object::list(spec, "/tolerations").iter().any(|toleration| {
        object::text(toleration, "/operator") == "Exists"
            && matches!(object::text(toleration, "/key"), "" | "node.kubernetes.io/unschedulable")
    })
}

fn unschedulable(plan: &mut Plan, pod: &Value, nodes: usize, why: &str, now: Timestamp) {
    let message = if nodes == 0 {
        "no nodes available to schedule pods".to_owned()
    } else {
        format!(
            "0/{nodes} nodes are available: {why}. preemption: 0/{nodes} nodes are available: \
             {nodes} Preemption is not helpful for scheduling.."
        )
    };
    let known = object::condition(pod, "PodScheduled");
    if known.is_some_and(|known| object::text(known, "/message") == message) {
        return;
    }
    let mut conditions = object::list(pod, "/status/conditions").to_vec();
    conditions.retain(|condition| object::text(condition, "/type") != "PodScheduled");
    conditions.push(json!({
        "type": "PodScheduled", "status": "False", "lastProbeTime": null,
        "lastTransitionTime": object::stamp(now), "reason": "Unschedulable", "message": message,
    }));
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    object::set(&mut status, "phase", json!("Pending"));
    object::set(&mut status, "conditions", Value::Array(conditions));
    plan.warn(WRITER, "FailedScheduling", message);
    plan.status(WRITER, Kind::Pod, pod, status);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, disk: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name, "labels": {"disk": disk}}}))
    }

    fn pod(spec: Value) -> Value {
        json!({"metadata": {"name": "p", "namespace": "a", "uid": "1"}, "spec": spec})
    }

    fn message(plan: &Plan) -> String {
        match plan.writes.as_slice() {
            [(_, Write::ReplaceStatus { body, .. })] => {
                object::text(&body["status"], "/conditions/0/message").to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pod_gets_a_node_it_allows_or_the_reason_why_there_is_none() {
        let nodes = [node("n1", "ssd"), node("n2", "hdd")];
        let now = Timestamp::UNIX_EPOCH;
        let fits = pod(json!({"nodeSelector": {"disk": "hdd"}}));
        let plan = schedule(&fits, &nodes, |_| Claim::Bound, now);
        assert!(matches!(plan.writes.as_slice(),
            [(WRITER, Write::Bind { node, .. })] if node == "n2"));

        let no_node = pod(json!({"nodeSelector": {"disk": "tape"}}));
        let plan = schedule(&no_node, &nodes, |_| Claim::Bound, now);
        assert_eq!(
            message(&plan),
            "0/2 nodes are available: 2 node(s) didn't match Pod's node \
            affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful \
            for scheduling.."
        );

        let volumes = pod(json!({"volumes": [{"persistentVolumeClaim": {"claimName": "absent"}}]}));
        let plan = schedule(&volumes, &nodes, |_| Claim::Missing, now);
        assert!(message(&plan).contains("persistentvolumeclaim \"absent\" not found"));
        let plan = schedule(&volumes, &nodes, |_| Claim::Unbound, now);
        assert_eq!(plan, Plan::default());
    }

    #[test]
    fn the_same_reason_is_written_once() {
        let mut pod = pod(json!({}));
        let plan = schedule(&pod, &[], |_| Claim::Bound, Timestamp::UNIX_EPOCH);
        let [(_, Write::ReplaceStatus { body, .. })] = plan.writes.as_slice() else { panic!() };
        pod = body.clone();
        assert_eq!(schedule(&pod, &[], |_| Claim::Bound, Timestamp::UNIX_EPOCH), Plan::default());
    }
}
