//! StatefulSet: pods with names, numbers and claims of their own, one after the other.
//!
//! Follows `stateful_set_control.go`. In an ordered set nothing goes on past a pod that is not ready,
//! not even its replacement by a mended template: the pod stays until someone deletes it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::history::{self, Revision};
use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::pods;

const WRITER: Writer = Writer::Controller("statefulset-controller");
const REVISION: &str = "controller-revision-hash";
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// What a look at a StatefulSet sees beside itself.
pub(super) struct Surroundings<'a> {
    pub pods: &'a [Arc<Value>],
    pub revisions: &'a [Arc<Value>],
    pub has_claim: &'a dyn Fn(&str) -> bool,
}

/// One look at a StatefulSet.
pub(super) fn reconcile(set: &Value, around: &Surroundings<'_>, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    if object::is_deleted(set) {
        return plan;
    }
    let update = history::current(&mut plan, WRITER, Kind::StatefulSet, set, around.revisions);
    if update.is_new {
        return plan;
    }
    let current = Some(object::text(set, "/status/currentRevision"))
        .filter(|name| around.revisions.iter().any(|revision| object::name(revision) == *name))
        .unwrap_or(&update.name)
        .to_owned();
    let look = Look { set, around, update, current, now };
    look.step(&mut plan);
    let (status, wake) = look.status();
    if let Some(at) = wake {
        plan.wake(at);
    }
    plan.status(WRITER, Kind::StatefulSet, set, status);
    history::forget(&mut plan, WRITER, set, around.revisions, |revision| {
        let name = object::name(revision);
        name == look.update.name
            || name == look.current
            || around.pods.iter().any(|pod| object::label(pod, REVISION) == name)
    });
    plan
}

struct Look<'a> {
    set: &'a Value,
    around: &'a Surroundings<'a>,
    update: Revision,
    current: String,
    now: Timestamp,
}

impl<'a> Look<'a> {
    fn start(&self) -> i64 {
        object::integer(self.set, "/spec/ordinals/start").unwrap_or_default()
    }

    fn replicas(&self) -> i64 {
        object::integer(self.set, "/spec/replicas").unwrap_or(1)
    }

    fn min_ready(&self) -> i64 {
        object::integer(self.set, "/spec/minReadySeconds").unwrap_or_default()
    }

    fn is_rolling(&self) -> bool {
        object::text(self.set, "/spec/updateStrategy/type") != "OnDelete"
    }

    fn partition(&self) -> i64 {
        object::integer(self.set, "/spec/updateStrategy/rollingUpdate/partition")
            .unwrap_or_default()
    }

    fn ordinal(&self, pod: &Value) -> Option<i64> {
        object::name(pod).strip_prefix(object::name(self.set))?.strip_prefix('-')?.parse().ok()
    }

    fn pod(&self, ordinal: i64) -> Option<&'a Value> {
        self.around.pods.iter().map(AsRef::as_ref).find(|pod| self.ordinal(pod) == Some(ordinal))
    }

    fn is_ready(pod: &Value) -> bool {
        object::text(pod, "/status/phase") == "Running" && pods::is_ready(pod)
    }

    fn is_healthy(&self, pod: &Value) -> bool {
        Self::is_ready(pod)
            && !object::is_deleted(pod)
            && pods::available_at(pod, self.min_ready())
                .is_some_and(|at| self.min_ready() == 0 || at <= self.now)
    }

    /// `updateStatefulSet` after the status: create, wait, remove, replace.
    fn step(&self, plan: &mut Plan) {
        let ordered = object::text(self.set, "/spec/podManagementPolicy") != "Parallel";
        let wanted = self.start()..self.start() + self.replicas();
        for ordinal in wanted.clone() {
            match self.pod(ordinal) {
                None => {
                    self.create(plan, ordinal);
                    if ordered {
                        return;
                    }
                }
                Some(pod) if object::is_deleted(pod) => {
                    if ordered {
                        return;
                    }
                }
                Some(pod) if pods::is_finished(pod) => {
                    Self::delete(self.set, plan, pod);
                    if ordered {
                        return;
                    }
                }
                Some(pod) if ordered && !self.is_healthy(pod) => return,
                Some(_) => {}
            }
        }
        let mut condemned: Vec<(i64, &Value)> = self
            .around
            .pods
            .iter()
            .filter_map(|pod| Some((self.ordinal(pod)?, pod.as_ref())))
            .filter(|(ordinal, _)| !wanted.contains(ordinal))
            .collect();
        condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        for (_, pod) in condemned {
            if !object::is_deleted(pod) {
                Self::delete(self.set, plan, pod);
            }
            if ordered {
                return;
            }
        }
        if self.is_rolling() {
            self.replace_one(plan);
        }
    }

    /// From the last pod to the partition: the first of another revision goes; nothing goes while a
    /// later one is not healthy.
    fn replace_one(&self, plan: &mut Plan) {
        let first = self.start().max(self.partition());
        for ordinal in (first..self.start() + self.replicas()).rev() {
            let Some(pod) = self.pod(ordinal) else { return };
            if object::label(pod, REVISION) != self.update.name && !object::is_deleted(pod) {
                Self::delete(self.set, plan, pod);
                return;
            }
            if !self.is_healthy(pod) {
                return;
            }
        }
    }

    fn delete(set: &Value, plan: &mut Plan, pod: &Value) {
        let (pod_name, name) = (object::name(pod), object::name(set));
        let message = format!("delete Pod {pod_name} in StatefulSet {name} successful");
        plan.note(WRITER, "SuccessfulDelete", message);
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::Pod, pod),
                uid: object::uid(pod).to_owned(),
                grace: None,
            },
        );
    }

    fn create(&self, plan: &mut Plan, ordinal: i64) {
        let set_name = object::name(self.set);
        let name = format!("{set_name}-{ordinal}");
        // Below the partition new pods are of the current revision (`newVersionedStatefulSetPod`).
        let keeps_current = self.is_rolling() && ordinal < self.start().max(self.partition());
        let old = self
            .around
            .revisions
            .iter()
            .find(|revision| keeps_current && object::name(revision) == self.current);
        let (template, revision) = match old {
            Some(revision) => (history::template(revision), self.current.as_str()),
            None => (
                self.set.pointer("/spec/template").cloned().unwrap_or_default(),
                self.update.name.as_str(),
            ),
        };
        let reference = object::controller_reference("apps/v1", "StatefulSet", self.set);
        let mut pod = pods::from_template(&template, self.set, reference, Some(&name));
        object::set_metadata(&mut pod, "labels", REVISION, revision);
        object::set_metadata(&mut pod, "labels", POD_NAME, &name);
        object::set_metadata(&mut pod, "labels", POD_INDEX, &ordinal.to_string());
        object::set_spec(&mut pod, "hostname", json!(name));
        object::set_spec(&mut pod, "subdomain", json!(object::text(self.set, "/spec/serviceName")));
        self.claims(plan, &mut pod, ordinal);
        plan.write(
            WRITER,
            Write::Create {
                kind: Kind::Pod,
                namespace: object::namespace(self.set).to_owned(),
                body: pod,
            },
        );
    }

    /// The claims of one pod: created where they are missing, mounted by name.
    fn claims(&self, plan: &mut Plan, pod: &mut Value, ordinal: i64) {
        let mut volumes: Vec<Value> = object::list(pod, "/spec/volumes").to_vec();
        for template in object::list(self.set, "/spec/volumeClaimTemplates") {
            let volume = object::name(template);
            let claim = format!("{volume}-{}-{ordinal}", object::name(self.set));
            volumes.retain(|other| object::text(other, "/name") != volume);
            volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
            if (self.around.has_claim)(&claim) {
                continue;
            }
            let mut labels = template.pointer("/metadata/labels").cloned().unwrap_or(json!({}));
            for (key, value) in
                object::map(self.set, "/spec/selector/matchLabels").into_iter().flatten()
            {
                object::set(&mut labels, key, value.clone());
            }
            let mut metadata = json!({
                "name": claim, "namespace": object::namespace(self.set), "labels": labels,
            });
            if let Some(annotations) = template.pointer("/metadata/annotations") {
                object::set(&mut metadata, "annotations", annotations.clone());
            }
            let message = format!(
                "create Claim {claim} Pod {} in StatefulSet {} success",
                object::name(pod),
                object::name(self.set)
            );
            plan.note(WRITER, "SuccessfulCreate", message);
            plan.write(
                WRITER,
                Write::Create {
                    kind: Kind::PersistentVolumeClaim,
                    namespace: object::namespace(self.set).to_owned(),
                    body: json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "metadata": metadata, "spec": template.get("spec")}),
                },
            );
        }
        if !volumes.is_empty() {
            object::set_spec(pod, "volumes", Value::Array(volumes));
        }
    }

    /// The counts of `updateStatefulSet` and `completeRollingUpdate`.
    fn status(&self) -> (Value, Option<Timestamp>) {
        let pods: Vec<&Value> = self
            .around
            .pods
            .iter()
            .map(AsRef::as_ref)
            .filter(|pod| self.ordinal(pod).is_some())
            .collect();
        let counts = pods::count(
            pods.iter().copied().filter(|pod| Self::is_ready(pod)),
            self.min_ready(),
            self.now,
        );
        let of_revision = |revision: &str| {
            pods.iter()
                .filter(|pod| !object::is_deleted(pod) && object::label(pod, REVISION) == revision)
                .count()
        };
        let wanted = usize::try_from(self.replicas()).unwrap_or_default();
        let updated = of_revision(&self.update.name);
        let ready = usize::try_from(counts.ready).unwrap_or_default();
        let done = self.is_rolling()
            && self.partition() <= self.start()
            && updated == wanted
            && ready == wanted
            && pods.len() == wanted;
        let current = if done { &self.update.name } else { &self.current };
        let mut status = json!({
            "observedGeneration": object::generation(self.set),
            "replicas": pods.len(),
            "availableReplicas": counts.available,
            "currentRevision": current,
            "updateRevision": self.update.name,
            "collisionCount": 0,
        });
        for (field, value) in [
            ("readyReplicas", ready),
            ("currentReplicas", of_revision(current)),
            ("updatedReplicas", updated),
        ] {
            if value > 0 {
                object::set(&mut status, field, json!(value));
            }
        }
        (status, counts.next_available)
    }
}

#[cfg(test)]
mod tests;
