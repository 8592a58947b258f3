//! What every controller of pods asks about a pod, and how it makes one from its template.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object;

/// A pod that counts: neither finished nor being deleted (`controller.IsPodActive`).
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !object::is_deleted(pod)
}

/// A pod whose containers have all ended for good.
pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

pub(super) fn is_ready(pod: &Value) -> bool {
    object::condition_is_true(pod, "Ready")
}

/// When a ready pod counts as available: `minReadySeconds` after it became ready
/// (`podutil.IsPodAvailable`). `None` if it is not ready.
pub(super) fn available_at(pod: &Value, min_ready_seconds: i64) -> Option<Timestamp> {
    let ready = object::condition(pod, "Ready")?;
    if object::text(ready, "/status") != "True" {
        return None;
    }
    let since = object::time(ready, "/lastTransitionTime").unwrap_or(Timestamp::UNIX_EPOCH);
    Some(object::after(since, min_ready_seconds.max(0)))
}

/// Counts of a controller's pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub all: i64,
    pub ready: i64,
    pub available: i64,
    /// When the next ready pod becomes available by time alone.
    pub next_available: Option<Timestamp>,
}

/// Counts pods that are active.
pub(super) fn count<'a>(
    pods: impl Iterator<Item = &'a Value>,
    min_ready_seconds: i64,
    now: Timestamp,
) -> Counts {
    let mut counts = Counts::default();
    for pod in pods {
        counts.all += 1;
        if let Some(at) = available_at(pod, min_ready_seconds) {
            counts.ready += 1;
            if min_ready_seconds == 0 || at <= now {
                counts.available += 1;
            } else {
                counts.next_available =
                    Some(counts.next_available.map_or(at, |earlier| earlier.min(at)));
            }
        }
    }
    counts
}

/// A pod of a template, owned by its controller (`controller.GetPodFromTemplate`). Without a name
/// the server makes one from `generateName`.
pub(super) fn from_template(
    template: &Value,
    owner: &Value,
    owner_reference: Value,
    name: Option<&str>,
) -> Value {
    let mut metadata = json!({
        "namespace": object::namespace(owner),
        "generateName": format!("{}-", object::name(owner)),
        "ownerReferences": [owner_reference],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.pointer(&format!("/metadata/{field}")) {
            object::set(&mut metadata, field, value.clone());
        }
    }
    if let Some(name) = name {
        object::set(&mut metadata, "name", json!(name));
    }
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_default(),
    })
}

/// An int-or-percent of a total (`intstr.GetScaledValueFromIntOrPercent`).
pub(super) fn scaled(value: Option<&Value>, total: i64, round_up: bool) -> i64 {
    match value {
        Some(Value::String(percent)) => {
            let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
            let product = percent.saturating_mul(total);
            if round_up { product.saturating_add(99) / 100 } else { product / 100 }
        }
        Some(value) => value.as_i64().unwrap_or_default(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_asked() {
        for (value, total, up, expected) in [
            (json!("25%"), 2, true, 1),
            (json!("25%"), 2, false, 0),
            (json!("25%"), 10, true, 3),
            (json!("100%"), 3, false, 3),
            (json!(2), 10, true, 2),
        ] {
            assert_eq!(scaled(Some(&value), total, up), expected, "{value} of {total}");
        }
    }

    #[test]
    fn a_ready_pod_is_available_only_after_its_seconds() {
        let ready = json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z"}]}});
        let now = "2024-01-01T00:00:05Z".parse().unwrap();
        assert_eq!(count([&ready].into_iter(), 5, now).available, 1);
        let counts = count([&ready].into_iter(), 6, now);
        assert_eq!((counts.ready, counts.available), (1, 0));
        assert_eq!(counts.next_available, Some("2024-01-01T00:00:06Z".parse().unwrap()));
    }
}
