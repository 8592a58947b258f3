//! `/openapi/v3`: an index of documents by group and version, each with its hash, and the documents.
//! Those of built-in groups are embedded; those of definitions are made from their schemas.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::Call;
use super::discovery::hex_upper;
use crate::answer::Answer;
use crate::data::DOCUMENTS;
use crate::refusal::Refusal;
use crate::registry::{Registry, Resource};

/// The hash of each embedded document, by its path.
static HASHES: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
    DOCUMENTS.iter().map(|(path, bytes)| (*path, hex_upper(&Sha512::digest(bytes)))).collect()
});

pub(crate) fn answer(call: &Call, registry: &Registry) -> Result<Answer, Refusal> {
    let path = call.path.trim_start_matches("/openapi/v3").trim_matches('/');
    if path.is_empty() {
        return Ok(
            Answer::json(200, &index(registry)).header("content-type", "text/plain; charset=utf-8")
        );
    }
    let (hash, bytes) = document(path, registry).ok_or_else(Refusal::page_not_found)?;
    let etag = format!("\"{hash}\"");
    match call.text("hash") {
        Some(asked) if asked != hash => Ok(Answer::json_status_only(301)
            .header("location", &format!("/openapi/v3/{path}?hash={hash}"))
            .header("etag", &etag)
            .header("vary", "Accept")),
        asked => {
            let answer = Answer::json_bytes(bytes).header("etag", &etag).header("vary", "Accept");
            Ok(match asked {
                Some(_) => answer.header("cache-control", "public, immutable"),
                None => answer,
            })
        }
    }
}

fn document(path: &str, registry: &Registry) -> Option<(String, Bytes)> {
    if let Some((_, compressed)) = DOCUMENTS.iter().find(|(known, _)| *known == path) {
        let mut bytes = Vec::new();
        GzDecoder::new(*compressed).read_to_end(&mut bytes).ok()?;
        return Some((HASHES.get(path)?.clone(), bytes.into()));
    }
    let (group, version) = path.strip_prefix("apis/")?.split_once('/')?;
    let bytes = custom_document(registry, group, version)?.to_string();
    Some((hex_upper(&Sha512::digest(&bytes)), bytes.into()))
}

fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    let mut insert = |path: &str, hash: &str| {
        let url = format!("/openapi/v3/{path}?hash={hash}");
        paths.insert(path.to_owned(), json!({ "serverRelativeURL": url }));
    };
    for (path, hash) in HASHES.iter() {
        insert(path, hash);
    }
    for (group, versions) in registry.groups() {
        if Registry::is_builtin_group(group) {
            continue;
        }
        for version in versions {
            let path = format!("apis/{group}/{version}");
            if let Some((hash, _)) = document(&path, registry) {
                insert(&path, &hash);
            }
        }
    }
    json!({ "paths": paths })
}

/// The document of a version that definitions serve; `None` if none does.
fn custom_document(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for resource in registry.in_version(group, version) {
        let definition = resource.custom.as_ref()?;
        let schema = definition.schema(version).cloned().unwrap_or_else(
            || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        );
        let name = schema_name(resource);
        schemas.insert(name.clone(), kind_schema(resource, schema));
        let list = format!("{name}List");
        schemas.insert(list, list_schema(resource, &name));
        paths.extend(custom_paths(resource, &name));
    }
    if schemas.is_empty() {
        return None;
    }
    schemas.insert(
        META.to_owned(),
        json!({
            "type": "object",
            "description": "ObjectMeta is metadata that all persisted resources must have.",
            "properties": {
                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                "creationTimestamp": {"type": "string", "format": "date-time"},
                "deletionGracePeriodSeconds": {"type": "integer", "format": "int64"},
                "deletionTimestamp": {"type": "string", "format": "date-time"},
                "finalizers": {"type": "array", "items": {"type": "string"},
                    "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
                "generateName": {"type": "string"},
                "generation": {"type": "integer", "format": "int64"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "managedFields": {"type": "array", "items": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}},
                "name": {"type": "string"},
                "namespace": {"type": "string"},
                "ownerReferences": {"type": "array",
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
                    "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge",
                    "items": {"type": "object", "x-kubernetes-map-type": "atomic",
                        "required": ["apiVersion", "kind", "name", "uid"],
                        "properties": {
                            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                            "name": {"type": "string"}, "uid": {"type": "string"},
                            "blockOwnerDeletion": {"type": "boolean"},
                            "controller": {"type": "boolean"}}}},
                "resourceVersion": {"type": "string"},
                "selfLink": {"type": "string"},
                "uid": {"type": "string"},
            },
        }),
    );
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// `com.example.v1.Widget` for `example.com/v1` `Widget`.
fn schema_name(resource: &Resource) -> String {
    let mut parts: Vec<&str> = resource.group.split('.').collect();
    parts.reverse();
    format!("{}.{}.{}", parts.join("."), resource.version, resource.kind)
}

fn gvk_extension(resource: &Resource, kind: &str) -> Value {
    json!([{"group": resource.group, "version": resource.version, "kind": kind}])
}

fn kind_schema(resource: &Resource, mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            gvk_extension(resource, &resource.kind),
        );
        let properties = map.entry("properties").or_insert_with(|| json!({})).as_object_mut();
        if let Some(properties) = properties {
            properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
            properties.insert("kind".to_owned(), json!({"type": "string"}));
            let meta = json!({"allOf": [{"$ref": format!("#/components/schemas/{META}")}]});
            properties.insert("metadata".to_owned(), meta);
        }
    }
    schema
}

fn list_schema(resource: &Resource, name: &str) -> Value {
    let kind = format!("{}List", resource.kind);
    json!({
        "type": "object", "required": ["items"],
        "x-kubernetes-group-version-kind": gvk_extension(resource, &kind),
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "items": {"type": "array", "items": {"$ref": format!("#/components/schemas/{name}")}},
        },
    })
}

/// The operations of a resource, as far as clients look for them: which kind each path is about, and
/// which query parameters a PATCH takes (kubectl asks that before it uses `fieldValidation`).
fn custom_paths(resource: &Resource, name: &str) -> Vec<(String, Value)> {
    let kind = json!({
        "group": resource.group, "version": resource.version, "kind": resource.kind,
    });
    let content = json!({"application/json": {"schema":
        {"$ref": format!("#/components/schemas/{name}")}}});
    let operation = |action: &str| {
        let parameter = |name: &str| {
            json!({"name": name, "in": "query",
            "schema": {"type": "string", "uniqueItems": true}})
        };
        let parameters: Vec<Value> =
            ["dryRun", "fieldManager", "fieldValidation"].map(parameter).to_vec();
        json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
        })
    };
    let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
    let collection =
        format!("/apis/{}/{}/{scope}{}", resource.group, resource.version, resource.plural);
    let object = json!({
        "get": operation("get"), "put": operation("put"),
        "patch": operation("patch"), "delete": operation("delete"),
    });
    vec![
        (format!("{collection}/{{name}}"), object),
        (collection, json!({"get": operation("list"), "post": operation("post")})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_documents_are_the_recorded_ones() {
        let folder = crate::recorded::folder().join("discovery/openapi-v3");
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut embedded: Vec<String> = DOCUMENTS
            .iter()
            .map(|(path, _)| format!("{}.json.gz", path.replace('/', "__")))
            .collect();
        embedded.sort();
        assert_eq!(names, embedded);
        for (path, bytes) in DOCUMENTS {
            let file = folder.join(format!("{}.json.gz", path.replace('/', "__")));
            assert_eq!(std::fs::read(&file).unwrap(), *bytes, "{path}: copy it again");
        }
    }
}
