//! Which controller looks at which kind, and what of the store it gets to see.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::kind::{Key, Kind};
use super::kubelet::Kubelet;
use super::plan::Plan;
use super::scheduler::{self, Claim};
use super::settings::Pace;
use super::stateful_set::{self, Surroundings};
use super::store::Store;
use super::{
    claims, daemon_set, deployment, endpoints, job, namespaces, object, pods, replica_set,
};

/// One look at one object. `refused` is why the server refused the last pod made for it, if it did.
pub(super) fn at(
    store: &Store,
    kubelet: &mut Kubelet,
    key: &Key,
    refused: Option<&str>,
    pace: &Pace,
    now: Timestamp,
) -> Plan {
    let Some(found) = store.get(key) else {
        return match key.kind {
            Kind::Service => store
                .get(&Key { kind: Kind::Endpoints, ..key.clone() })
                .map(|orphan| endpoints::forget(orphan))
                .unwrap_or_default(),
            _ => Plan::default(),
        };
    };
    let controlled = |kind| -> Vec<Arc<Value>> {
        store.controlled_by(kind, object::uid(found)).cloned().collect()
    };
    let in_namespace = |kind| store.in_namespace(kind, &key.namespace);
    let nodes = || -> Vec<Arc<Value>> { store.in_namespace(Kind::Node, "").cloned().collect() };
    let claim = |name: &str| {
        store.get(&Key::new(Kind::PersistentVolumeClaim, &key.namespace, name)).cloned()
    };
    match key.kind {
        Kind::Deployment => {
            let orphans = store.orphaned_sets(&key.namespace);
            if let Some(plan) = deployment::adopt(found, orphans.map(AsRef::as_ref)) {
                return plan;
            }
            let sets = controlled(Kind::ReplicaSet);
            let old_pods_run = sets
                .iter()
                .filter(|set| !deployment::is_of(set, found))
                .flat_map(|set| store.controlled_by(Kind::Pod, object::uid(set)))
                .any(|pod| !pods::is_finished(pod));
            deployment::reconcile(found, &sets, old_pods_run, now)
        }
        Kind::ReplicaSet => replica_set::reconcile(found, &controlled(Kind::Pod), refused, now),
        Kind::StatefulSet => {
            let around = Surroundings {
                pods: &controlled(Kind::Pod),
                revisions: &controlled(Kind::ControllerRevision),
                has_claim: &|name| claim(name).is_some(),
            };
            stateful_set::reconcile(found, &around, now)
        }
        Kind::DaemonSet => daemon_set::reconcile(
            found,
            &controlled(Kind::Pod),
            &nodes(),
            &controlled(Kind::ControllerRevision),
            now,
        ),
        Kind::Job => {
            let back_off = (pace.first_back_off, pace.longest_back_off);
            job::reconcile(found, &controlled(Kind::Pod), back_off, now)
        }
        Kind::Pod if object::text(found, "/spec/nodeName").is_empty() => {
            let stands = |name: &str| match claim(name) {
                None => Claim::Missing,
                Some(claim) if claims::is_bound(&claim) => Claim::Bound,
                Some(_) => Claim::Unbound,
            };
            scheduler::schedule(found, &nodes(), stands, now)
        }
        Kind::Pod => {
            let node = Key::new(Kind::Node, "", object::text(found, "/spec/nodeName"));
            let host = store.get(&node).map(|node| super::nodes::address(node)).unwrap_or_default();
            kubelet.tend(found, &host, pace, now)
        }
        Kind::PersistentVolumeClaim => {
            let volume = format!("pvc-{}", object::uid(found));
            let class =
                Key::new(Kind::StorageClass, "", object::text(found, "/spec/storageClassName"));
            let waits = claims::waits_for_consumer(store.get(&class).map(AsRef::as_ref));
            let is_used = (waits || object::is_deleted(found))
                && in_namespace(Kind::Pod).any(|pod| {
                    !pods::is_finished(pod) && claims::of_pod(pod).any(|name| name == key.name)
                });
            let volume = Key::new(Kind::PersistentVolume, "", &volume);
            claims::reconcile(found, store.get(&volume).is_some(), is_used, waits)
        }
        Kind::PersistentVolume => {
            let claim = Key::new(
                Kind::PersistentVolumeClaim,
                object::text(found, "/spec/claimRef/namespace"),
                object::text(found, "/spec/claimRef/name"),
            );
            claims::reconcile_volume(found, store.get(&claim).map(AsRef::as_ref))
        }
        Kind::Service => {
            let targets: Vec<&Arc<Value>> = in_namespace(Kind::Pod).collect();
            let slice = store.controlled_by(Kind::EndpointSlice, object::uid(found)).next();
            let older = store.get(&Key { kind: Kind::Endpoints, ..key.clone() });
            endpoints::reconcile(
                found,
                &targets,
                slice.map(AsRef::as_ref),
                older.map(AsRef::as_ref),
            )
        }
        Kind::Namespace => {
            let account = Key::new(Kind::ServiceAccount, &key.name, "default");
            namespaces::reconcile(found, store.get(&account).is_some())
        }
        Kind::Node
        | Kind::ServiceAccount
        | Kind::StorageClass
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::ControllerRevision => Plan::default(),
    }
}
