//! The lists of one reading. Each runs on its own as soon as it is known to be needed, so what a record
//! tells can be read while the render is still at work.

use std::collections::BTreeSet;

use engine::record::Inventory;
use merge::{GroupVersionKind, Manifest};
use serde_json::Value;
use tokio::task::JoinSet;

use super::list::{self, Listing};
use super::{Live, kinds, namespace_states};
use crate::client::{Client, RequestError, Status, Why};
use crate::discovery::Discovery;

/// What is read besides the objects themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What a comparison needs: the namespaces, and the autoscalers that may own replicas.
    Comparison,
    /// What explains health too: pods, ReplicaSets, ControllerRevisions.
    Health,
}

/// What one list brought.
struct Listed {
    gvk: GroupVersionKind,
    lists: Result<Vec<(Listing, Vec<Value>)>, RequestError>,
}

/// Lists that are under way. They end when it is dropped.
pub struct Reader {
    client: Client,
    discovery: Discovery,
    depth: Depth,
    lists: JoinSet<Listed>,
    /// Where each kind is listed already; cluster-wide kinds have no namespaces.
    begun: kinds::Kinds,
}

impl Reader {
    /// One that knows what the server serves; the namespaces are listed at once.
    pub fn new(client: &Client, discovery: &Discovery, depth: Depth) -> Self {
        let mut reader = Self {
            client: client.clone(),
            discovery: discovery.clone(),
            depth,
            lists: JoinSet::new(),
            begun: kinds::Kinds::new(),
        };
        reader.list(&namespaces(), &BTreeSet::new());
        reader
    }

    /// Begins to list whatever these need and is not listed yet.
    pub fn want(&mut self, desired: &[Manifest], inventory: &Inventory) {
        let in_use = kinds::in_use(desired, inventory, &self.discovery);
        for (gvk, namespaces) in kinds::relatives(&in_use, self.depth).into_iter().chain(in_use) {
            self.list(&gvk, &namespaces);
        }
    }

    fn list(&mut self, gvk: &GroupVersionKind, namespaces: &BTreeSet<String>) {
        let Some(resource) = self.discovery.resource(gvk).cloned() else { return };
        let is_new = !self.begun.contains_key(gvk);
        let begun = self.begun.entry(gvk.clone()).or_default();
        let rest: BTreeSet<String> = namespaces.difference(begun).cloned().collect();
        if rest.is_empty() && (resource.namespaced || !is_new) {
            return;
        }
        begun.extend(rest.iter().cloned());
        let (client, gvk) = (self.client.clone(), gvk.clone());
        self.lists.spawn(async move {
            Listed { gvk, lists: list::list_where(&client, &resource, &rest).await }
        });
    }

    /// Waits for all lists; what is neither desired nor recorded, nor belongs to what is, is dropped.
    pub async fn finish(
        mut self,
        desired: &[Manifest],
        inventory: &Inventory,
    ) -> Result<Live, RequestError> {
        self.want(desired, inventory);
        let mut live = Live::wanting(desired, inventory);
        let in_use = kinds::in_use(desired, inventory, &self.discovery);
        away(&self.discovery, &in_use)?;
        let owns_namespaces =
            live.wanted.keys().any(|id| id.kind == "Namespace" && id.group.is_empty());
        let namespaces = namespaces();
        while let Some(listed) = self.lists.join_next().await {
            // A list that was dropped or failed to run would look like an empty cluster.
            let Listed { gvk, lists } = listed.map_err(|error| broken(&error))?;
            let needed = in_use.contains_key(&gvk) || (owns_namespaces && gvk == namespaces);
            let lists = if needed { lists? } else { allowed(lists)? };
            if gvk == namespaces {
                live.cluster.namespaces = namespace_states(&lists);
            }
            for (listing, objects) in lists {
                for object in objects {
                    live.upsert(object);
                }
                if needed || gvk != namespaces {
                    live.listings.push(listing);
                }
            }
        }
        let kinds = self.discovery.resources().map(|resource| resource.gvk.clone());
        live.cluster.kinds = Some(kinds.collect());
        Ok(live)
    }
}

fn namespaces() -> GroupVersionKind {
    GroupVersionKind::new("v1", "Namespace")
}

/// What is only looked at to explain more may be forbidden.
fn allowed<T: Default>(listed: Result<T, RequestError>) -> Result<T, RequestError> {
    match listed {
        Err(error) if matches!(error.why, Why::Forbidden(_)) => {
            tracing::warn!(%error, "going on without");
            Ok(T::default())
        }
        other => other,
    }
}

/// Refuses to judge objects whose server cannot be asked: they would look like objects of a kind that
/// does not exist.
fn away(discovery: &Discovery, kinds: &kinds::Kinds) -> Result<(), RequestError> {
    for gvk in kinds.keys() {
        if let Some(service) = discovery.away(gvk) {
            let why = Why::Answered(Box::new(Status {
                code: 503,
                reason: "ServiceUnavailable".to_owned(),
                message: format!(
                    "the aggregated API that serves it does not answer; see kubectl describe \
                     apiservice {service}"
                ),
                ..Status::default()
            }));
            return Err(RequestError::new(format!("list objects of the kind {gvk}"), why));
        }
    }
    Ok(())
}

fn broken(error: &tokio::task::JoinError) -> RequestError {
    RequestError::new("list what the cluster has", Why::Garbled(error.to_string()))
}
