//! What the cluster has of one application: lists first, then, where something must be awaited, what
//! the watches say.
//!
//! [`read`] is also how `plan`, `diff` and `health` see a cluster. It sends lists only: one a kind in
//! use (and namespace, while these are few), one of the namespaces, and lists of pods, ReplicaSets
//! and ControllerRevisions where the application has workloads, or claims that pods may use. No object is ever asked for by name.

pub mod family;
pub mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::health::{Health, Related, assess};
use engine::plan::{Cluster, NamespaceState};
use engine::record::Inventory;
use merge::{GroupVersionKind, Manifest, ObjectId};
use serde_json::Value;

use crate::client::{Client, RequestError, Why};
use crate::discovery::{Discovery, Resource};
use family::{Family, Relative};
pub use list::Listing;

/// The objects of one application and what belongs to them.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Every desired and every recorded object that exists, and the autoscalers of their namespaces.
    pub objects: BTreeMap<ObjectId, Arc<Value>>,
    /// Namespaces and served kinds.
    pub cluster: Cluster,
    /// The lists that were read, from which watches go on.
    pub listings: Vec<Listing>,
    family: Family,
    /// The objects that are kept of what is listed and watched.
    wanted: BTreeSet<ObjectId>,
    by_uid: BTreeMap<String, ObjectId>,
}

/// What an event changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    /// A wanted object is there, or another, or what belongs to it changed.
    Root(ObjectId),
    /// A wanted object is gone.
    Gone {
        /// The object.
        id: ObjectId,
        /// The uid it had.
        uid: String,
    },
}

/// Reads what the cluster has of the desired and the recorded objects.
pub async fn read(
    client: &Client,
    discovery: &Discovery,
    desired: &[Manifest],
    inventory: &Inventory,
) -> Result<Live, RequestError> {
    let mut live = Live::wanting(desired, inventory);
    let kinds = kinds_in_use(desired, inventory, discovery);
    let known = |gvk: &GroupVersionKind| discovery.resource(gvk).cloned();
    let wanted = kinds.iter().filter_map(|(gvk, namespaces)| Some((known(gvk)?, namespaces)));
    let relatives = relatives(&kinds);
    let related = relatives.iter().filter_map(|(gvk, namespaces)| Some((known(gvk)?, namespaces)));
    let namespace = GroupVersionKind::new("v1", "Namespace");
    let namespaces = known(&namespace);
    let owns_namespaces =
        live.wanted.iter().any(|id| id.kind == "Namespace" && id.group.is_empty());
    let (wanted, related, namespaces) = futures::try_join!(
        futures::future::try_join_all(wanted.map(|(resource, namespaces)| async move {
            list::list_where(client, &resource, namespaces).await
        })),
        futures::future::try_join_all(related.map(|(resource, namespaces)| async move {
            allowed(list::list_where(client, &resource, namespaces).await)
        })),
        async {
            match &namespaces {
                Some(resource) => {
                    let listed = list::list_where(client, resource, &BTreeSet::new()).await;
                    if owns_namespaces { listed } else { allowed(listed) }
                }
                None => Ok(Vec::new()),
            }
        },
    )?;
    live.cluster.kinds = Some(discovery.resources().map(|resource| resource.gvk.clone()).collect());
    live.cluster.namespaces = namespace_states(&namespaces);
    for (listing, objects) in wanted.into_iter().chain(related).flatten() {
        for object in objects {
            live.upsert(object);
        }
        live.listings.push(listing);
    }
    for (listing, objects) in namespaces {
        for object in objects {
            live.upsert(object);
        }
        if owns_namespaces {
            live.listings.push(listing);
        }
    }
    Ok(live)
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

/// Each kind in use, with the namespaces of its objects. A kind that Git writes in another version
/// than it was recorded in is read once, in Git's; one that is no longer served in the version it was
/// recorded in, in the one the server prefers.
fn kinds_in_use(
    desired: &[Manifest],
    inventory: &Inventory,
    discovery: &Discovery,
) -> BTreeMap<GroupVersionKind, BTreeSet<String>> {
    let mut kinds: BTreeMap<GroupVersionKind, BTreeSet<String>> = BTreeMap::new();
    let mut versions: BTreeMap<(String, String), GroupVersionKind> = BTreeMap::new();
    let wanted = desired.iter().map(|manifest| (&manifest.id, manifest.gvk.clone()));
    let recorded = inventory.entries.iter().map(|(id, entry)| {
        let gvk = GroupVersionKind::new(&entry.api_version, &id.kind);
        let served = discovery.served(&gvk).map(|resource| resource.gvk.clone());
        (id, served.unwrap_or(gvk))
    });
    for (id, gvk) in wanted.chain(recorded) {
        let gvk = versions.entry((id.group.clone(), id.kind.clone())).or_insert(gvk);
        kinds.entry(gvk.clone()).or_default().extend(id.namespace.clone());
    }
    // The namespaces are listed anyway.
    kinds.remove(&GroupVersionKind::new("v1", "Namespace"));
    kinds
}

/// The kinds that explain the health of what is in use, and the autoscalers that may own its replicas,
/// with the namespaces to read them in. A kind in use itself is read as such.
fn relatives(
    kinds: &BTreeMap<GroupVersionKind, BTreeSet<String>>,
) -> BTreeMap<GroupVersionKind, BTreeSet<String>> {
    /// Group and kind.
    type Of = (&'static str, &'static str);
    const PODS_OF: [Of; 6] = [
        ("", "PersistentVolumeClaim"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    ];
    const EXPLAIN: [(&str, &str, &[Of]); 4] = [
        ("v1", "Pod", &PODS_OF),
        ("apps/v1", "ReplicaSet", &[("apps", "Deployment")]),
        ("apps/v1", "ControllerRevision", &[("apps", "StatefulSet"), ("apps", "DaemonSet")]),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            &[("apps", "Deployment"), ("apps", "StatefulSet")],
        ),
    ];
    let mut related: BTreeMap<GroupVersionKind, BTreeSet<String>> = BTreeMap::new();
    for (api_version, kind, of) in EXPLAIN {
        let namespaces: BTreeSet<String> = kinds
            .iter()
            .filter(|(gvk, _)| of.contains(&(gvk.group.as_str(), gvk.kind.as_str())))
            .flat_map(|(_, namespaces)| namespaces.iter().cloned())
            .collect();
        let gvk = GroupVersionKind::new(api_version, kind);
        let in_use = |known: &&GroupVersionKind| known.group == gvk.group && known.kind == gvk.kind;
        let read = kinds.keys().find(in_use).and_then(|known| kinds.get(known));
        let rest: BTreeSet<String> = namespaces
            .into_iter()
            .filter(|it| read.is_none_or(|read| !read.contains(it)))
            .collect();
        if !rest.is_empty() {
            related.insert(gvk, rest);
        }
    }
    related
}

fn namespace_states(listed: &[(Listing, Vec<Value>)]) -> Option<BTreeMap<String, NamespaceState>> {
    let (_, objects) = listed.first()?;
    let state = |object: &Value| {
        let terminating = object.pointer("/metadata/deletionTimestamp").is_some()
            || object.pointer("/status/phase").and_then(Value::as_str) == Some("Terminating");
        if terminating { NamespaceState::Terminating } else { NamespaceState::Active }
    };
    Some(
        objects
            .iter()
            .filter_map(|object| Some((merge::object::name(object)?.to_owned(), state(object))))
            .collect(),
    )
}

impl Live {
    /// An empty one that keeps the desired and the recorded objects of what it is told.
    pub fn wanting(desired: &[Manifest], inventory: &Inventory) -> Self {
        let wanted = desired.iter().map(|manifest| manifest.id.clone());
        let recorded = inventory.entries.keys().cloned();
        Self { wanted: wanted.chain(recorded).collect(), ..Self::default() }
    }

    /// Takes an object in; says which wanted objects that concerns.
    pub fn upsert(&mut self, object: Value) -> Vec<Affected> {
        let Some(id) = ObjectId::of(&object) else { return Vec::new() };
        if self.objects.get(&id).is_some_and(|known| family::is_older(&object, known)) {
            return Vec::new();
        }
        let object = Arc::new(object);
        let mut affected = Vec::new();
        if let Some(relative) = Relative::of(&object) {
            self.family.insert(relative, Arc::clone(&object));
            affected.extend(self.concerned_by(&object));
        }
        let autoscaler = id.kind == "HorizontalPodAutoscaler" && id.group == "autoscaling";
        if self.wanted.contains(&id) || autoscaler {
            if let Some(uid) = merge::object::uid(&object) {
                self.by_uid.insert(uid.to_owned(), id.clone());
            }
            self.objects.insert(id.clone(), object);
            if self.wanted.contains(&id) {
                affected.push(Affected::Root(id));
            }
        }
        affected
    }

    /// Forgets an object; says which wanted objects that concerns. The event of an older object of
    /// the same name changes nothing.
    pub fn remove(&mut self, object: &Value) -> Vec<Affected> {
        let Some(id) = ObjectId::of(object) else { return Vec::new() };
        let uid = merge::object::uid(object).unwrap_or_default();
        let mut affected: Vec<_> = self.concerned_by(object).collect();
        self.family.remove(uid);
        let current = self.objects.get(&id).and_then(|it| merge::object::uid(it));
        if current == Some(uid) {
            self.objects.remove(&id);
            self.by_uid.remove(uid);
            if self.wanted.contains(&id) {
                affected.push(Affected::Gone { id, uid: uid.to_owned() });
            }
        }
        affected
    }

    /// Takes in a list that was read again: what it does not have is gone.
    pub fn relisted(&mut self, listing: &Listing, objects: Vec<Value>) -> Vec<Affected> {
        let listed: BTreeSet<String> =
            objects.iter().filter_map(merge::object::uid).map(str::to_owned).collect();
        let gvk = &listing.resource.gvk;
        let inside = |id: &ObjectId| {
            id.group == gvk.group
                && id.kind == gvk.kind
                && listing.namespace.as_ref().is_none_or(|it| id.namespace.as_ref() == Some(it))
        };
        let gone: Vec<Arc<Value>> = self
            .objects
            .iter()
            .filter(|(id, _)| inside(id))
            .filter(|(_, it)| merge::object::uid(it).is_none_or(|uid| !listed.contains(uid)))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        let mut affected: Vec<_> = gone.iter().flat_map(|object| self.remove(object)).collect();
        let probe = serde_json::json!({"apiVersion": gvk.api_version(), "kind": gvk.kind});
        if let Some(relative) = Relative::of(&probe) {
            let gone = self.family.retain(relative, listing.namespace.as_deref(), &listed);
            affected.extend(gone.iter().flat_map(|object| self.concerned_by(object)));
        }
        affected.extend(objects.into_iter().flat_map(|object| self.upsert(object)));
        affected
    }

    /// The wanted objects whose health an object bears on: the root it belongs to, and the claims it
    /// uses.
    fn concerned_by(&self, object: &Value) -> impl Iterator<Item = Affected> + use<'_> {
        let ancestors = self.family.ancestors(object);
        let root = ancestors.iter().rev().find_map(|uid| self.by_uid.get(uid)).cloned();
        let claims: Vec<ObjectId> = family::claims_used(object)
            .map(|(namespace, name)| ObjectId {
                group: String::new(),
                kind: "PersistentVolumeClaim".to_owned(),
                namespace: Some(namespace),
                name,
            })
            .collect();
        let wanted = root.into_iter().chain(claims).filter(|id| self.wanted.contains(id));
        wanted.map(Affected::Root)
    }

    /// The health of an object as it is known.
    pub fn health(&self, id: &ObjectId) -> Health {
        let Some(object) = self.objects.get(id) else {
            return assess(&Value::Null, &Related::default());
        };
        let mut members =
            merge::object::uid(object).map(|uid| self.family.of(uid)).unwrap_or_default();
        if id.group.is_empty() && id.kind == "PersistentVolumeClaim" {
            let namespace = id.namespace.as_deref().unwrap_or_default();
            members.pods.extend(self.family.users_of(namespace, &id.name));
        }
        let related = Related {
            pods: &members.pods,
            replica_sets: &members.replica_sets,
            controller_revisions: &members.controller_revisions,
        };
        assess(object, &related)
    }

    /// Whether a kind has been read where an object of that namespace would be.
    pub fn has_read(&self, resource: &Resource, namespace: Option<&str>) -> bool {
        let covers = |known: Option<&str>| known.is_none() || known == namespace;
        self.listings.iter().any(|listing| {
            listing.resource.gvk == resource.gvk && covers(listing.namespace.as_deref())
        })
    }
}

#[cfg(test)]
mod tests;
