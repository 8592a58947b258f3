//! `/scale`: the number of replicas of a workload as an object of its own, and the two subresources of
//! pods that do something.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Api, Subject};
use super::ATTEMPTS;
use super::options::WriteOptions;
use super::patch::{check_media_type, patched};
use crate::answer::Answer;
use crate::clock;
use crate::ownership;
use crate::refusal::Refusal;
use crate::store::Expect;
use crate::store::version_of;

/// Where a kind keeps what `/scale` shows.
struct Paths {
    spec: String,
    status: String,
    selector: Option<String>,
}

impl Paths {
    fn of(subject: &Subject<'_>) -> Self {
        let declared = |name: &str| {
            let definition = subject.resource.custom.as_ref()?;
            let entry = definition.version(&subject.resource.version)?;
            let path = entry.pointer("/subresources/scale")?.get(name)?.as_str()?;
            Some(path.replace('.', "/"))
        };
        Self {
            spec: declared("specReplicasPath").unwrap_or_else(|| "/spec/replicas".to_owned()),
            status: declared("statusReplicasPath").unwrap_or_else(|| "/status/replicas".to_owned()),
            selector: declared("labelSelectorPath"),
        }
    }
}

/// The scale of an object.
pub(super) fn scale_of(subject: &Subject<'_>, object: &Value) -> Value {
    let paths = Paths::of(subject);
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let selector = match &paths.selector {
        Some(path) => object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned(),
        None => selector_text(object.pointer("/spec/selector")),
    };
    let mut metadata = serde_json::Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.get("metadata").and_then(|all| all.get(field)) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut status = json!({"replicas": number(&paths.status)});
    if !selector.is_empty()
        && let Some(status) = status.as_object_mut()
    {
        status.insert("selector".to_owned(), json!(selector));
    }
    let replicas = number(&paths.spec);
    let spec = if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) };
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": status})
}

/// The part of the scaled object that an applied scale states.
pub(super) fn as_object(subject: &Subject<'_>, scale: &Value) -> Value {
    let mut object = json!({
        "apiVersion": subject.resource.api_version(), "kind": subject.resource.kind,
        "metadata": {"name": subject.name(), "namespace": subject.namespace()},
    });
    if let (Some(replicas), Some(map)) = (scale.pointer("/spec/replicas"), object.as_object_mut()) {
        let path = Paths::of(subject).spec;
        let mut steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        let mut value = replicas.clone();
        while let Some(step) = steps.pop() {
            value = json!({ step: value });
        }
        if let Value::Object(fields) = value {
            map.extend(fields);
        }
    }
    object
}

fn selector_text(selector: Option<&Value>) -> String {
    let pairs: Vec<String> = selector
        .and_then(|selector| selector.get("matchLabels"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",")
}

/// The replicas an object states.
pub(super) fn replicas<'a>(subject: &Subject<'_>, object: &'a Value) -> Option<&'a Value> {
    object.pointer(&Paths::of(subject).spec)
}

/// Writes a number of replicas into an object.
fn set_replicas(subject: &Subject<'_>, object: &mut Value, replicas: &Value) {
    let path = Paths::of(subject).spec;
    let Some((parent, field)) = path.rsplit_once('/') else { return };
    if let Some(Value::Object(map)) = object.pointer_mut(parent) {
        map.insert(field.to_owned(), replicas.clone());
    }
}

impl Api {
    fn live_scaled(&self, subject: &Subject<'_>) -> Result<Arc<Value>, Refusal> {
        let plural = format!("{}/scale", subject.resource.plural);
        self.store
            .get(&subject.key())
            .ok_or_else(|| Refusal::not_found(&subject.resource, &plural, subject.name()))
    }

    pub(super) fn get_scale(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let live = self.live_scaled(subject)?;
        Ok(Answer::json(200, &scale_of(subject, &live)))
    }

    pub(super) fn update_scale(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let wanted: Value = serde_json::from_slice(&subject.call.body)
            .map_err(|error| Refusal::bad_request(format!("the scale cannot be read: {error}")))?;
        self.write_scale(subject, |_| Ok(wanted.clone()))
    }

    pub(super) fn patch_scale(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        check_media_type(subject)?;
        self.write_scale(subject, |scale| patched(subject, scale))
    }

    fn write_scale(
        &self,
        subject: &Subject<'_>,
        wanted: impl Fn(&Value) -> Result<Value, Refusal>,
    ) -> Result<Answer, Refusal> {
        let options = WriteOptions::read(subject)?;
        for _ in 0..ATTEMPTS {
            let live = self.live_scaled(subject)?;
            let shown = subject.resource.present(&live);
            let scale = wanted(&scale_of(subject, &shown))?;
            super::update::check_stated(subject, &live, &scale)?;
            let replicas = scale.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0));
            check_replicas(subject, &replicas)?;
            let mut next = Value::clone(&shown);
            set_replicas(subject, &mut next, &replicas);
            merge::defaults::update(&shown, &mut next);
            super::update::raise_custom_generation(subject, &shown, &mut next);
            ownership::track_scale(subject, &shown, &mut next, &options.manager, &clock::text());
            if let Some(stored) = self.replace(subject, &live, &shown, next, &options)? {
                return Ok(Answer::json(200, &scale_of(subject, &stored)));
            }
        }
        Err(Refusal::conflict(
            &subject.resource,
            &subject.resource.plural,
            subject.name(),
            "the object has been modified; please apply your changes to the latest version and try \
             again",
        ))
    }

    /// Deletes a pod on somebody's behalf. There are no disruption budgets to ask here: their
    /// controller, which counts what may go, is not part of a bare server either.
    pub(super) fn evict(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let live = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
        self.delete_in_background(&subject.key(), &live);
        Ok(Answer::json(
            201,
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "code": 201}),
        ))
    }

    /// Puts a pod on a node, as a scheduler asks.
    pub(super) fn bind(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let binding: Value = serde_json::from_slice(&subject.call.body).map_err(|error| {
            Refusal::bad_request(format!("the binding cannot be read: {error}"))
        })?;
        let node = binding.pointer("/target/name").cloned().unwrap_or_default();
        for _ in 0..ATTEMPTS {
            let live = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
            let bound = live.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
            if !bound.is_empty() {
                let why = format!("pod {} is already assigned to node \"{bound}\"", subject.name());
                return Err(Refusal::conflict(
                    &subject.resource,
                    "pods/binding",
                    subject.name(),
                    &why,
                ));
            }
            let mut next = Value::clone(&live);
            if let Some(spec) = next.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("nodeName".to_owned(), node.clone());
            }
            let expect = Expect::Version(version_of(&live));
            if self.store.put(&subject.key(), expect, next, false).is_ok() {
                return Ok(Answer::json(
                    201,
                    &json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                        "status": "Success", "code": 201}),
                ));
            }
        }
        Err(subject.not_found())
    }
}

fn check_replicas(subject: &Subject<'_>, replicas: &Value) -> Result<(), Refusal> {
    match replicas.as_i64() {
        Some(0..) => Ok(()),
        Some(number) => Err(Refusal::invalid(
            "autoscaling",
            "Scale",
            subject.name(),
            &[merge::validate::Cause {
                reason: "FieldValueInvalid",
                field: "spec.replicas".to_owned(),
                message: format!("Invalid value: {number}: must be greater than or equal to 0"),
            }],
        )),
        None => Err(Refusal::bad_request("the scale's spec.replicas is no whole number")),
    }
}
