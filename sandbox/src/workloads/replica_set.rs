//! ReplicaSet: as many pods as it says, and a status that counts them.
//!
//! Follows `pkg/controller/replicaset`: failed and deleted pods do not count and are replaced;
//! surplus pods go in the order of `controller.ActivePodsWithRanks`.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::pods;

const WRITER: Writer = Writer::Controller("replicaset-controller");
/// At most so many pods are made or deleted at once (`replicaset.BurstReplicas`).
const BURST: usize = 500;

/// One look at a ReplicaSet and the pods it controls.
/// `refused` is why the last pod could not be created, if that is so.
pub(super) fn reconcile(
    set: &Value,
    all: &[Arc<Value>],
    refused: Option<&str>,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let mut active: Vec<&Value> =
        all.iter().map(AsRef::as_ref).filter(|pod| pods::is_active(pod)).collect();
    let wanted = usize::try_from(replicas(set)).unwrap_or_default();
    if !object::is_deleted(set) {
        for _ in active.len()..wanted.min(active.len() + BURST) {
            plan.write(
                WRITER,
                Write::Create {
                    kind: Kind::Pod,
                    namespace: object::namespace(set).to_owned(),
                    body: pods::from_template(
                        set.pointer("/spec/template").unwrap_or(&Value::Null),
                        set,
                        object::controller_reference("apps/v1", "ReplicaSet", set),
                        None,
                    ),
                },
            );
        }
        active.sort_by_key(|pod| deletion_rank(pod));
        for pod in active.iter().take(active.len().saturating_sub(wanted).min(BURST)) {
            plan.note(WRITER, "SuccessfulDelete", format!("Deleted pod: {}", object::name(pod)));
            plan.write(
                WRITER,
                Write::Delete {
                    key: Key::of(Kind::Pod, pod),
                    uid: object::uid(pod).to_owned(),
                    grace: None,
                },
            );
        }
    }
    let min_ready = object::integer(set, "/spec/minReadySeconds").unwrap_or_default();
    let counts = pods::count(active.iter().copied(), min_ready, now);
    if let Some(at) = counts.next_available {
        plan.wake(at);
    }
    // The first pods are counted once they are there: one write instead of two.
    let is_first = set.pointer("/status/observedGeneration").is_none() && refused.is_none();
    if !(is_first && counts.all == 0 && wanted > 0) {
        let mut status = status(set, &active, counts);
        note_refusal(set, &mut status, refused, now);
        plan.status(WRITER, Kind::ReplicaSet, set, status);
    }
    plan
}

/// The pods a ReplicaSet is to have.
pub(super) fn replicas(set: &Value) -> i64 {
    object::integer(set, "/spec/replicas").unwrap_or(1)
}

/// The condition ReplicaFailure, while pods cannot be created.
fn note_refusal(set: &Value, status: &mut Value, refused: Option<&str>, now: Timestamp) {
    let Some(message) = refused else { return };
    let known = object::condition(set, "ReplicaFailure");
    let stamp = object::stamp(now);
    let since = known.map_or(stamp.as_str(), |known| object::text(known, "/lastTransitionTime"));
    object::set(
        status,
        "conditions",
        json!([{"type": "ReplicaFailure", "status": "True", "lastTransitionTime": since,
            "reason": "FailedCreate", "message": message}]),
    );
}

/// What goes first when there are too many: pods without a node, pending, not ready, ready for a
/// shorter time, restarted more often, younger.
fn deletion_rank(pod: &Value) -> impl Ord + use<> {
    let ready = object::condition(pod, "Ready")
        .filter(|condition| object::text(condition, "/status") == "True")
        .and_then(|condition| object::time(condition, "/lastTransitionTime"));
    let restarts: i64 = object::list(pod, "/status/containerStatuses")
        .iter()
        .filter_map(|status| object::integer(status, "/restartCount"))
        .max()
        .unwrap_or_default();
    (
        !object::text(pod, "/spec/nodeName").is_empty(),
        object::text(pod, "/status/phase") == "Running",
        ready.is_some(),
        Reverse(ready),
        Reverse(restarts),
        Reverse(object::text(pod, "/metadata/creationTimestamp").to_owned()),
        object::name(pod).to_owned(),
    )
}

fn status(set: &Value, active: &[&Value], counts: pods::Counts) -> Value {
    let template = json!({"matchLabels": set.pointer("/spec/template/metadata/labels")});
    let labelled = active
        .iter()
        .filter(|pod| object::selects(&template, object::map(pod, "/metadata/labels")))
        .count();
    let mut status = json!({"replicas": counts.all, "observedGeneration": object::generation(set)});
    for (field, value) in [
        ("fullyLabeledReplicas", i64::try_from(labelled).unwrap_or(i64::MAX)),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
    ] {
        if value > 0 {
            object::set(&mut status, field, json!(value));
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i64) -> Value {
        json!({"metadata": {"name": "web-1", "namespace": "shop", "uid": "rs", "generation": 1},
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
            "status": {"replicas": 0, "observedGeneration": 1}})
    }

    fn pod(name: &str, node: &str, phase: &str, ready: bool) -> Arc<Value> {
        Arc::new(
            json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "web"}},
            "spec": {"nodeName": node}, "status": {"phase": phase, "conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" },
                 "lastTransitionTime": "2024-01-01T00:00:00Z"}]}}),
        )
    }

    fn now() -> Timestamp {
        "2024-01-01T00:01:00Z".parse().unwrap()
    }

    #[test]
    fn failed_pods_are_replaced_and_the_rest_is_made() {
        let pods = [pod("a", "n", "Running", true), pod("b", "n", "Failed", false)];
        let plan = reconcile(&set(3), &pods, None, now());
        let created =
            plan.writes.iter().filter(|(_, write)| matches!(write, Write::Create { .. })).count();
        assert_eq!(created, 2);
        let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.last() else {
            panic!("{plan:?}")
        };
        assert_eq!(
            body["status"],
            json!({"replicas": 1, "fullyLabeledReplicas": 1,
            "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1})
        );
    }

    #[test]
    fn the_least_useful_pods_go_first() {
        let pods = [
            pod("ready", "n", "Running", true),
            pod("not-ready", "n", "Running", false),
            pod("pending", "n", "Pending", false),
            pod("no-node", "", "Pending", false),
        ];
        let plan = reconcile(&set(1), &pods, None, now());
        let gone: Vec<&str> = plan
            .writes
            .iter()
            .filter_map(|(_, write)| match write {
                Write::Delete { key, .. } => Some(key.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(gone, ["no-node", "pending", "not-ready"]);
    }

    #[test]
    fn nothing_is_written_when_all_is_as_it_should_be() {
        assert_eq!(reconcile(&set(0), &[], None, now()), Plan::default());
    }

    #[test]
    fn a_refusal_is_a_condition_until_pods_can_be_created_again() {
        let refused = "pods \"web-1-\" is forbidden: exceeded quota";
        let plan = reconcile(&set(1), &[], Some(refused), now());
        let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.last() else {
            panic!("{plan:?}")
        };
        assert_eq!(body["status"]["conditions"][0]["message"], json!(refused));
        let plan = reconcile(body, &[pod("a", "n", "Running", true)], None, now());
        let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.last() else {
            panic!("{plan:?}")
        };
        assert_eq!(body["status"].get("conditions"), None);
    }
}
