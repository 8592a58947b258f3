//! Lists, page by page. A kind is listed in each namespace of its objects while these are few, and
//! over the whole cluster otherwise, where the credential allows that.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::{Call, Client, RequestError, Status, Why};
use crate::discovery::{Resource, escaped};

/// Up to this many namespaces are listed one by one.
const FEW: usize = 3;

/// The most objects in one page: each page waits for the one before, and what a page costs the server
/// grows with its objects, not with their pages.
const PAGE: usize = 2000;

/// How often a list is begun that grew too old between two of its pages.
const ATTEMPTS: usize = 4;

/// One list that was read, and from where its watch goes on.
#[derive(Debug, Clone)]
pub struct Listing {
    /// What was listed.
    pub resource: Resource,
    /// Where; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// The resourceVersion the list is of.
    pub version: String,
}

impl Listing {
    /// The path of the collection.
    pub fn path(&self) -> String {
        self.resource.path(self.namespace.as_deref(), None)
    }

    /// What it is, for errors.
    pub fn what(&self, verb: &str) -> String {
        let plural = &self.resource.plural;
        match &self.namespace {
            Some(namespace) => format!("{verb} {plural} in {namespace}"),
            None => format!("{verb} {plural}"),
        }
    }
}

/// Reads a kind where its objects are expected.
pub async fn list_where(
    client: &Client,
    resource: &Resource,
    namespaces: &BTreeSet<String>,
) -> Result<Vec<(Listing, Vec<Value>)>, RequestError> {
    if !resource.namespaced {
        return Ok(vec![list(client, resource, None).await?]);
    }
    if namespaces.len() > FEW {
        match list(client, resource, None).await {
            Ok(listed) => return Ok(vec![listed]),
            // A credential for some namespaces may not look at all of them.
            Err(error) if matches!(error.why, Why::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let lists = namespaces.iter().map(|namespace| list(client, resource, Some(namespace)));
    futures::future::try_join_all(lists).await
}

/// Reads one collection.
pub async fn list(
    client: &Client,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<(Listing, Vec<Value>), RequestError> {
    let mut listing = Listing {
        resource: resource.clone(),
        namespace: namespace.map(str::to_owned),
        version: String::new(),
    };
    let mut objects = Vec::new();
    let mut next = String::new();
    let mut attempts = 1;
    loop {
        let mut uri = format!("{}?limit={PAGE}", listing.path());
        if !next.is_empty() {
            uri.push_str("&continue=");
            uri.push_str(&escaped(&next));
        }
        let mut page = match client.call(Call::get(listing.what("list"), uri)).await {
            Ok(page) => page,
            // The list grew too old between two pages: from the start. A server whose history is always
            // shorter than a list takes will not do better the next time.
            Err(error) if error.is(410) && !next.is_empty() && attempts < ATTEMPTS => {
                attempts += 1;
                objects.clear();
                next.clear();
                continue;
            }
            Err(error) if error.is(410) && !next.is_empty() => return Err(outlived(&listing)),
            Err(error) => return Err(error),
        };
        let metadata = page.get("metadata");
        let field = |name: &str| {
            metadata.and_then(|it| it.get(name)?.as_str()).unwrap_or_default().to_owned()
        };
        next = field("continue");
        listing.version = field("resourceVersion");
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            objects.extend(items.into_iter().map(|item| named(item, resource)));
        }
        if next.is_empty() {
            return Ok((listing, objects));
        }
    }
}

/// What is said of a list that never lasts until its last page.
fn outlived(listing: &Listing) -> RequestError {
    let why = Why::Answered(Box::new(Status {
        code: 410,
        reason: "Expired".to_owned(),
        message: format!(
            "it was begun {ATTEMPTS} times, and each time the server forgot it before its last page: \
             its history is compacted too fast, or too much is written to it"
        ),
        ..Status::default()
    }));
    RequestError::new(listing.what("list"), why)
}

/// Items of a typed list do not say what they are.
fn named(mut item: Value, resource: &Resource) -> Value {
    if let Some(map) = item.as_object_mut() {
        map.entry("apiVersion").or_insert_with(|| resource.gvk.api_version().into());
        map.entry("kind").or_insert_with(|| resource.gvk.kind.clone().into());
    }
    item
}
