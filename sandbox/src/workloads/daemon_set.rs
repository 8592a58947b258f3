//! DaemonSet: one pod on each node that its template allows.
//!
//! Follows `pkg/controller/daemon`: pods carry the hash of their revision; a rolling update first
//! replaces what is not available anyway, then as many as `maxUnavailable` lets go.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::history;
use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::{placement, pods};

const WRITER: Writer = Writer::Controller("daemonset-controller");
const REVISION: &str = "controller-revision-hash";
const GENERATION: &str = "deprecated.daemonset.template.generation";
/// What every pod of a DaemonSet tolerates (`AddOrUpdateDaemonPodTolerations`).
const TOLERATIONS: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// A node's pods of the DaemonSet, by what they are.
#[derive(Default)]
struct OnNode<'a> {
    wanted: bool,
    current: Vec<&'a Value>,
    old: Vec<&'a Value>,
}

/// One look at a DaemonSet.
pub(super) fn reconcile(
    set: &Value,
    all: &[Arc<Value>],
    nodes: &[Arc<Value>],
    revisions: &[Arc<Value>],
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    if object::is_deleted(set) {
        return plan;
    }
    let revision = history::current(&mut plan, WRITER, Kind::DaemonSet, set, revisions);
    let spec = set.pointer("/spec/template/spec").unwrap_or(&Value::Null);
    let mut by_node: BTreeMap<&str, OnNode<'_>> = BTreeMap::new();
    for node in nodes {
        by_node.entry(object::name(node)).or_default().wanted = placement::allows(spec, node);
    }
    for pod in all.iter().map(AsRef::as_ref) {
        let here = by_node.entry(placement::target(pod)).or_default();
        if object::label(pod, REVISION) == revision.hash {
            here.current.push(pod);
        } else {
            here.old.push(pod);
        }
    }
    let look = Look { set, hash: &revision.hash, now };
    for (node, here) in &by_node {
        look.place(&mut plan, node, here);
    }
    if object::text(set, "/spec/updateStrategy/type") != "OnDelete" {
        look.roll(&mut plan, &by_node);
    }
    let (status, wake) = look.status(&by_node);
    if let Some(at) = wake {
        plan.wake(at);
    }
    plan.status(WRITER, Kind::DaemonSet, set, status);
    history::forget(&mut plan, WRITER, set, revisions, |other| {
        let hash = object::label(other, "controller.kubernetes.io/hash");
        hash == revision.hash || all.iter().any(|pod| object::label(pod, REVISION) == hash)
    });
    plan
}

struct Look<'a> {
    set: &'a Value,
    hash: &'a str,
    now: Timestamp,
}

impl Look<'_> {
    fn min_ready(&self) -> i64 {
        object::integer(self.set, "/spec/minReadySeconds").unwrap_or_default()
    }

    fn is_available(&self, pod: &Value) -> bool {
        pods::available_at(pod, self.min_ready())
            .is_some_and(|at| self.min_ready() == 0 || at <= self.now)
    }

    /// One pod where there is none, none where there should not be one, finished ones replaced.
    fn place(&self, plan: &mut Plan, node: &str, here: &OnNode<'_>) {
        let mut lives = false;
        for pod in here.current.iter().chain(&here.old) {
            if object::is_deleted(pod) {
                lives = true;
            } else if !here.wanted || pods::is_finished(pod) {
                self.delete(plan, pod);
                lives |= here.wanted;
            } else {
                lives = true;
            }
        }
        if here.wanted && !lives {
            plan.write(
                WRITER,
                Write::Create {
                    kind: Kind::Pod,
                    namespace: object::namespace(self.set).to_owned(),
                    body: self.pod(node),
                },
            );
        }
    }

    /// `rollingUpdate`, for `maxUnavailable` as for `maxSurge`.
    fn roll(&self, plan: &mut Plan, by_node: &BTreeMap<&str, OnNode<'_>>) {
        let wanted: Vec<(&&str, &OnNode<'_>)> =
            by_node.iter().filter(|(_, here)| here.wanted).collect();
        let total = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
        let rolling =
            |field: &str| self.set.pointer(&format!("/spec/updateStrategy/rollingUpdate/{field}"));
        let surge = pods::scaled(rolling("maxSurge"), total, true);
        let most = if surge > 0 {
            0
        } else {
            pods::scaled(rolling("maxUnavailable").or(Some(&json!(1))), total, true).max(1)
        };
        let live = |pod: &&&Value| !object::is_deleted(pod);
        let mut unavailable = 0;
        let mut surging = 0;
        let mut candidates = Vec::new();
        for (node, here) in wanted {
            let old = here.old.iter().find(live);
            let current = here.current.iter().find(live);
            let available = here.current.iter().chain(&here.old).filter(live);
            let is_available = available.clone().any(|pod| self.is_available(pod));
            match old {
                Some(old) if current.is_some_and(|pod| self.is_available(pod)) => {
                    self.delete(plan, old);
                }
                Some(old) if !self.is_available(old) && current.is_none() => {
                    self.delete(plan, old);
                    unavailable += 1;
                }
                Some(old) => {
                    surging += i64::from(current.is_some());
                    candidates.push((*node, *old, current.is_some()));
                }
                None => unavailable += i64::from(!is_available),
            }
        }
        for (node, old, is_surging) in candidates {
            if surge > 0 {
                if !is_surging && surging < surge {
                    surging += 1;
                    plan.write(
                        WRITER,
                        Write::Create {
                            kind: Kind::Pod,
                            namespace: object::namespace(self.set).to_owned(),
                            body: self.pod(node),
                        },
                    );
                }
            } else if unavailable < most {
                unavailable += 1;
                self.delete(plan, old);
            }
        }
    }

    fn delete(&self, plan: &mut Plan, pod: &Value) {
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

    fn pod(&self, node: &str) -> Value {
        let template = self.set.pointer("/spec/template").unwrap_or(&Value::Null);
        let reference = object::controller_reference("apps/v1", "DaemonSet", self.set);
        let mut pod = pods::from_template(template, self.set, reference, None);
        object::set_metadata(&mut pod, "labels", REVISION, self.hash);
        if let Some(generation) = object::annotation(self.set, GENERATION) {
            object::set_metadata(&mut pod, "labels", "pod-template-generation", generation);
        }
        let mut affinity = pod.pointer("/spec/affinity").cloned().unwrap_or(json!({}));
        let mut node_affinity = affinity.get("nodeAffinity").cloned().unwrap_or(json!({}));
        // The node by name replaces what else was required: `place` has looked at that already.
        object::set(
            &mut node_affinity,
            "requiredDuringSchedulingIgnoredDuringExecution",
            json!({"nodeSelectorTerms": [{"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": [node]}]}]}),
        );
        object::set(&mut affinity, "nodeAffinity", node_affinity);
        object::set_spec(&mut pod, "affinity", affinity);
        let mut tolerations = object::list(&pod, "/spec/tolerations").to_vec();
        for (key, effect) in TOLERATIONS {
            let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
            if !tolerations.contains(&toleration) {
                tolerations.push(toleration);
            }
        }
        object::set_spec(&mut pod, "tolerations", Value::Array(tolerations));
        pod
    }

    fn status(&self, by_node: &BTreeMap<&str, OnNode<'_>>) -> (Value, Option<Timestamp>) {
        let mut counts = [0_i64; 6];
        let mut wake: Option<Timestamp> = None;
        let [desired, scheduled, misscheduled, ready, available, updated] = &mut counts;
        for here in by_node.values() {
            let live = here.current.iter().chain(&here.old).filter(|pod| !object::is_deleted(pod));
            // The one that serves is the one that counts, the newer one of two such.
            let best = live.max_by_key(|pod| {
                let is_current = object::label(pod, REVISION) == self.hash;
                (self.is_available(pod), pods::is_ready(pod), is_current)
            });
            *desired += i64::from(here.wanted);
            let Some(pod) = best else { continue };
            if !here.wanted {
                *misscheduled += 1;
                continue;
            }
            *scheduled += 1;
            *updated += i64::from(!here.current.is_empty());
            if let Some(at) = pods::available_at(pod, self.min_ready()) {
                *ready += 1;
                if self.is_available(pod) {
                    *available += 1;
                } else {
                    wake = Some(wake.map_or(at, |earlier| earlier.min(at)));
                }
            }
        }
        let mut status = json!({
            "currentNumberScheduled": *scheduled, "numberMisscheduled": *misscheduled,
            "desiredNumberScheduled": *desired, "numberReady": *ready,
            "observedGeneration": object::generation(self.set),
        });
        let unavailable = *desired - *available;
        for (field, value) in [
            ("updatedNumberScheduled", *updated),
            ("numberAvailable", *available),
            ("numberUnavailable", unavailable),
        ] {
            if value > 0 {
                object::set(&mut status, field, json!(value));
            }
        }
        (status, wake)
    }
}

#[cfg(test)]
mod tests;
