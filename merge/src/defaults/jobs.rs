//! Jobs and CronJobs.

use serde_json::{Value, json};

use super::{Fields, map_at, map_made, map_of, set_absent, set_empty};

/// `SetDefaults_Job`.
pub(super) fn job(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    let unset = |spec: &Fields, field: &str| spec.get(field).is_none_or(Value::is_null);
    if unset(spec, "completions") && unset(spec, "parallelism") {
        set_absent(spec, "completions", 1);
    }
    set_absent(spec, "parallelism", 1);
    let limit = if unset(spec, "backoffLimitPerIndex") { 6 } else { i64::from(i32::MAX) };
    set_absent(spec, "backoffLimit", limit);
    set_absent(spec, "completionMode", "NonIndexed");
    set_absent(spec, "suspend", false);
    let labels = map_of(spec, "template")
        .and_then(|template| map_of(template, "metadata"))
        .and_then(|metadata| metadata.get("labels"))
        .filter(|labels| !labels.is_null())
        .cloned();
    if let (Some(labels), Some(metadata)) = (labels, map_made(object, "metadata")) {
        set_absent(metadata, "labels", labels);
    }
}

/// `SetDefaults_CronJob`. The Job inside is not defaulted; its pods are.
pub(super) fn cron_job(object: &mut Fields) {
    if let Some(spec) = map_at(object, "spec") {
        set_empty(spec, "concurrencyPolicy", "Allow");
        set_absent(spec, "suspend", false);
        set_absent(spec, "successfulJobsHistoryLimit", 3);
        set_absent(spec, "failedJobsHistoryLimit", 1);
    }
}

/// Gives a new Job the selector and the template labels that name it, as `generateSelector` of the
/// Job's strategy does once the uid is known. A Job with `manualSelector` is left alone.
///
/// For a new Job only, once it has been [filled in](super::fill). It is stored like this; whoever reads
/// it back fills it in once more, and then a Job without labels of its own shows its template's.
pub fn identify_job(object: &mut Value, uid: &str) {
    let name = crate::object::name(object).unwrap_or_default().to_owned();
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    if let Some(labels) = map_made(spec, "template")
        .and_then(|template| map_made(template, "metadata"))
        .and_then(|metadata| map_made(metadata, "labels"))
    {
        for prefix in ["", "batch.kubernetes.io/"] {
            labels.insert(format!("{prefix}controller-uid"), uid.into());
            labels.insert(format!("{prefix}job-name"), name.clone().into());
        }
    }
    if let Some(selector) = map_made(spec, "selector")
        && let Some(labels) = map_made(selector, "matchLabels")
        && !labels.contains_key("controller-uid")
    {
        labels.insert("batch.kubernetes.io/controller-uid".to_owned(), json!(uid));
    }
}
