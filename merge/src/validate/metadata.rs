//! `metadata` of every kind (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{owner_reference, quoted, scalar, strings};
use super::{names, selectors};

/// Annotations may hold this many bytes together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// What a kind allows as a name.
pub(super) type NameRule = fn(&str) -> Vec<String>;

/// `ValidateObjectMetaAccessor`, as far as it does not depend on the scope of the kind.
pub(super) fn check(object: &At<'_>, name_rule: NameRule, causes: &mut Causes) {
    let metadata = object.field("metadata");
    let prefix = metadata.field("generateName");
    if !prefix.text().is_empty() {
        // What is generated goes on after a trailing dash.
        let judged = prefix
            .text()
            .strip_suffix('-')
            .map_or_else(|| prefix.text().to_owned(), |rest| format!("{rest}a"));
        causes.invalid_text(&prefix.path, prefix.text(), name_rule(&judged));
    }
    let name = metadata.field("name");
    if name.text().is_empty() {
        // A server makes up the name before it looks.
        if prefix.text().is_empty() {
            causes.required(&name.path, "name or generateName is required");
        }
    } else {
        causes.invalid_text(&name.path, name.text(), name_rule(name.text()));
    }
    contents(&metadata, causes);
    let finalizers = metadata.field("finalizers");
    for finalizer in finalizers.items() {
        causes.invalid_text(&finalizers.path, finalizer.text(), names::qualified(finalizer.text()));
    }
}

fn contents(metadata: &At<'_>, causes: &mut Causes) {
    selectors::labels(&metadata.field("labels"), causes);
    annotations(&metadata.field("annotations"), causes);
    owners(&metadata.field("ownerReferences"), causes);
}

/// `ValidateAnnotations`.
pub(super) fn annotations(annotations: &At<'_>, causes: &mut Causes) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        causes.invalid_text(&annotations.path, key, names::qualified(&key.to_lowercase()));
        size += key.len() + value.text().len();
    }
    if size > ANNOTATIONS_LIMIT {
        causes.too_long(&annotations.path, ANNOTATIONS_LIMIT);
    }
}

/// `ValidateOwnerReferences`.
fn owners(owners: &At<'_>, causes: &mut Causes) {
    let mut controller: Option<String> = None;
    for owner in owners.items() {
        let version = owner.field("apiVersion").text();
        let without_path = |name: &str| format!("{}.{name}", owners.path);
        for (name, missing, wording) in [
            ("apiVersion", version.is_empty() || version.ends_with('/'), "version"),
            ("kind", owner.field("kind").text().is_empty(), "kind"),
            ("name", owner.field("name").text().is_empty(), "name"),
            ("uid", owner.field("uid").text().is_empty(), "uid"),
        ] {
            if missing {
                let value = quoted(owner.field(name).text());
                causes.invalid(
                    &without_path(name),
                    &value,
                    &format!("{wording} must not be empty"),
                );
            }
        }
        if version == "v1" && owner.field("kind").text() == "Event" {
            let spelled = owner.value.map(owner_reference).unwrap_or_default();
            causes.invalid(
                &owners.path,
                &spelled,
                "/v1, Kind=Event is disallowed from being an owner",
            );
        }
        if owner.field("controller").is_true() {
            let name = format!("{}/{}", owner.field("kind").text(), owner.field("name").text());
            if let Some(first) = &controller {
                let all: Vec<String> = owners
                    .items()
                    .iter()
                    .filter_map(|owner| owner.value.map(owner_reference))
                    .collect();
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                causes.invalid(
                    &owners.path,
                    &format!("[]v1.OwnerReference{{{}}}", all.join(", ")),
                    &detail,
                );
            } else {
                controller = Some(name);
            }
        }
    }
}

/// `ValidateObjectMetaAccessorUpdate`. That an update must name a resourceVersion is left to whoever
/// holds the request.
pub(super) fn check_update(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    immutable(old, new, causes);
    contents(&new.field("metadata"), causes);
}

/// The part of it that compares.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let (old, new) = (old.field("metadata"), new.field("metadata"));
    if old.field("deletionTimestamp").is_set() {
        let set = |metadata: &At<'_>| -> BTreeSet<String> {
            metadata.field("finalizers").items().iter().map(|item| item.text().to_owned()).collect()
        };
        let extra: Vec<Value> =
            set(&new).difference(&set(&old)).cloned().map(Value::from).collect();
        if !extra.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {}",
                strings(Some(&extra.into()))
            );
            causes.forbidden(&new.field("finalizers").path, &detail);
        }
    }
    for field in ["name", "namespace", "uid"] {
        let (before, after) = (old.field(field), new.field(field));
        // What the body leaves out is taken from the path or from the old object.
        if after.is_set() {
            causes.immutable(&before, &after, scalar);
        }
    }
}
