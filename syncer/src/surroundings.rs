//! What else has a say in what becomes of an applied object: the server's version, its mutating
//! admission, the definitions of custom kinds. Lists of metadata only, no bodies; what may not be
//! read, or is not served, is not known, and that ends no vouching.
//!
//! Validating webhooks and policies refuse and never change, so nobody reads them here.

use std::collections::BTreeSet;

use engine::vouch::Server;
use merge::schema::Schemas;
use merge::{GroupVersionKind, Manifest};
use serde_json::{Value, json};

use crate::client::{Call, Client};
use crate::discovery::Discovery;

/// Metadata of each object is all that is asked for.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// The kinds that change what is applied.
const MUTATING: [(&str, &str); 3] = [
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
];

/// Reads them, for these objects.
pub async fn read(client: &Client, discovery: &Discovery, desired: &[Manifest]) -> Server {
    let builtin = Schemas::builtin();
    let kinds = desired.iter().map(|it| &it.gvk).filter(|gvk| !builtin.knows(gvk));
    let custom: BTreeSet<GroupVersionKind> = kinds.cloned().collect();
    let version = async {
        let answer = client.call(Call::get("read the server's version", "/version")).await.ok()?;
        Some(answer.get("gitVersion")?.as_str()?.to_owned())
    };
    let mutating = futures::future::join_all(
        MUTATING.map(|(group, kind)| metadata(client, discovery, group, kind)),
    );
    let definitions = async {
        if custom.is_empty() {
            return None;
        }
        let group = "apiextensions.k8s.io";
        metadata(client, discovery, group, "CustomResourceDefinition").await
    };
    let (version, mutating, definitions) = futures::join!(version, mutating, definitions);
    // A policy that a server does not know changes nothing there; a list that we may not have is
    // something we do not know.
    let known: Option<Vec<Vec<Value>>> = mutating.into_iter().collect();
    let mut admission = known.iter().flatten().flatten();
    let definitions: Vec<Value> = definitions
        .iter()
        .flatten()
        .filter_map(|definition| defining(definition, discovery, &custom))
        .collect();
    Server::new(
        version.as_deref(),
        known.is_some().then_some(&mut admission as &mut dyn Iterator<Item = &Value>),
        &definitions,
    )
}

/// The metadata of every object of a kind, each with its kind; `None` if it may not be had.
async fn metadata(
    client: &Client,
    discovery: &Discovery,
    group: &str,
    kind: &str,
) -> Option<Vec<Value>> {
    let Some(resource) = discovery.preferred(group, kind) else { return Some(Vec::new()) };
    let uri = format!("{}?limit=5000", resource.path(None, None));
    let mut call = Call::get(format!("list {}", resource.plural), uri);
    call.accept = Some(METADATA);
    match client.call(call).await {
        Ok(list) => Some(items(list, kind)),
        Err(error) => {
            tracing::debug!(%error, "going on without");
            None
        }
    }
}

/// The items of a list, each with its kind. A server writes an empty list of metadata as `null`.
fn items(mut list: Value, kind: &str) -> Vec<Value> {
    let Some(Value::Array(mut items)) = list.get_mut("items").map(Value::take) else {
        return Vec::new();
    };
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        item.insert("kind".to_owned(), Value::String(kind.to_owned()));
    }
    items
}

/// A definition of which only the metadata was read, with what its name says it defines.
fn defining(
    metadata: &Value,
    discovery: &Discovery,
    custom: &BTreeSet<GroupVersionKind>,
) -> Option<Value> {
    let (plural, group) = merge::object::name(metadata)?.split_once('.')?;
    let kind = custom.iter().find(|gvk| {
        gvk.group == group && discovery.resource(gvk).is_some_and(|it| it.plural == plural)
    })?;
    let mut definition = metadata.clone();
    let fields = definition.as_object_mut()?;
    fields.insert("spec".to_owned(), json!({"group": group, "names": {"kind": kind.kind}}));
    Some(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_known_to_be_empty() {
        let null = json!({"kind": "PartialObjectMetadataList", "items": null});
        assert_eq!(items(null, "Policy"), [] as [Value; 0]);
        let one = json!({"items": [{"kind": "PartialObjectMetadata", "metadata": {"name": "a"}}]});
        let named = json!({"kind": "Policy", "metadata": {"name": "a"}});
        assert_eq!(items(one, "Policy"), [named]);
    }

    #[test]
    fn a_definitions_name_says_what_it_defines() {
        let discovery = Discovery::of_kinds(&[("shop.example/v1", "Basket")]);
        let custom = BTreeSet::from([GroupVersionKind::new("shop.example/v1", "Basket")]);
        let of = |name: &str| {
            defining(&json!({"metadata": {"name": name}}), &discovery, &custom)
                .map(|it| it["spec"].clone())
        };
        let spec = json!({"group": "shop.example", "names": {"kind": "Basket"}});
        assert_eq!(of("baskets.shop.example"), Some(spec));
        assert_eq!(of("boxes.shop.example"), None);
        assert_eq!(of("baskets.blog.example"), None);
    }
}
