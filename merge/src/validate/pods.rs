//! Pod specs and pod templates (`ValidatePodSpec`, `ValidatePodTemplateSpec`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::quoted;
use super::{containers, metadata, names, selectors, volumes};

/// `ValidatePodTemplateSpec`.
pub(super) fn template(template: &At<'_>, causes: &mut Causes) {
    // The server names these without `metadata`.
    for (field, check) in [
        ("labels", selectors::labels as fn(&At<'_>, &mut Causes)),
        ("annotations", metadata::annotations),
    ] {
        let real = template.field("metadata").field(field);
        check(&At { value: real.value, path: format!("{}.{field}", template.path) }, causes);
    }
    spec(&template.field("spec"), causes);
    let ephemeral = template.field("spec.ephemeralContainers");
    if !ephemeral.items().is_empty() {
        causes.forbidden(&ephemeral.path, "ephemeral containers not allowed in pod template");
    }
}

/// `ValidatePodSpec`, the rules that manifests run into.
pub(super) fn spec(spec: &At<'_>, causes: &mut Causes) {
    let found = volumes::check(&spec.field("volumes"), causes);
    containers::check(spec, &found, causes);
    causes.one_of(&spec.field("restartPolicy"), &["Always", "OnFailure", "Never"]);
    causes.one_of(
        &spec.field("dnsPolicy"),
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    );
    selectors::labels(&spec.field("nodeSelector"), causes);
    for (field, rule) in [
        ("serviceAccountName", names::dns_subdomain as fn(&str) -> Vec<String>),
        ("nodeName", names::dns_subdomain),
    ] {
        name(&spec.field(field), rule, causes);
    }
    let deadline = spec.field("activeDeadlineSeconds");
    if let Some(seconds) =
        deadline.number().filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds))
    {
        causes.invalid(
            &deadline.path,
            &seconds.to_string(),
            "must be between 1 and 2147483647, inclusive",
        );
    }
    name(&spec.field("hostname"), names::dns_label, causes);
    name(&spec.field("subdomain"), names::dns_label, causes);
    name(&spec.field("priorityClassName"), names::dns_subdomain, causes);
    name(&spec.field("runtimeClassName"), names::dns_subdomain, causes);
}

fn name(at: &At<'_>, rule: fn(&str) -> Vec<String>, causes: &mut Causes) {
    if !at.text().is_empty() {
        causes.invalid_text(&at.path, at.text(), rule(at.text()));
    }
}

/// What workloads that run for ever ask of their template.
pub(super) fn runs_always(template: &At<'_>, kind: &str, causes: &mut Causes) {
    let policy = template.field("spec.restartPolicy");
    if policy.text() != "Always" {
        causes.not_supported(&policy.path, &quoted(policy.text()), &["Always"]);
    }
    let deadline = template.field("spec.activeDeadlineSeconds");
    if deadline.is_set() {
        causes.forbidden(
            &deadline.path,
            &format!("activeDeadlineSeconds in {kind} is not Supported"),
        );
    }
}

const UPDATE_MESSAGE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// `ValidatePodUpdate`: nearly everything of a pod stands. The server appends a diff of Go structs to
/// the message of the last rule; it is left out here.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let (old_spec, new_spec) = (old.field("spec"), new.field("spec"));
    for list in ["containers", "initContainers"] {
        let at = new_spec.field(list);
        if at.items().len() != old_spec.field(list).items().len() {
            causes.forbidden(&at.path, "pod updates may not add or remove containers");
            return;
        }
    }
    let (before, after) =
        (old_spec.field("activeDeadlineSeconds"), new_spec.field("activeDeadlineSeconds"));
    match (before.number(), after.number()) {
        (Some(_), None) => causes.invalid(
            &after.path,
            &quoted("null"),
            "must not update from a positive integer to nil value",
        ),
        (Some(before), Some(now)) if now > before => {
            causes.invalid(
                &after.path,
                &now.to_string(),
                "must be less than or equal to previous value",
            );
        }
        _ => {}
    }
    let tolerated: BTreeSet<String> = new_spec
        .field("tolerations")
        .items()
        .iter()
        .filter_map(|item| item.value.map(Value::to_string))
        .collect();
    let kept = old_spec
        .field("tolerations")
        .items()
        .iter()
        .all(|item| item.value.is_none_or(|value| tolerated.contains(&value.to_string())));
    if !kept {
        causes.forbidden(
            &new_spec.field("tolerations").path,
            "existing toleration can not be modified except its tolerationSeconds",
        );
    }
    if changeable_apart(old_spec.value) != changeable_apart(new_spec.value) {
        causes.forbidden(&new_spec.path, UPDATE_MESSAGE);
    }
}

/// A pod's spec without what may change.
fn changeable_apart(spec: Option<&Value>) -> Option<Value> {
    let mut spec = spec?.clone();
    let fields = spec.as_object_mut()?;
    for field in ["activeDeadlineSeconds", "tolerations"] {
        fields.remove(field);
    }
    if fields
        .get("terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .is_some_and(i64::is_negative)
    {
        fields.insert("terminationGracePeriodSeconds".to_owned(), 1.into());
    }
    for list in ["containers", "initContainers"] {
        for container in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.remove("image");
            }
        }
    }
    Some(spec)
}
