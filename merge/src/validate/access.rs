//! Roles and bindings (`pkg/apis/rbac/validation`).

use super::causes::{At, Causes};
use super::golang::{quoted, strings};
use super::names;

const RBAC: &str = "rbac.authorization.k8s.io";

/// `ValidateRole`, `ValidateClusterRole`.
pub(super) fn role(object: &At<'_>, causes: &mut Causes) {
    let namespaced = object.field("kind").text() == "Role";
    for rule in object.field("rules").items() {
        if rule.field("verbs").items().is_empty() {
            causes.required(&rule.field("verbs").path, "verbs must contain at least one value");
        }
        let filled = |field: &str| !rule.field(field).items().is_empty();
        let urls = rule.field("nonResourceURLs");
        if !urls.items().is_empty() {
            let spelled = strings(urls.value);
            if namespaced {
                causes.invalid(
                    &urls.path,
                    &spelled,
                    "namespaced rules cannot apply to non-resource URLs",
                );
            }
            if filled("apiGroups") || filled("resources") || filled("resourceNames") {
                causes.invalid(
                    &urls.path,
                    &spelled,
                    "rules cannot apply to both regular resources and non-resource URLs",
                );
            }
            continue;
        }
        for (field, missing) in [
            ("apiGroups", "resource rules must supply at least one api group"),
            ("resources", "resource rules must supply at least one resource"),
        ] {
            if !filled(field) {
                causes.required(&rule.field(field).path, missing);
            }
        }
    }
}

/// `ValidateRoleBinding`, `ValidateClusterRoleBinding`.
pub(super) fn binding(object: &At<'_>, causes: &mut Causes) {
    let namespaced = object.field("kind").text() == "RoleBinding";
    let group = object.field("roleRef.apiGroup");
    if group.text() != RBAC {
        causes.not_supported(&group.path, &quoted(group.text()), &[RBAC]);
    }
    let kind = object.field("roleRef.kind");
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&kind.text()) {
        causes.not_supported(&kind.path, &quoted(kind.text()), kinds);
    }
    let name = object.field("roleRef.name");
    if name.text().is_empty() {
        causes.required(&name.path, "");
    } else {
        causes.invalid_text(&name.path, name.text(), names::path_segment(name.text()));
    }
    for subject in object.field("subjects").items() {
        check_subject(&subject, namespaced, causes);
    }
}

fn check_subject(subject: &At<'_>, namespaced: bool, causes: &mut Causes) {
    let (name, group, kind) =
        (subject.field("name"), subject.field("apiGroup"), subject.field("kind"));
    if name.text().is_empty() {
        causes.required(&name.path, "");
    }
    match kind.text() {
        "ServiceAccount" => {
            if !name.text().is_empty() {
                causes.invalid_text(&name.path, name.text(), names::dns_subdomain(name.text()));
            }
            if !group.text().is_empty() {
                causes.not_supported(&group.path, &quoted(group.text()), &[""]);
            }
            let namespace = subject.field("namespace");
            if !namespaced && namespace.text().is_empty() {
                causes.required(&namespace.path, "");
            }
        }
        "User" | "Group" => {
            if group.text() != RBAC {
                causes.not_supported(&group.path, &quoted(group.text()), &[RBAC]);
            }
        }
        other => {
            causes.not_supported(&kind.path, &quoted(other), &["ServiceAccount", "User", "Group"]);
        }
    }
}

/// `ValidateRoleBindingUpdate`: a binding binds one role for ever.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let (before, after) = (old.field("roleRef"), new.field("roleRef"));
    if before.value != after.value {
        let text = |field: &str| quoted(after.field(field).text());
        let spelled = format!(
            "rbac.RoleRef{{APIGroup:{}, Kind:{}, Name:{}}}",
            text("apiGroup"),
            text("kind"),
            text("name")
        );
        causes.invalid("roleRef", &spelled, "cannot change roleRef");
    }
}
