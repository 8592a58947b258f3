//! The schemas of definitions: what a server asks of them before it serves anything by them
//! (`ValidateCustomResourceDefinitionOpenAPISchema` and `ValidateStructural` of apiextensions).
//!
//! A structural schema gives every field it specifies a type, outside of `allOf`, `anyOf`, `oneOf` and
//! `not`, which may only narrow values. Whether what these narrow is also specified outside of them is
//! not judged here, nor are regular expressions and rules in CEL.

use serde_json::{Value, json};

use super::causes::{At, Causes};
use super::golang::{quoted, strings};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Where in a schema another one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Everything that is wrong with one schema.
pub(super) fn schema(at: &At<'_>, causes: &mut Causes) {
    // A schema that refers to another has no structure to judge.
    if !everything(at).iter().any(|at| at.field("$ref").is_set()) {
        let mut found = Causes::default();
        invariants(at, Level::Root, &mut found);
        found.0.sort_by_cached_key(|cause| format!("{}: {}", cause.field, cause.message));
        causes.0.append(&mut found.0);
    }
    for at in everything(at) {
        unsupported(&at, causes);
        list(&at, causes);
    }
}

/// A schema and all below it.
fn everything<'a>(at: &At<'a>) -> Vec<At<'a>> {
    let mut found = vec![at.clone()];
    for below in children(at).into_iter().map(|(below, _)| below).chain(narrowing(at)) {
        found.extend(everything(&below));
    }
    found
}

/// The schemas right below one, other than those that only narrow its values.
fn children<'a>(at: &At<'a>) -> Vec<(At<'a>, Level)> {
    let mut found = Vec::new();
    let properties = at.field("properties").entries();
    found.extend(properties.into_iter().map(|(_, property)| (property, Level::Field)));
    for (field, level) in [("items", Level::Item), ("additionalProperties", Level::Field)] {
        let below = at.field(field);
        if below.value.is_some_and(Value::is_object) {
            found.push((below, level));
        }
    }
    found
}

/// The schemas that narrow the values of one.
fn narrowing<'a>(at: &At<'a>) -> Vec<At<'a>> {
    let mut found: Vec<At<'a>> =
        ["anyOf", "allOf", "oneOf"].iter().flat_map(|junctor| at.field(junctor).items()).collect();
    found.extend(Some(at.field("not")).filter(At::is_set));
    found
}

fn unsupported(at: &At<'_>, causes: &mut Causes) {
    let kind = at.field("type");
    if kind.is_set() && !TYPES.contains(&kind.text()) {
        causes.not_supported(&kind.path, &quoted(kind.text()), &TYPES);
    }
    if at.field("uniqueItems").is_true() {
        causes.forbidden(
            &at.field("uniqueItems").path,
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        );
    }
    if at.field("$ref").is_set() {
        causes.forbidden(&at.field("$ref").path, "$ref is not supported");
    }
    let extra = at.field("additionalProperties");
    if extra.is_set() && !at.field("properties").entries().is_empty() {
        causes.forbidden(&extra.path, "additionalProperties and properties are mutual exclusive");
    }
}

/// What an array says about how its items are told apart.
fn list(at: &At<'_>, causes: &mut Causes) {
    let list_type = at.field("x-kubernetes-list-type");
    let keys = at.field("x-kubernetes-list-map-keys");
    if list_type.is_set() {
        let kind = at.field("type");
        let detail = "must be array if x-kubernetes-list-type is specified";
        match kind.text() {
            "array" => {}
            "" => causes.required(&kind.path, detail),
            other => causes.invalid(&kind.path, &quoted(other), detail),
        }
        if !["atomic", "set", "map"].contains(&list_type.text()) {
            let value = quoted(list_type.text());
            causes.not_supported(&list_type.path, &value, &["atomic", "set", "map"]);
        }
    }
    if !keys.items().is_empty() && list_type.text() != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        if list_type.is_set() {
            causes.invalid(&list_type.path, &quoted(list_type.text()), detail);
        } else {
            causes.required(&list_type.path, detail);
        }
    }
    let items = at.field("items");
    if matches!(list_type.text(), "map" | "set") && items.field("nullable").is_true() {
        let detail =
            format!("cannot be nullable when x-kubernetes-list-type is {}", list_type.text());
        causes.forbidden(&items.field("nullable").path, &detail);
    }
    if list_type.text() == "map" {
        map_keys(&keys, &items, causes);
    }
}

/// The keys of a list that is a map must stand in every item.
fn map_keys(keys: &At<'_>, items: &At<'_>, causes: &mut Causes) {
    if keys.items().is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        causes.required(&keys.path, detail);
    }
    if !items.is_set() {
        causes.required(&items.path, "must have a schema if x-kubernetes-list-type is map");
        return;
    }
    let kind = items.field("type");
    if kind.text() != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        causes.invalid(&kind.path, &quoted(kind.text()), detail);
        return;
    }
    let properties = items.field("properties").entries();
    let required = items.field("required").items();
    for key in keys.items() {
        let Some((_, property)) = properties.iter().find(|(name, _)| *name == key.text()) else {
            let detail = "entries must all be names of item properties";
            causes.invalid(&keys.path, &strings(keys.value), detail);
            continue;
        };
        let key_kind = property.field("type");
        if matches!(key_kind.text(), "array" | "object") {
            let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            // The server names the type of the item here.
            causes.invalid(&key_kind.path, &quoted(kind.text()), detail);
        }
        let default = property.field("default");
        if !default.is_set() && !required.iter().any(|name| name.text() == key.text()) {
            causes.required(
                &default.path,
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            );
        }
        if property.field("nullable").is_true() {
            causes.forbidden(
                &property.field("nullable").path,
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            );
        }
    }
}

/// `validateStructuralInvariants`.
fn invariants(at: &At<'_>, level: Level, causes: &mut Causes) {
    let kind = at.field("type");
    if kind.text() == "array" && !at.field("items").is_set() {
        causes.required(&at.field("items").path, "must be specified");
    }
    if level == Level::Root && at.field("additionalProperties").is_set() {
        causes.forbidden(&at.field("additionalProperties").path, "must not be used at the root");
    }
    kind_of(at, level, causes);
    extensions(at, causes);
    for below in narrowing(at) {
        if !is_int_or_string(at, &below) {
            narrows(&below, causes);
        }
    }
    for (below, level) in children(at) {
        invariants(&below, level, causes);
    }
}

/// Every field has a type, and an object of an API is an object.
fn kind_of(at: &At<'_>, level: Level, causes: &mut Causes) {
    let kind = at.field("type");
    let embedded = at.field("x-kubernetes-embedded-resource").is_true();
    let free = at.field("x-kubernetes-int-or-string").is_true()
        || at.field("x-kubernetes-preserve-unknown-fields").is_true();
    let embedding = "must be object if x-kubernetes-embedded-resource is true";
    match (kind.text(), level) {
        ("object", _) => {}
        ("", _) if embedded => causes.required(&kind.path, embedding),
        (other, _) if embedded => causes.invalid(&kind.path, &quoted(other), embedding),
        ("", _) if free => {}
        ("", Level::Root) => causes.required(&kind.path, "must not be empty at the root"),
        ("", Level::Item) => {
            causes.required(&kind.path, "must not be empty for specified array items");
        }
        ("", Level::Field) => {
            causes.required(&kind.path, "must not be empty for specified object fields");
        }
        (other, Level::Root) => {
            causes.invalid(&kind.path, &quoted(other), "must be object at the root");
        }
        _ => {}
    }
    if !embedded && level != Level::Root {
        return;
    }
    let properties = at.field("properties").entries();
    let property = |field: &str| properties.iter().find(|(name, _)| *name == field);
    for (field, expected) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")]
    {
        if let Some((_, property)) = property(field)
            && property.field("type").text() != expected
        {
            let kind = property.field("type");
            let detail = format!("must be {expected}");
            causes.invalid(&kind.path, &quoted(kind.text()), &detail);
        }
    }
    if let Some((_, metadata)) = property("metadata")
        && level == Level::Root
        && !is_restricted_to_names(metadata)
    {
        causes.forbidden(
            &metadata.path,
            "must not specify anything other than name and generateName, but metadata is implicitly specified",
        );
    }
}

/// Whether a schema of metadata says nothing but what a name may be.
fn is_restricted_to_names(metadata: &At<'_>) -> bool {
    let names = |field: &str| matches!(field, "name" | "generateName");
    metadata.entries().into_iter().all(|(field, below)| match field {
        "type" | "default" => true,
        "properties" => below.entries().iter().all(|(field, _)| names(field)),
        _ => false,
    })
}

fn extensions(at: &At<'_>, causes: &mut Causes) {
    let preserve = at.field("x-kubernetes-preserve-unknown-fields");
    let embedded = at.field("x-kubernetes-embedded-resource");
    if at.field("x-kubernetes-int-or-string").is_true() {
        for at in [&preserve, &embedded].into_iter().filter(|at| at.is_true()) {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            causes.invalid(&at.path, "true", detail);
        }
    }
    if embedded.is_true() {
        let extra = at.field("additionalProperties");
        if extra.is_set() {
            let detail = "must not be used if x-kubernetes-embedded-resource is set";
            causes.forbidden(&extra.path, detail);
        }
        let properties = at.field("properties");
        if !preserve.is_true() && properties.entries().is_empty() {
            causes.required(
                &properties.path,
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
            );
        }
    }
}

/// The one pattern in which a narrowing schema may state types: an integer or a string.
fn is_int_or_string(at: &At<'_>, below: &At<'_>) -> bool {
    let pattern = json!([{"type": "integer"}, {"type": "string"}]);
    let is_pattern = |at: &At<'_>| at.field("anyOf").value == Some(&pattern);
    let is_first_of_all =
        || at.field("allOf").items().first().is_some_and(|first| first.path == below.path);
    (is_pattern(at) && below.path.starts_with(&format!("{}.anyOf[", at.path)))
        || (is_pattern(below) && is_first_of_all())
}

/// `validateNestedValueValidation`: what only narrows values specifies nothing.
fn narrows(at: &At<'_>, causes: &mut Causes) {
    for field in ["type", "title", "description"] {
        if !at.field(field).text().is_empty() {
            causes.forbidden(&at.field(field).path, "must be empty to be structural");
        }
    }
    for field in ["additionalProperties", "default", "x-kubernetes-list-type"] {
        if at.field(field).is_set() {
            causes.forbidden(&at.field(field).path, "must be undefined to be structural");
        }
    }
    for field in [
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ] {
        if at.field(field).is_true() {
            causes.forbidden(&at.field(field).path, "must be false to be structural");
        }
    }
    if !at.field("x-kubernetes-list-map-keys").items().is_empty() {
        let keys = at.field("x-kubernetes-list-map-keys").path;
        causes.forbidden(&keys, "must be empty to be structural");
    }
    for (name, property) in at.field("properties").entries() {
        if name == "metadata" {
            causes.forbidden(&property.path, "must not be specified in a nested context");
        }
    }
    let below =
        children(at).into_iter().filter(|(at, _)| !at.path.ends_with("additionalProperties"));
    for below in below.map(|(at, _)| at).chain(narrowing(at)) {
        narrows(&below, causes);
    }
}
