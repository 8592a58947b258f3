//! Who owns which fields after a write: [`merge::managed`] with what the server knows.

use merge::Path;
use merge::managed;
use serde_json::Value;

use crate::api::Subject;
use crate::registry::Registry;

/// Records a write of `manager`, which is no apply, in the managedFields of `next`.
pub(crate) fn track(
    subject: &Subject<'_>,
    live: Option<&Value>,
    next: &mut Value,
    manager: &str,
    time: &str,
) {
    let subresource = subject.target.subresource.as_deref();
    managed::update(&subject.registry.schemas, live, next, manager, subresource, time);
}

/// Records a creation. What admission plugins and address allocation add to a new object comes after
/// that: nobody owns it, unless it was `stated`.
pub(crate) fn track_new(
    subject: &Subject<'_>,
    stated: &Value,
    object: &mut Value,
    manager: &str,
    time: &str,
) {
    let mut bare = object.clone();
    let resource = &subject.resource;
    for field in added_later(&resource.group, &resource.plural) {
        if stated.get("spec").and_then(|spec| spec.get(field)).is_none()
            && let Some(spec) = bare.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.remove(*field);
        }
    }
    track(subject, None, &mut bare, manager, time);
    let fields = bare.pointer("/metadata/managedFields").cloned();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        match fields {
            Some(fields) => metadata.insert("managedFields".to_owned(), fields),
            None => metadata.remove("managedFields"),
        };
    }
}

/// The fields of a spec that are added to a new object after its owners are noted: by the plugins
/// `Priority` and `DefaultTolerationSeconds`, and by the allocation of a Service's addresses.
fn added_later(group: &str, plural: &str) -> &'static [&'static str] {
    match (group, plural) {
        ("", "pods") => &["priority", "preemptionPolicy", "tolerations"],
        ("", "services") => &["ipFamilies", "ipFamilyPolicy", "clusterIPs"],
        _ => &[],
    }
}

/// Records what the server itself writes into a status.
pub(crate) fn track_status(
    registry: &Registry,
    live: &Value,
    next: &mut Value,
    manager: &str,
    time: &str,
) {
    managed::update(&registry.schemas, Some(live), next, manager, Some("status"), time);
}

/// Records a write of `/scale`. A scale is tracked on its own (`managedfields.ScaleHandler`): who
/// writes it owns the replicas only if somebody did before, and its entry carries no time.
pub(crate) fn track_scale(
    subject: &Subject<'_>,
    live: &Value,
    next: &mut Value,
    manager: &str,
    time: &str,
) {
    if owns_replicas(live) {
        track(subject, Some(live), next, manager, time);
        forget_scale_times(next);
    }
}

/// Whether anybody owns the replicas of an object.
pub(crate) fn owns_replicas(object: &Value) -> bool {
    let replicas = Path::fields(["spec", "replicas"]);
    !managed::owners(object, &replicas).is_empty()
}

/// Takes the times off the entries of scale writers.
pub(crate) fn forget_scale_times(object: &mut Value) {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.get("subresource").and_then(Value::as_str) == Some("scale") {
            entry.remove("time");
        }
    }
}
