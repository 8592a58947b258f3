//! What replacing an object adds, that only its old form can tell.

use serde_json::Value;

use super::{Fields, map_made, map_of, service_update, workloads};
use crate::builtin;

/// Carries over from the object being replaced what a server carries over: a Service's addresses and
/// ports, a DaemonSet's template generation, and `metadata.generation`, which goes up when what is
/// wanted changes (`PrepareForUpdate` of the kinds' strategies).
///
/// Both objects are taken as [`fill`](super::fill) leaves them, the new one with the uid of the old.
/// What a server does with a status in a body is not done here: it depends on the path of the request.
pub fn update(old: &Value, new: &mut Value) {
    let Some(kind) = builtin::type_of(new) else { return };
    let (Some(old), Some(new)) = (old.as_object(), new.as_object_mut()) else { return };
    if kind.name == "core/v1.Service" {
        service_update::carry_over(old, new);
    }
    let wanted: &[&str] = match kind.name {
        "core/v1.PodTemplate" => &["template"],
        "admissionregistration/v1.ValidatingWebhookConfiguration"
        | "admissionregistration/v1.MutatingWebhookConfiguration" => &["webhooks"],
        "apps/v1.Deployment"
        | "apps/v1.ReplicaSet"
        | "apps/v1.StatefulSet"
        | "apps/v1.DaemonSet"
        | "core/v1.ReplicationController"
        | "batch/v1.Job"
        | "batch/v1.CronJob"
        | "networking/v1.Ingress"
        | "networking/v1.IngressClass"
        | "networking/v1.NetworkPolicy"
        | "policy/v1.PodDisruptionBudget"
        | "storage/v1.CSIDriver"
        | "apiextensions/v1.CustomResourceDefinition" => &["spec"],
        _ => &[],
    };
    let mut changed = wanted.iter().any(|field| old.get(*field) != new.get(*field));
    if kind.name == "apps/v1.Deployment" {
        changed |= annotations(old) != annotations(new);
    }
    if kind.name == "apps/v1.DaemonSet" {
        carry_template_generation(old, new);
    }
    if let Some(generation) = generation(old)
        && let Some(metadata) = map_made(new, "metadata")
    {
        let next = generation.saturating_add(i64::from(changed));
        metadata.insert("generation".to_owned(), next.into());
    }
}

fn generation(object: &Fields) -> Option<i64> {
    map_of(object, "metadata")?.get("generation")?.as_i64()
}

fn annotations(object: &Fields) -> Option<&Fields> {
    map_of(map_of(object, "metadata")?, "annotations").filter(|annotations| !annotations.is_empty())
}

/// It is a field of the internal type that v1 only shows as an annotation: nobody but the server sets it.
fn carry_template_generation(old: &Fields, new: &mut Fields) {
    let template =
        |object: &Fields| map_of(object, "spec").and_then(|spec| spec.get("template")).cloned();
    let changed = template(old) != template(new);
    let Some(before) = annotations(old)
        .and_then(|annotations| annotations.get(workloads::TEMPLATE_GENERATION))
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<i64>().ok())
    else {
        return;
    };
    if let Some(annotations) =
        map_made(new, "metadata").and_then(|metadata| map_made(metadata, "annotations"))
    {
        let now = before.saturating_add(i64::from(changed)).to_string();
        annotations.insert(workloads::TEMPLATE_GENERATION.to_owned(), now.into());
    }
}

#[cfg(test)]
mod tests;
