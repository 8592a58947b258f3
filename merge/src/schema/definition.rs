//! A CustomResourceDefinition's schemas, as its OpenAPI document would state them.
//!
//! The server publishes a definition's `openAPIV3Schema` with `apiVersion`, `kind` and `metadata`
//! added to the root and to every embedded resource (apiextensions' `builder.BuildOpenAPIV3`). The
//! same is done here, so that one reader serves both.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::SchemaError;
use super::read::Reader;
use super::types::{DEDUCED, Kind, KindKey, Layer, Scope};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The layer of every served version of a definition.
pub(super) fn layer(crd: &Value) -> Result<Layer, SchemaError> {
    let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or("without a name").to_owned();
    let wrong = |what: &'static str| SchemaError::BadDefinition { name: name.clone(), what };
    let group = text("/spec/group").ok_or_else(|| wrong("spec.group is missing"))?;
    let kind = text("/spec/names/kind").ok_or_else(|| wrong("spec.names.kind is missing"))?;
    let scope = match text("/spec/scope") {
        Some("Namespaced") => Scope::Namespaced,
        Some("Cluster") => Scope::Cluster,
        _ => return Err(wrong("spec.scope is neither Namespaced nor Cluster")),
    };
    let versions = crd
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong("spec.versions is missing"))?;
    let preserve = crd.pointer("/spec/preserveUnknownFields") == Some(&Value::Bool(true));
    let mut roots: Vec<(KindKey, String, Value, Kind)> = Vec::new();
    for version in versions {
        let served = version.get("served").and_then(Value::as_bool) != Some(false);
        let Some(called) = version.get("name").and_then(Value::as_str).filter(|_| served) else {
            continue;
        };
        let schema = version.pointer("/schema/openAPIV3Schema");
        let mut root = schema.cloned().unwrap_or_else(|| json!({"type": "object"}));
        if (preserve || schema.is_none())
            && let Some(fields) = root.as_object_mut()
        {
            fields.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
        embed(&mut root);
        add_object_fields(&mut root);
        let kind_of = Kind {
            root: DEDUCED,
            scope: Some(scope),
            status: version.pointer("/subresources/status").is_some(),
            custom: true,
            stored: version.get("storage") == Some(&Value::Bool(true)),
        };
        let name = format!("{group}/{called}/{kind}");
        roots.push((KindKey::new(group, called, kind), name, root, kind_of));
    }
    let metadata = object_meta();
    let mut definitions: BTreeMap<&str, &Value> =
        roots.iter().map(|(_, name, root, _)| (name.as_str(), root)).collect();
    definitions.extend(metadata.iter().map(|(name, schema)| (name.as_str(), schema)));
    let mut reader = Reader::new();
    reader.definitions(&definitions)?;
    for (key, name, _, kind) in &roots {
        reader.kind(key.clone(), name, kind.clone());
    }
    Ok(reader.finish())
}

/// Give every embedded resource below the fields all objects have.
fn embed(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            embed(inner);
        }
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(embed);
    }
    if fields.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        add_object_fields(schema);
    }
}

fn add_object_fields(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    let properties = fields.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
        properties.insert("kind".to_owned(), json!({"type": "string"}));
        properties.insert("metadata".to_owned(), json!({"$ref": OBJECT_META}));
    }
}

/// The definitions `metadata` needs, which no CustomResourceDefinition carries itself.
fn object_meta() -> BTreeMap<String, Value> {
    let name = |short: &str| format!("io.k8s.apimachinery.pkg.apis.meta.v1.{short}");
    let text = json!({"type": "string"});
    let required_text = json!({"type": "string", "default": ""});
    let texts =
        json!({"type": "object", "additionalProperties": {"type": "string", "default": ""}});
    let time = json!({"$ref": name("Time")});
    let flag = json!({"type": "boolean"});
    let number = json!({"type": "integer", "format": "int64"});
    let metadata = json!({"type": "object", "properties": {
        "annotations": texts,
        "creationTimestamp": time,
        "deletionGracePeriodSeconds": number,
        "deletionTimestamp": time,
        "finalizers": {
            "type": "array",
            "items": required_text,
            "x-kubernetes-patch-strategy": "merge"
        },
        "generateName": text,
        "generation": number,
        "labels": texts,
        "managedFields": {"type": "array", "items": {"$ref": name("ManagedFieldsEntry")}},
        "name": text,
        "namespace": text,
        "ownerReferences": {
            "type": "array",
            "items": {"$ref": name("OwnerReference")},
            "x-kubernetes-patch-merge-key": "uid",
            "x-kubernetes-patch-strategy": "merge"
        },
        "resourceVersion": text,
        "selfLink": text,
        "uid": text
    }});
    let owner = json!({
        "type": "object",
        "required": ["apiVersion", "kind", "name", "uid"],
        "properties": {
            "apiVersion": required_text,
            "blockOwnerDeletion": flag,
            "controller": flag,
            "kind": required_text,
            "name": required_text,
            "uid": required_text
        },
        "x-kubernetes-map-type": "atomic"
    });
    let entry = json!({"type": "object", "properties": {
        "apiVersion": text,
        "fieldsType": text,
        "fieldsV1": {"type": "object"},
        "manager": text,
        "operation": text,
        "subresource": text,
        "time": time
    }});
    BTreeMap::from([
        (OBJECT_META.to_owned(), metadata),
        (name("OwnerReference"), owner),
        (name("ManagedFieldsEntry"), entry),
        (name("Time"), json!({"type": "string", "format": "date-time"})),
    ])
}
