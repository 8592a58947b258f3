//! The live objects that a server would have for desired ones: applied by the same functions that the
//! engine predicts with, with defaults, ownership, identity, version and a status.

#![allow(
    clippy::indexing_slicing,
    reason = "bodies are literals here, and a fault may end a benchmark"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use engine::application::{ApplicationName, MANAGER};
use engine::diff::{Comparison, settled_digest};
use engine::record::{Bundle, Entry, Inventory};
use engine::redact::{Redaction, Salt};
use merge::apply::{Apply, apply};
use merge::managed;
use merge::{Digest, Manifest, ObjectId, Schemas, defaults};
use serde_json::{Value, json};

/// When everything was applied, and when controllers wrote what they saw.
const APPLIED: &str = "2026-03-01T12:00:00Z";
const OBSERVED: &str = "2026-03-01T12:00:07Z";
const EDITED: &str = "2026-03-02T08:30:00Z";

/// The application that every object belongs to.
pub fn application() -> anyhow::Result<ApplicationName> {
    Ok("cleat-system/everything".parse()?)
}

/// A cluster's objects, and what is remembered of them.
#[derive(Debug, Clone)]
pub struct Live {
    /// By identity.
    pub objects: BTreeMap<ObjectId, Arc<Value>>,
    /// The schemas of the server, those of the definitions among the objects included.
    pub schemas: Schemas,
    /// What the last apply recorded.
    pub inventory: Inventory,
    /// What the last apply sent.
    pub bundle: Bundle,
    /// How values are masked.
    pub redaction: Redaction,
}

impl Live {
    /// What a server has after an apply of these objects, and what the apply remembers.
    pub fn of(desired: &[Manifest], schemas: &Schemas) -> anyhow::Result<Self> {
        let schemas = with_definitions(desired, schemas);
        let redaction = Redaction::new(Salt::new([7; 16]));
        let mut objects = BTreeMap::new();
        let mut inventory = Inventory::default();
        for (number, manifest) in desired.iter().enumerate() {
            let body = Comparison::new(&manifest.body, &schemas, &redaction).outgoing();
            let live = applied(&schemas, &body, number)
                .with_context(|| format!("{} at {}", manifest.id, manifest.origin))?;
            let entry = Entry {
                api_version: manifest.gvk.api_version(),
                uid: merge::object::uid(&live).map(str::to_owned),
                desired: manifest.digest,
                settled: Some(settled_digest(&schemas, &live, &manifest.body, None)),
                tentative: false,
                adopted: false,
            };
            inventory.entries.insert(manifest.id.clone(), entry);
            objects.insert(manifest.id.clone(), Arc::new(live));
        }
        let bundle = Bundle {
            digest: Digest::of_bytes(b"everything"),
            revision: None,
            objects: desired.to_vec(),
        };
        Ok(Self { objects, schemas, inventory, bundle, redaction })
    }

    /// Lets somebody edit every `nth` object by hand; returns how many.
    pub fn drift(&mut self, nth: usize) -> usize {
        let mut drifted = 0;
        for (number, live) in self.objects.values_mut().enumerate() {
            if number % nth.max(1) == nth / 2 {
                *live = Arc::new(edited(&self.schemas, live));
                drifted += 1;
            }
        }
        drifted
    }
}

/// Schemas, and those that definitions among the objects bring.
pub fn with_definitions(desired: &[Manifest], schemas: &Schemas) -> Schemas {
    let definitions = desired.iter().filter(|it| engine::plan::order::is_definition(&it.id));
    definitions
        .fold(schemas.clone(), |all, manifest| all.with_definition(&manifest.body).unwrap_or(all))
}

/// The object a server has some seconds after it was created by our apply.
fn applied(schemas: &Schemas, body: &Value, number: usize) -> anyhow::Result<Value> {
    let request =
        Apply { live: None, body, manager: MANAGER, force: true, subresource: None, time: APPLIED };
    let mut live = apply(schemas, &request, &defaults::fill)?;
    let metadata = live.get_mut("metadata").and_then(Value::as_object_mut);
    let metadata = metadata.context("an object without metadata")?;
    metadata.insert("uid".into(), json!(format!("00000000-0000-4000-8000-{number:012x}")));
    metadata.insert("creationTimestamp".into(), json!(APPLIED));
    metadata.insert("resourceVersion".into(), json!((100_000 + 3 * number).to_string()));
    if live.get("spec").is_some() {
        live["metadata"]["generation"] = json!(1);
    }
    if live["kind"] == "Service" {
        allocate(&mut live, number);
    }
    let mut observed = live.clone();
    if controlled(&mut observed) {
        let writer = "kube-controller-manager";
        managed::update(schemas, Some(&live), &mut observed, writer, Some("status"), OBSERVED);
    }
    Ok(observed)
}

/// The addresses a Service is given.
fn allocate(service: &mut Value, number: usize) {
    let spec = &mut service["spec"];
    if spec.get("clusterIP").is_none() {
        let address = format!("10.{}.{}.{}", 96 + number / 65536, number / 256 % 256, number % 256);
        spec["clusterIP"] = json!(address);
        spec["clusterIPs"] = json!([address]);
    }
    spec["ipFamilies"] = json!(["IPv4"]);
    spec["ipFamilyPolicy"] = json!("SingleStack");
    service["status"] = json!({"loadBalancer": {}});
}

/// What a kind's controller writes; false if there is none.
fn controlled(live: &mut Value) -> bool {
    let replicas = live.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(1));
    let condition = |kind: &str, reason: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": OBSERVED,
            "message": format!("{reason} since the rollout ended.")})
    };
    let updated = |mut condition: Value| {
        condition["lastUpdateTime"] = json!(OBSERVED);
        condition
    };
    let status = match live["kind"].as_str().unwrap_or_default() {
        "Deployment" => {
            live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
            json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas, "conditions": [
                    updated(condition("Available", "MinimumReplicasAvailable")),
                    updated(condition("Progressing", "NewReplicaSetAvailable"))]})
        }
        "StatefulSet" => json!({"observedGeneration": 1, "replicas": replicas,
            "readyReplicas": replicas, "currentReplicas": replicas, "updatedReplicas": replicas,
            "availableReplicas": replicas, "collisionCount": 0, "currentRevision": "5d8c6f7b9c",
            "updateRevision": "5d8c6f7b9c"}),
        "HorizontalPodAutoscaler" => json!({"currentReplicas": 2, "desiredReplicas": 2,
            "lastScaleTime": OBSERVED, "currentMetrics": [{"type": "Resource", "resource": {
                "name": "cpu", "current": {"averageUtilization": 41, "averageValue": "205m"}}}],
            "conditions": [condition("AbleToScale", "ReadyForNewScale"),
                condition("ScalingActive", "ValidMetricFound")]}),
        "PodDisruptionBudget" => json!({"currentHealthy": 2, "desiredHealthy": 1,
            "disruptionsAllowed": 1, "expectedPods": 2, "observedGeneration": 1, "conditions": [
                condition("DisruptionAllowed", "SufficientPods")]}),
        "CronJob" => json!({"lastScheduleTime": OBSERVED, "lastSuccessfulTime": OBSERVED}),
        "Queue" | "Database" => json!({"observedGeneration": 1, "phase": "Ready",
            "conditions": [condition("Ready", "Reconciled")]}),
        "Namespace" => json!({"phase": "Active"}),
        "Ingress" => json!({"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}),
        _ => return false,
    };
    live["status"] = status;
    true
}

/// A live object after somebody's `kubectl edit` of something that Git has another opinion of.
fn edited(schemas: &Schemas, live: &Value) -> Value {
    let mut edited = live.clone();
    let image = "/spec/template/spec/containers/0/image";
    if let Some(image) = edited.pointer_mut(image) {
        *image = json!("registry.example.com/hotfix:1");
    } else if let Some(value) = last_text(edited.get_mut("data")) {
        *value = json!("aG90Zml4");
    } else if let Some(label) = last_text(edited.pointer_mut("/metadata/labels")) {
        *label = json!("hotfix");
    } else if let Some(limit) = edited.pointer_mut("/spec/limits/0/max/cpu") {
        *limit = json!("16");
    } else {
        edited["spec"]["scope"] = json!("Cluster");
    }
    edited["metadata"]["resourceVersion"] = json!("999999");
    managed::update(schemas, Some(live), &mut edited, "kubectl-edit", None, EDITED);
    edited
}

/// The last value of a map: the first label of a namespace is the server's own.
fn last_text(map: Option<&mut Value>) -> Option<&mut Value> {
    map?.as_object_mut()?.values_mut().next_back()
}
