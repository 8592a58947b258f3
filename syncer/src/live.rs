//! What the cluster has of one application: lists first, then, where something must be awaited, what
//! the watches say.
//!
//! [`read`] is also how `health` sees a cluster; `plan` and `diff` begin their lists earlier
//! ([`Reader`]). Lists only are sent: one a kind in use (and namespace, while these are few), one of the
//! namespaces, and, for health, lists of pods, ReplicaSets and ControllerRevisions where the
//! application has workloads, or claims that pods may use. No object is ever asked for by name.

pub mod family;
mod kinds;
pub mod list;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use engine::health::{Health, Related, assess};
use engine::plan::{Cluster, NamespaceState};
use engine::record::Inventory;
use merge::{GroupVersionKind, Manifest, ObjectId};
use serde_json::Value;

use crate::client::{Client, RequestError};
use crate::discovery::{Discovery, Resource};
use crate::surroundings;
use family::{Family, Relative};
pub use list::Listing;
pub use read::{Depth, Reader};

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
    /// The objects that are kept of what is listed and watched, in the version they are wanted in.
    /// What is only recorded is taken in whichever comes.
    wanted: HashMap<ObjectId, Option<String>>,
    by_uid: HashMap<String, ObjectId>,
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

/// Reads what the cluster has of the desired and the recorded objects, and what their health needs.
pub async fn read(
    client: &Client,
    discovery: &Discovery,
    desired: &[Manifest],
    inventory: &Inventory,
) -> Result<Live, RequestError> {
    let reader = Reader::new(client, discovery, Depth::Health);
    let (live, server) = futures::join!(
        reader.finish(desired, inventory),
        surroundings::read(client, discovery, desired),
    );
    let mut live = live?;
    live.cluster.server = server;
    Ok(live)
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
        let recorded = inventory.entries.keys().map(|id| (id.clone(), None));
        let desired = desired.iter().map(|it| (it.id.clone(), Some(it.gvk.version.clone())));
        Self { wanted: recorded.chain(desired).collect(), ..Self::default() }
    }

    /// Takes an object in; says which wanted objects that concerns.
    pub fn upsert(&mut self, object: Value) -> Vec<Affected> {
        let Some(id) = ObjectId::of(&object) else { return Vec::new() };
        let other_version =
            self.wanted.get(&id).and_then(Option::as_deref).is_some_and(|version| {
                GroupVersionKind::of(&object).is_some_and(|gvk| gvk.version != version)
            });
        if other_version || self.objects.get(&id).is_some_and(|it| family::is_older(&object, it)) {
            return Vec::new();
        }
        let object = Arc::new(object);
        let mut affected = Vec::new();
        if let Some(relative) = Relative::of(&object) {
            self.family.insert(relative, Arc::clone(&object));
            affected.extend(self.concerned_by(&object));
        }
        let autoscaler = id.kind == "HorizontalPodAutoscaler" && id.group == "autoscaling";
        if self.wanted.contains_key(&id) || autoscaler {
            if let Some(uid) = merge::object::uid(&object) {
                self.by_uid.insert(uid.to_owned(), id.clone());
            }
            self.objects.insert(id.clone(), object);
            if self.wanted.contains_key(&id) {
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
            if self.wanted.contains_key(&id) {
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
        let wanted = root.into_iter().chain(claims).filter(|id| self.wanted.contains_key(id));
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
