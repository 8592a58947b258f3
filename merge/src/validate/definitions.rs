//! Definitions of custom resources: the rules about names, versions, schemas and what may not change
//! (`ValidateCustomResourceDefinition`).
//!
//! A server judges its internal form of a definition, in which what all versions have in common stands
//! once, outside of them; its messages name these places.

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{definition_versions, quoted, scalar, strings};
use super::{names, structural};

/// Groups that only definitions approved by the Kubernetes project may use.
fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|owned| group == *owned || group.ends_with(&format!(".{owned}")))
}

pub(super) fn definition(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let (plural, group) = (spec.field("names.plural"), spec.field("group"));
    let name = object.field("metadata.name");
    if name.text() != format!("{}.{}", plural.text(), group.text()) {
        causes.invalid(
            &name.path,
            &quoted(name.text()),
            "must be spec.names.plural+\".\"+spec.group",
        );
    }
    if group.text().is_empty() {
        causes.required(&group.path, "");
    } else {
        causes.invalid_text(&group.path, group.text(), names::dns_subdomain(group.text()));
    }
    let scope = spec.field("scope");
    causes.one_of(&scope, &["Cluster", "Namespaced"]);
    for version in spec.field("versions").items() {
        let schema = version.field("schema.openAPIV3Schema");
        if !schema.is_set() {
            causes.required(&schema.path, "schemas are required");
        }
    }
    storage(object, causes);
    for schema in schemas(&spec) {
        structural::schema(&schema, causes);
    }
    let approval = object
        .field("metadata.annotations")
        .value
        .and_then(|annotations| annotations.get("api-approved.kubernetes.io"));
    if is_protected(group.text()) && approval.is_none() {
        causes.required(
            "metadata.annotations[api-approved.kubernetes.io]",
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        );
    }
}

/// The schemas of a definition where a server finds them.
fn schemas<'a>(spec: &At<'a>) -> Vec<At<'a>> {
    let versions = spec.field("versions").items();
    let own: Vec<At<'a>> = versions
        .iter()
        .map(|version| version.field("schema.openAPIV3Schema"))
        .filter(At::is_set)
        .collect();
    match own.as_slice() {
        [first, rest @ ..]
            if own.len() == versions.len() && rest.iter().all(|one| one.value == first.value) =>
        {
            let path = spec.field("validation.openAPIV3Schema").path;
            vec![At { value: first.value, path }]
        }
        _ => own,
    }
}

/// The schemas of a definition, each with the path by which a server's messages name it.
pub fn definition_schemas(definition: &Value) -> Vec<(String, &Value)> {
    let found = schemas(&At::root(definition).field("spec")).into_iter();
    found.filter_map(|schema| Some((schema.path, schema.value?))).collect()
}

/// One version is stored, and it is among those that were ever stored.
fn storage(object: &At<'_>, causes: &mut Causes) {
    let versions = object.field("spec.versions");
    let stored: Vec<&str> = versions
        .items()
        .iter()
        .filter(|version| version.field("storage").is_true())
        .map(|version| version.field("name").text())
        .collect();
    if stored.len() != 1 {
        causes.invalid(
            &versions.path,
            &definition_versions(versions.value),
            "must have exactly one version marked as storage version",
        );
    }
    let ever = object.field("status.storedVersions");
    let items = ever.items();
    for name in stored {
        if ever.is_set() && !items.iter().any(|item| item.text() == name) {
            let detail = format!("must have the storage version {name}");
            causes.invalid(&ever.path, &strings(ever.value), &detail);
        }
    }
}

/// `ValidateCustomResourceDefinitionSpecUpdate`: an established definition keeps its group, its scope
/// and its names.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let established = old.field("status.conditions").items().iter().any(|condition| {
        condition.field("type").text() == "Established"
            && condition.field("status").text() == "True"
    });
    let (old, new) = (old.field("spec"), new.field("spec"));
    let fields: &[&str] = if established {
        &["group", "scope", "names.kind", "names.plural"]
    } else {
        &["group", "names.plural"]
    };
    for field in fields {
        let (before, after) = (old.field(field), new.field(field));
        if before.value.is_some_and(Value::is_string) {
            causes.immutable(&before, &after, scalar);
        }
    }
}
