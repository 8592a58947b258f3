//! The schemas that diffs and the local preflight go by: the server's own OpenAPI v3 documents, of
//! the groups and versions in use only. A server without them is taken to be as the built-in table
//! says. Definitions that the render itself brings count before they are established.

use std::collections::BTreeSet;

use merge::schema::Schemas;
use merge::{GroupVersionKind, Manifest};
use serde_json::Value;

use crate::client::{Call, Client, RequestError, Why};

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
    let paths = versions.iter().filter_map(|version| {
        let key = if version.contains('/') {
            format!("apis/{version}")
        } else {
            format!("api/{version}")
        };
        Some(index.get("paths")?.get(key)?.get("serverRelativeURL")?.as_str()?.to_owned())
    });
    let documents =
        futures::future::try_join_all(paths.map(|path| async move { get(client, &path).await }))
            .await?;
    let schemas = match Schemas::from_documents(&documents) {
        Ok(schemas) => Schemas::builtin().extended(&schemas),
        Err(error) => {
            tracing::warn!(%error, "the server's OpenAPI documents cannot be used; going by the built-in ones");
            Schemas::builtin()
        }
    };
    Ok(with_definitions(schemas, desired))
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
