//! Reading back: an object is stored as it was last written, and shown with the defaults of its kind at
//! the version that is asked for.
//!
//! Custom resources convert by their `apiVersion` alone (strategy `None`), with the defaults of the
//! version asked for and without the fields it does not know. Of the built-in kinds only autoscalers
//! and events are served in two versions.

mod autoscaler;
mod event;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::custom::schema;
use crate::registry::Resource;

/// A stored object at the version of `resource`.
pub(crate) fn present(resource: &Resource, object: &Arc<Value>) -> Arc<Value> {
    let wanted = resource.api_version();
    if object.get("apiVersion").and_then(Value::as_str) == Some(&wanted) {
        return with_defaults(resource, object);
    }
    let mut shown = Value::clone(object);
    let from = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    match (&*resource.kind, from, &*wanted) {
        ("HorizontalPodAutoscaler", "autoscaling/v2", "autoscaling/v1") => {
            autoscaler::to_v1(&mut shown);
        }
        ("HorizontalPodAutoscaler", "autoscaling/v1", "autoscaling/v2") => {
            autoscaler::to_v2(&mut shown);
        }
        ("Event", "v1", "events.k8s.io/v1") => event::to_events(&mut shown),
        ("Event", "events.k8s.io/v1", "v1") => event::to_core(&mut shown),
        _ => {}
    }
    if let Value::Object(map) = &mut shown {
        map.insert("apiVersion".to_owned(), json!(wanted));
    }
    if let Some(definition) = &resource.custom
        && let Some(structure) = definition.schema(&resource.version)
    {
        schema::prune(structure, &mut shown);
        schema::fill(structure, &mut shown);
    }
    Arc::new(shown)
}

/// A stored object as a server decodes it. Whatever was written was filled in before, so this adds
/// something to a new Job only: its strategy labels the template after that, and a Job without labels
/// of its own takes its template's.
fn with_defaults(resource: &Resource, object: &Arc<Value>) -> Arc<Value> {
    if !resource.is("batch", "jobs") || object.pointer("/metadata/labels").is_some() {
        return Arc::clone(object);
    }
    let mut shown = Value::clone(object);
    merge::defaults::fill(&mut shown);
    Arc::new(shown)
}
