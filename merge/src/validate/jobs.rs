//! Jobs and CronJobs (`pkg/apis/batch/validation`).

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{label_selector, quoted, scalar};
use super::{pods, selectors};

/// `ValidateJobSpec`. The selector of a Job is made by the server unless `manualSelector` says
/// otherwise, so a Job without a uid is not blamed for having none.
pub(super) fn job(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    job_spec(&spec, causes);
    let selector = spec.field("selector");
    let generated_later =
        !spec.field("manualSelector").is_true() && !object.field("metadata.uid").is_set();
    if generated_later && !selector.is_set() {
        return;
    }
    if selector.is_set() {
        selectors::selector(&selector, causes);
    } else {
        causes.required(&selector.path, "");
    }
    if !generated_later {
        selectors::template_matches(&spec, causes);
    }
}

/// `validateJobSpec`: what Jobs and the templates of CronJobs share.
fn job_spec(spec: &At<'_>, causes: &mut Causes) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        causes.not_negative(&spec.field(field));
    }
    let mode = spec.field("completionMode");
    let completions = spec.field("completions");
    match mode.text() {
        "" | "NonIndexed" => {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                let at = spec.field(field);
                if let Some(number) = at.number() {
                    causes.invalid(
                        &at.path,
                        &number.to_string(),
                        "requires indexed completion mode",
                    );
                }
            }
        }
        "Indexed" if completions.is_set() => {}
        "Indexed" => causes.required(&completions.path, "when completion mode is Indexed"),
        other => causes.not_supported(&mode.path, &quoted(other), &["NonIndexed", "Indexed"]),
    }
    let template = spec.field("template");
    pods::template(&template, causes);
    let policy = template.field("spec.restartPolicy");
    match policy.text() {
        "" | "Always" => causes.required(&policy.path, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if spec.field("podFailurePolicy").is_set() => causes.invalid(
            &policy.path,
            &quoted("OnFailure"),
            "only \"Never\" is supported when podFailurePolicy is specified",
        ),
        "OnFailure" | "Never" => {}
        other => causes.not_supported(&policy.path, &quoted(other), &["OnFailure", "Never"]),
    }
}

/// `validateCronJobSpec`. The five fields of a schedule are counted, not read.
pub(super) fn cron_job(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let schedule = spec.field("schedule");
    if schedule.text().is_empty() {
        causes.required(&schedule.path, "");
    } else if !schedule.text().starts_with('@') {
        let found = schedule.text().split_whitespace().filter(|word| !word.contains("TZ=")).count();
        if found != 5 {
            let problem =
                format!("expected exactly 5 fields, found {found}: {}", fields(schedule.text()));
            causes.invalid(&schedule.path, &quoted(schedule.text()), &problem);
        }
    }
    causes.not_negative(&spec.field("startingDeadlineSeconds"));
    causes.one_of(&spec.field("concurrencyPolicy"), &["Allow", "Forbid", "Replace"]);
    let template = spec.field("jobTemplate.spec");
    job_spec(&template, causes);
    let selector = template.field("selector");
    if let Some(value) = selector.value {
        causes.invalid(&selector.path, &label_selector(value), "`selector` will be auto-generated");
    }
    if template.field("manualSelector").is_true() {
        causes.not_supported(&template.field("manualSelector").path, "true", &["nil", "false"]);
    }
    causes.not_negative(&spec.field("successfulJobsHistoryLimit"));
    causes.not_negative(&spec.field("failedJobsHistoryLimit"));
}

fn fields(schedule: &str) -> String {
    let words: Vec<&str> = schedule.split_whitespace().collect();
    format!("[{}]", words.join(" "))
}

/// `ValidateJobSpecUpdate`. The server spells the whole template in its message; here stands its type.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let (old, new) = (old.field("spec"), new.field("spec"));
    let completions = new.field("completions");
    if new.field("completionMode").text() == "Indexed" {
        let changed = old.field("completions").value != completions.value;
        if changed && completions.is_set() && completions.value != new.field("parallelism").value {
            let value = completions.value.map(scalar).unwrap_or_default();
            causes.invalid(
                &completions.path,
                &value,
                "can only be modified in tandem with spec.parallelism",
            );
        }
    } else {
        causes.immutable(&old.field("completions"), &completions, scalar);
    }
    causes.immutable(&old.field("selector"), &new.field("selector"), label_selector);
    template_immutable(&old, &new, causes);
    causes.immutable(&old.field("completionMode"), &new.field("completionMode"), scalar);
    causes.immutable(&old.field("podFailurePolicy"), &new.field("podFailurePolicy"), |_| {
        "batch.PodFailurePolicy{…}".to_owned()
    });
    causes.immutable(
        &old.field("backoffLimitPerIndex"),
        &new.field("backoffLimitPerIndex"),
        scalar,
    );
}

/// The template stands, except how a Job that has not started is to be scheduled
/// (`validatePodTemplateUpdate`, `AllowMutableSchedulingDirectives`).
fn template_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let not_started = old.field("suspend").is_true();
    let fixed = |spec: &At<'_>| -> Option<Value> {
        let mut template = spec.field("template").value?.clone();
        if not_started && let Some(pod) = template.get_mut("spec").and_then(Value::as_object_mut) {
            for field in ["nodeSelector", "tolerations", "schedulingGates"] {
                pod.remove(field);
            }
            if let Some(affinity) = pod.get_mut("affinity").and_then(Value::as_object_mut) {
                affinity.remove("nodeAffinity");
            }
        }
        if not_started
            && let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.remove("annotations");
            metadata.remove("labels");
        }
        Some(template)
    };
    if fixed(old) != fixed(new) {
        causes.invalid(
            &new.field("template").path,
            "core.PodTemplateSpec{…}",
            "field is immutable",
        );
    }
}
