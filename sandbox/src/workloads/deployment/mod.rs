//! Deployment: which ReplicaSets there are and how many pods each is to have.
//!
//! Follows `pkg/controller/deployment`. A look computes everything from the Deployment and its
//! ReplicaSets; the sizes come from `rollout`, the status and its conditions from `status`.
//!
//! ```text
//! Deployment ─┐
//!             ├─► Sets{new, old} ─► sizes ─► writes of ReplicaSets
//! ReplicaSets ┘                └─► status ─► one write of the Deployment's status
//! ```

mod rollout;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::{hash, pods, replica_set};

const WRITER: Writer = Writer::Controller("deployment-controller");
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A Deployment and the numbers its spec comes to.
struct Wanted<'a> {
    deployment: &'a Value,
    replicas: i64,
    surge: i64,
    unavailable: i64,
    recreate: bool,
    paused: bool,
}

impl<'a> Wanted<'a> {
    fn of(deployment: &'a Value) -> Self {
        let replicas = object::integer(deployment, "/spec/replicas").unwrap_or(1);
        let recreate = object::text(deployment, "/spec/strategy/type") == "Recreate";
        let (surge, unavailable) = if recreate {
            (0, 0)
        } else {
            let rolling =
                |field: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
            let surge = pods::scaled(rolling("maxSurge"), replicas, true);
            let unavailable = pods::scaled(rolling("maxUnavailable"), replicas, false);
            // Both zero could never proceed (`deploymentutil.ResolveFenceposts`).
            (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(replicas) })
        };
        let paused = object::flag(deployment, "/spec/paused");
        Self { deployment, replicas, surge, unavailable, recreate, paused }
    }

    /// The pods there may be at once.
    fn maximum(&self) -> i64 {
        self.replicas + self.surge
    }
}

/// A ReplicaSet and the size it is to get.
struct Sized<'a> {
    set: &'a Value,
    replicas: i64,
}

impl Sized<'_> {
    fn available(&self) -> i64 {
        object::integer(self.set, "/status/availableReplicas").unwrap_or_default()
    }

    fn actual(&self) -> i64 {
        object::integer(self.set, "/status/replicas").unwrap_or_default()
    }

    fn ready(&self) -> i64 {
        object::integer(self.set, "/status/readyReplicas").unwrap_or_default()
    }

    fn revision(&self) -> i64 {
        revision(self.set)
    }
}

/// A Deployment's ReplicaSets: the one of its template, and the others, oldest first.
struct Sets<'a> {
    new: Option<Sized<'a>>,
    old: Vec<Sized<'a>>,
}

impl<'a> Sets<'a> {
    fn of(deployment: &Value, sets: &'a [Arc<Value>]) -> Self {
        let mut all: Vec<&Value> = sets.iter().map(AsRef::as_ref).collect();
        all.sort_by_key(|set| {
            (object::text(set, "/metadata/creationTimestamp"), object::name(set))
        });
        let template = template(deployment);
        let mut found = Self { new: None, old: Vec::new() };
        for set in all {
            let sized = Sized { set, replicas: replica_set::replicas(set) };
            if found.new.is_none() && self::template(set) == template {
                found.new = Some(sized);
            } else {
                found.old.push(sized);
            }
        }
        found
    }

    fn all(&self) -> impl Iterator<Item = &Sized<'a>> {
        self.new.iter().chain(&self.old)
    }

    fn total(&self) -> i64 {
        self.all().map(|set| set.replicas).sum()
    }
}

/// Whether a ReplicaSet is the one of the Deployment's present template.
pub(super) fn is_of(set: &Value, deployment: &Value) -> bool {
    template(set) == template(deployment)
}

/// Takes ReplicaSets that nobody controls and the selector matches; nothing else is done before that
/// is written (`ClaimReplicaSets`).
pub(super) fn adopt<'a>(
    deployment: &Value,
    orphans: impl Iterator<Item = &'a Value>,
) -> Option<Plan> {
    if object::is_deleted(deployment) {
        return None;
    }
    let selector = deployment.pointer("/spec/selector").unwrap_or(&Value::Null);
    let mut plan = Plan::default();
    for orphan in orphans.filter(|orphan| !object::is_deleted(orphan)) {
        if object::selects(selector, object::map(orphan, "/metadata/labels")) {
            let mut body = orphan.clone();
            let mut owners = object::list(orphan, "/metadata/ownerReferences").to_vec();
            owners.push(object::controller_reference("apps/v1", "Deployment", deployment));
            if let Some(metadata) = body.get_mut("metadata") {
                object::set(metadata, "ownerReferences", Value::Array(owners));
            }
            plan.write(WRITER, Write::Replace { kind: Kind::ReplicaSet, body });
        }
    }
    (!plan.writes.is_empty()).then_some(plan)
}

/// One look at a Deployment and the ReplicaSets it controls.
pub(super) fn reconcile(
    deployment: &Value,
    sets: &[Arc<Value>],
    old_pods_run: bool,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    if object::is_deleted(deployment) {
        return plan;
    }
    let wanted = Wanted::of(deployment);
    let mut sets = Sets::of(deployment, sets);
    let newest_old = sets.old.iter().map(Sized::revision).max().unwrap_or_default();
    // A rollback: the ReplicaSet of an earlier template becomes the newest revision again.
    let number = sets.new.as_ref().map_or(newest_old + 1, |new| new.revision().max(newest_old + 1));
    let scaling = sets.all().any(|set| {
        set.replicas > 0
            && object::annotation(set.set, DESIRED)
                .is_some_and(|desired| desired != wanted.replicas.to_string())
    });

    let mut created = None;
    if wanted.paused || scaling {
        rollout::scale(&wanted, &mut sets);
    } else if sets.new.is_some() || wanted.recreate && (sets.total() > 0 || old_pods_run) {
        rollout::step(&wanted, &mut sets, old_pods_run);
    } else {
        let body = new_set(&wanted, rollout::first_size(&wanted, &sets), number);
        note_scaled(&mut plan, object::name(&body), 0, replica_set::replicas(&body));
        created = Some(object::name(&body).to_owned());
        plan.write(
            WRITER,
            Write::Create {
                kind: Kind::ReplicaSet,
                namespace: object::namespace(deployment).to_owned(),
                body,
            },
        );
    }

    for set in sets.all() {
        let is_new = sets.new.as_ref().is_some_and(|new| std::ptr::eq(new.set, set.set));
        let revision = (is_new && !wanted.paused).then_some(number);
        if let Some(body) = resized(&wanted, set, revision) {
            note_scaled(
                &mut plan,
                object::name(&body),
                replica_set::replicas(set.set),
                set.replicas,
            );
            plan.write(WRITER, Write::Replace { kind: Kind::ReplicaSet, body });
        }
    }
    let outcome = status::status(&wanted, &sets, created.as_deref(), scaling, now);
    if outcome.complete && !wanted.paused {
        forget_old(&wanted, &sets, &mut plan);
    }
    if let Some(at) = outcome.deadline {
        plan.wake(at);
    }
    write_status(&mut plan, &wanted, &sets, number, outcome.status, created.is_some());
    plan
}

/// The status and, as the real controller does through the same subresource, the revision.
fn write_status(
    plan: &mut Plan,
    wanted: &Wanted<'_>,
    sets: &Sets<'_>,
    number: i64,
    status: Value,
    created: bool,
) {
    let number = number.to_string();
    let known = created || sets.new.is_some() && !wanted.paused;
    let renumbered =
        known && object::annotation(wanted.deployment, REVISION) != Some(number.as_str());
    if !renumbered && wanted.deployment.get("status") == Some(&status) {
        return;
    }
    let mut body = wanted.deployment.clone();
    object::set(&mut body, "status", status);
    if renumbered {
        object::set_metadata(&mut body, "annotations", REVISION, &number);
    }
    plan.write(WRITER, Write::ReplaceStatus { kind: Kind::Deployment, body });
}

fn note_scaled(plan: &mut Plan, name: &str, from: i64, to: i64) {
    if from != to {
        let direction = if to > from { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {name} from {from} to {to}");
        plan.note(WRITER, "ScalingReplicaSet", message);
    }
}

fn revision(set: &Value) -> i64 {
    object::annotation(set, REVISION).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// A template as it compares: without the hash label (`deploymentutil.EqualIgnoreHash`).
fn template(object: &Value) -> Value {
    let mut template =
        object::without_nulls(object.pointer("/spec/template").unwrap_or(&Value::Null));
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

fn new_set(wanted: &Wanted<'_>, replicas: i64, number: i64) -> Value {
    let deployment = wanted.deployment;
    let mut template = template(deployment);
    let hash = hash::of(&template);
    object::set_metadata(&mut template, "labels", TEMPLATE_HASH, &hash);
    let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
    if let Some(fields) = selector.as_object_mut() {
        let labels = fields.entry("matchLabels").or_insert_with(|| json!({}));
        object::set(labels, TEMPLATE_HASH, json!(hash));
    }
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", object::name(deployment)),
            "namespace": object::namespace(deployment),
            "labels": template.pointer("/metadata/labels"),
            "annotations": {
                REVISION: number.to_string(),
                DESIRED: wanted.replicas.to_string(),
                MAXIMUM: wanted.maximum().to_string(),
            },
            "ownerReferences": [object::controller_reference("apps/v1", "Deployment", deployment)],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    });
    if let Some(seconds) = deployment.pointer("/spec/minReadySeconds") {
        object::set_spec(&mut set, "minReadySeconds", seconds.clone());
    }
    set
}

/// The ReplicaSet as it is to be written, if anything about it changes. An old ReplicaSet that keeps
/// its size keeps its annotations too.
fn resized(wanted: &Wanted<'_>, sized: &Sized<'_>, revision: Option<i64>) -> Option<Value> {
    let mut body = sized.set.clone();
    object::set_spec(&mut body, "replicas", json!(sized.replicas));
    if revision.is_some()
        && let Some(seconds) = wanted.deployment.pointer("/spec/minReadySeconds")
    {
        object::set_spec(&mut body, "minReadySeconds", seconds.clone());
    }
    if sized.replicas > 0 || revision.is_some() {
        let (desired, maximum) = (wanted.replicas.to_string(), wanted.maximum().to_string());
        object::set_metadata(&mut body, "annotations", DESIRED, &desired);
        object::set_metadata(&mut body, "annotations", MAXIMUM, &maximum);
    }
    if let Some(number) = revision {
        object::set_metadata(&mut body, "annotations", REVISION, &number.to_string());
    }
    (body != *sized.set).then_some(body)
}

/// Deletes what `revisionHistoryLimit` no longer keeps, oldest revision first.
fn forget_old(wanted: &Wanted<'_>, sets: &Sets<'_>, plan: &mut Plan) {
    let limit = object::integer(wanted.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
    let mut idle: Vec<&Sized<'_>> = sets
        .old
        .iter()
        .filter(|set| {
            set.replicas == 0
                && set.actual() == 0
                && object::integer(set.set, "/status/observedGeneration")
                    .is_some_and(|observed| observed >= object::generation(set.set))
                && !object::is_deleted(set.set)
        })
        .collect();
    idle.sort_by_key(|set| set.revision());
    let surplus = idle.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for set in idle.into_iter().take(surplus) {
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::ReplicaSet, set.set),
                uid: object::uid(set.set).to_owned(),
                grace: None,
            },
        );
    }
}

#[cfg(test)]
mod tests;
