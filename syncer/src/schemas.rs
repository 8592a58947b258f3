//! The schemas that diffs and the local preflight go by: the server's own OpenAPI v3 documents, of
//! the groups and versions in use only. A server without them is taken to be as the built-in table
//! says. Definitions that the render itself brings count before they are established.
//!
//! The server's index names each document with the hash of its content, so a document is fetched and
//! read once for each content ([`cache`]); after that the index alone is asked for.

pub mod cache;
mod folder;

use std::collections::BTreeSet;

use merge::schema::Schemas;
use merge::{GroupVersionKind, Manifest};
use serde_json::Value;

use crate::client::{Call, Client, RequestError, Why};
use cache::Key;
pub use cache::SchemaCache;

/// The built-in schemas with the render's own definitions.
pub fn offline(desired: &[Manifest]) -> Schemas {
    with_definitions(Schemas::builtin(), desired)
}

/// The server's schemas of the kinds in use, with the render's own definitions.
pub async fn of_server(
    client: &Client,
    kinds: &BTreeSet<GroupVersionKind>,
    desired: &[Manifest],
) -> Result<Schemas, RequestError> {
    let index = match get(client, "/openapi/v3").await {
        Ok(index) => index,
        // Not served, or not to this credential.
        Err(error) if error.is(404) || matches!(error.why, Why::Forbidden(_)) => {
            return Ok(offline(desired));
        }
        Err(error) => return Err(error),
    };
    let versions: BTreeSet<String> = kinds.iter().map(GroupVersionKind::api_version).collect();
    let documents = versions.iter().filter_map(|version| document_of(&index, version));
    let read = documents.map(|uri| async move { read(client, &uri).await });
    let read = futures::future::try_join_all(read).await?;
    let schemas = read.iter().flatten().fold(Schemas::builtin(), |all, one| all.extended(one));
    Ok(with_definitions(schemas, desired))
}

/// Where the index says that the document of a group and version is.
fn document_of(index: &Value, version: &str) -> Option<String> {
    let root = if version.contains('/') { "apis" } else { "api" };
    let listed = index.get("paths")?.get(format!("{root}/{version}"))?;
    Some(listed.get("serverRelativeURL")?.as_str()?.to_owned())
}

/// The schemas of one document; `None` if it makes none, and then the built-in ones have to do.
async fn read(client: &Client, uri: &str) -> Result<Option<Schemas>, RequestError> {
    let key = key_of(client.server(), uri);
    if let Some(known) = key.as_ref().and_then(|key| client.schemas().get(key)) {
        return Ok(Some(known));
    }
    let document = match get(client, uri).await {
        Ok(document) => document,
        // An aggregated API whose own server does not tell, or is away: what it serves is merged by
        // what its values look like, and the server is asked.
        Err(error) if matches!(error.code(), Some(403 | 404 | 500..=599)) => {
            tracing::warn!(%error, "going on without");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    match Schemas::from_documents([&document]) {
        Ok(schemas) => {
            if let Some(key) = &key {
                client.schemas().put(key, &schemas);
            }
            Ok(Some(schemas))
        }
        Err(error) => {
            tracing::warn!(%error, uri, "the server's OpenAPI document cannot be used");
            Ok(None)
        }
    }
}

/// What the content at an address of the index is kept under, if the index names a content.
fn key_of(server: &str, uri: &str) -> Option<Key> {
    let (path, query) = uri.split_once('?')?;
    let hash = query.split('&').find_map(|pair| pair.strip_prefix("hash="))?;
    // A line of a file holds each of them.
    let plain = |text: &&str| !text.is_empty() && !text.contains('\n');
    let (path, hash) = (Some(path).filter(plain)?, Some(hash).filter(plain)?);
    Some(Key { server: server.to_owned(), path: path.to_owned(), hash: hash.to_owned() })
}

async fn get(client: &Client, path: &str) -> Result<Value, RequestError> {
    client.call(Call::get(format!("read the schemas at {path}"), path)).await
}

/// A definition that cannot be read is told by the check of the definition itself.
fn with_definitions(schemas: Schemas, desired: &[Manifest]) -> Schemas {
    desired.iter().filter(|manifest| is_definition(manifest)).fold(schemas, |schemas, manifest| {
        schemas.with_definition(&manifest.body).unwrap_or(schemas)
    })
}

/// Whether a manifest is a CustomResourceDefinition.
pub fn is_definition(manifest: &Manifest) -> bool {
    manifest.gvk.group == "apiextensions.k8s.io" && manifest.gvk.kind == "CustomResourceDefinition"
}

/// The kinds that a definition brings.
pub fn defined_kinds(definition: &Value) -> Vec<GroupVersionKind> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else {
        return Vec::new();
    };
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served").and_then(Value::as_bool) == Some(true))
        .filter_map(|version| version.get("name")?.as_str())
        .map(|version| GroupVersionKind {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_index_says_where_a_document_is_and_which_content_it_has() {
        let index = json!({"paths": {
            "api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=AB12"},
            "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1"}}});
        let core = document_of(&index, "v1").unwrap();
        let key = key_of("https://one", &core).unwrap();
        assert_eq!((key.path.as_str(), key.hash.as_str()), ("/openapi/v3/api/v1", "AB12"));
        let apps = document_of(&index, "apps/v1").unwrap();
        assert_eq!(key_of("https://one", &apps), None, "nothing tells one content from the next");
        assert_eq!(document_of(&index, "batch/v1"), None);
    }

    #[test]
    fn a_definition_brings_its_served_versions() {
        let definition = json!({"spec": {"group": "shop.example", "names": {"kind": "Basket"},
            "versions": [{"name": "v1", "served": true}, {"name": "v1beta1", "served": false}]}});
        assert_eq!(
            defined_kinds(&definition),
            [GroupVersionKind::new("shop.example/v1", "Basket")]
        );
        assert!(defined_kinds(&json!({})).is_empty());
    }
}
