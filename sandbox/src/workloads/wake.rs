//! Whom a change concerns: the object itself, its owner, and what depends on it in other ways.

use super::control::Control;
use super::kind::{Key, Kind};
use super::store::Change;
use super::{claims, endpoints, object};

impl Control {
    /// Wakes the objects that a change concerns.
    pub(super) fn wake(&mut self, change: &Change) {
        let Change { key, before, after } = change;
        self.queue.push(key.clone());
        for object in [before, after].into_iter().flatten() {
            if let Some(owner) = object::controller(object)
                && let Some(kind) = Kind::named(object::text(owner, "/kind"))
            {
                self.queue.push(Key::new(kind, &key.namespace, object::text(owner, "/name")));
            }
        }
        match key.kind {
            Kind::Pod => self.wake_for_pod(change),
            Kind::ServiceAccount => {
                self.queue.push(Key::new(Kind::Namespace, "", &key.namespace));
            }
            Kind::PersistentVolume => {
                for volume in [before, after].into_iter().flatten() {
                    let namespace = object::text(volume, "/spec/claimRef/namespace");
                    let name = object::text(volume, "/spec/claimRef/name");
                    self.queue.push(Key::new(Kind::PersistentVolumeClaim, namespace, name));
                }
            }
            Kind::PersistentVolumeClaim => {
                for claim in [before, after].into_iter().flatten() {
                    let name = object::text(claim, "/spec/volumeName");
                    self.queue.push(Key::new(Kind::PersistentVolume, "", name));
                }
                self.wake_unscheduled(Some(&key.namespace));
            }
            Kind::Endpoints => self.queue.push(Key { kind: Kind::Service, ..key.clone() }),
            Kind::Node if before.is_none() || after.is_none() => {
                self.wake_unscheduled(None);
                let sets: Vec<Key> = self
                    .store
                    .in_namespace(Kind::DaemonSet, "")
                    .map(|set| Key::of(Kind::DaemonSet, set))
                    .collect();
                for set in sets {
                    self.queue.push(set);
                }
            }
            _ => {}
        }
    }

    fn wake_unscheduled(&mut self, namespace: Option<&str>) {
        let pods: Vec<Key> = self
            .store
            .unscheduled()
            .filter(|pod| namespace.is_none_or(|namespace| pod.namespace == namespace))
            .cloned()
            .collect();
        for pod in pods {
            self.queue.push(pod);
        }
    }

    /// A pod concerns its owner's owner (Recreate waits for it), the Services that select it, and,
    /// when it comes or goes, the claims it uses.
    fn wake_for_pod(&mut self, change: &Change) {
        let Change { key, before, after } = change;
        let targets_same = match (before, after) {
            (Some(before), Some(after)) => endpoints::same_target(before, after),
            _ => false,
        };
        if !targets_same {
            let services: Vec<Key> = self
                .store
                .in_namespace(Kind::Service, &key.namespace)
                .filter(|service| {
                    [before, after]
                        .into_iter()
                        .flatten()
                        .any(|pod| endpoints::selects(service, pod))
                })
                .map(|service| Key::of(Kind::Service, service))
                .collect();
            for service in services {
                self.queue.push(service);
            }
        }
        if let (Some(pod), None) | (None, Some(pod)) = (before, after) {
            for claim in claims::of_pod(pod) {
                self.queue.push(Key::new(Kind::PersistentVolumeClaim, &key.namespace, claim));
            }
        }
        let Some(gone) = before.as_ref().filter(|_| after.is_none()) else { return };
        self.kubelet.forget(object::uid(gone));
        let owner = object::controller(gone)
            .filter(|owner| object::text(owner, "/kind") == Kind::ReplicaSet.as_str())
            .map(|owner| Key::new(Kind::ReplicaSet, &key.namespace, object::text(owner, "/name")));
        let above = owner
            .and_then(|set| object::controller(self.store.get(&set)?).cloned())
            .filter(|owner| object::text(owner, "/kind") == Kind::Deployment.as_str());
        if let Some(deployment) = above {
            let name = object::text(&deployment, "/name");
            self.queue.push(Key::new(Kind::Deployment, &key.namespace, name));
        }
    }
}
