//! Deployments, ReplicaSets, StatefulSets and DaemonSets (`pkg/apis/apps/validation`).

use serde_json::{Map, Value};

use super::causes::{At, Causes};
use super::golang::{int_or_string, label_selector, quoted};
use super::{metadata, pods, selectors};

/// `ValidateDeploymentSpec`.
pub(super) fn deployment(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    causes.not_negative(&spec.field("replicas"));
    selectors::required(&spec.field("selector"), "deployment", causes);
    replicated_template(&spec, causes);
    strategy(&spec.field("strategy"), causes);
    for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        causes.not_negative(&spec.field(field));
    }
    let deadline = spec.field("progressDeadlineSeconds");
    let ready = spec.field("minReadySeconds").number().unwrap_or_default();
    if let Some(seconds) = deadline.number().filter(|seconds| *seconds <= ready) {
        causes.invalid(
            &deadline.path,
            &seconds.to_string(),
            "must be greater than minReadySeconds",
        );
    }
}

/// `ValidateReplicaSetSpec`; the server calls it a deployment there too.
pub(super) fn replica_set(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    causes.not_negative(&spec.field("replicas"));
    causes.not_negative(&spec.field("minReadySeconds"));
    selectors::required(&spec.field("selector"), "deployment", causes);
    replicated_template(&spec, causes);
}

/// `ValidatePodTemplateSpecForReplicaSet`.
fn replicated_template(spec: &At<'_>, causes: &mut Causes) {
    let template = spec.field("template");
    selectors::template_matches(spec, causes);
    pods::template(&template, causes);
    pods::runs_always(&template, "ReplicaSet", causes);
}

/// `ValidateDeploymentStrategy`.
fn strategy(strategy: &At<'_>, causes: &mut Causes) {
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "Recreate" => {
            if rolling.is_set() {
                causes.forbidden(
                    &rolling.path,
                    "may not be specified when strategy `type` is 'Recreate'",
                );
            }
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            int_or_percent(&unavailable, causes);
            int_or_percent(&surge, causes);
            if amount(&unavailable) == 0 && amount(&surge) == 0 {
                causes.invalid(
                    &unavailable.path,
                    &int_or_string(unavailable.value),
                    "may not be 0 when `maxSurge` is 0",
                );
            }
            at_most_all(&unavailable, causes);
        }
        other => {
            let value = format!(
                "apps.DeploymentStrategy{{Type:{}, RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}}",
                quoted(other)
            );
            causes.not_supported(&strategy.path, &value, &["Recreate", "RollingUpdate"]);
        }
    }
}

/// `ValidatePositiveIntOrPercent`.
pub(super) fn int_or_percent(at: &At<'_>, causes: &mut Causes) {
    if let Some(Value::String(text)) = at.value {
        if percent(text).is_none() {
            causes.invalid(
                &at.path,
                &int_or_string(at.value),
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            );
        }
    } else {
        causes.not_negative(at);
    }
}

/// `IsNotMoreThan100Percent`.
fn at_most_all(at: &At<'_>, causes: &mut Causes) {
    if percent(at.text()).is_some_and(|percent| percent > 100) {
        causes.invalid(&at.path, &int_or_string(at.value), "must not be greater than 100%");
    }
}

fn percent(text: &str) -> Option<u64> {
    let digits =
        text.strip_suffix('%').filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?;
    // What is too long for a number is certainly more than all.
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// `getIntOrPercentValue`: the number before the percent sign, if there is one.
fn amount(at: &At<'_>) -> u64 {
    let number = at.number().map(i64::unsigned_abs);
    number.or_else(|| percent(at.text())).unwrap_or_default()
}

/// `ValidateDaemonSetSpec`.
pub(super) fn daemon_set(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let template = spec.field("template");
    let selector = spec.field("selector");
    selectors::selector(&selector, causes);
    selectors::template_matches(&spec, causes);
    if let Some(value) = selector.value
        && selectors::is_empty(value)
    {
        causes.invalid(
            &selector.path,
            &label_selector(value),
            "empty selector is invalid for daemonset",
        );
    }
    pods::template(&template, causes);
    pods::runs_always(&template, "DaemonSet", causes);
    causes.not_negative(&spec.field("minReadySeconds"));
    let strategy = spec.field("updateStrategy");
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            int_or_percent(&unavailable, causes);
            int_or_percent(&surge, causes);
            at_most_all(&unavailable, causes);
            at_most_all(&surge, causes);
            match (amount(&unavailable) != 0, amount(&surge) != 0) {
                (true, true) => causes.invalid(
                    &surge.path,
                    &int_or_string(surge.value),
                    "may not be set when maxUnavailable is non-zero",
                ),
                (false, false) => {
                    causes.required(&unavailable.path, "cannot be 0 when maxSurge is 0");
                }
                _ => {}
            }
        }
        other => {
            let value = format!(
                "apps.DaemonSetUpdateStrategy{{Type:{}, RollingUpdate:(*apps.RollingUpdateDaemonSet)(nil)}}",
                quoted(other)
            );
            causes.not_supported(&strategy.path, &value, &["RollingUpdate", "OnDelete"]);
        }
    }
    causes.not_negative(&spec.field("revisionHistoryLimit"));
}

/// `ValidateStatefulSetSpec`. Servers of 1.28 do not look inside the template's pod spec.
pub(super) fn stateful_set(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let policy = spec.field("podManagementPolicy");
    match policy.text() {
        "" => causes.required(&policy.path, ""),
        "OrderedReady" | "Parallel" => {}
        other => {
            causes.invalid(&policy.path, &quoted(other), "must be 'OrderedReady' or 'Parallel'");
        }
    }
    let strategy = spec.field("updateStrategy");
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "" => causes.required(&strategy.path, ""),
        "OnDelete" => {
            if rolling.is_set() {
                let value = rolling.value.map(Value::to_string).unwrap_or_default();
                causes.invalid(
                    &rolling.path,
                    &value,
                    "only allowed for updateStrategy 'RollingUpdate'",
                );
            }
        }
        "RollingUpdate" => causes.not_negative(&rolling.field("partition")),
        other => {
            let value = format!(
                "apps.StatefulSetUpdateStrategy{{Type:{}, RollingUpdate:(*apps.RollingUpdateStatefulSetStrategy)(nil)}}",
                quoted(other)
            );
            causes.invalid(&strategy.path, &value, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
    causes.not_negative(&spec.field("replicas"));
    causes.not_negative(&spec.field("minReadySeconds"));
    causes.not_negative(&spec.field("ordinals.start"));
    selectors::required(&spec.field("selector"), "statefulset", causes);
    selectors::template_matches(&spec, causes);
    let template = spec.field("template");
    for (field, check) in [
        ("labels", selectors::labels as fn(&At<'_>, &mut Causes)),
        ("annotations", metadata::annotations),
    ] {
        let real = template.field("metadata").field(field);
        check(&At { value: real.value, path: format!("{}.{field}", template.path) }, causes);
    }
    pods::runs_always(&template, "StatefulSet", causes);
}

/// The selector of Deployments, ReplicaSets and DaemonSets of apps/v1.
pub(super) fn selector_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    causes.immutable(&old.field("spec.selector"), &new.field("spec.selector"), label_selector);
}

/// `ValidateStatefulSetUpdate`: little of a StatefulSet may change.
pub(super) fn stateful_set_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let fixed = |object: &At<'_>| -> Map<String, Value> {
        let mut spec =
            object.field("spec").value.and_then(Value::as_object).cloned().unwrap_or_default();
        for field in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            spec.remove(field);
        }
        spec
    };
    if fixed(old) != fixed(new) {
        causes.forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        );
    }
}
