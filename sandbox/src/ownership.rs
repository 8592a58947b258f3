//! Who owns which fields after a write: [`merge::managed`] with what the server knows.

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
