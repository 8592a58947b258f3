//! What a run sees of the cluster while it waits: watches opened, events taken in, and what they mean
//! told to the machine.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use engine::sync::Event;
use merge::{GroupVersionKind, ObjectId};

use super::drive::{Drive, failed};
use crate::discovery::Resource;
use crate::live::{Affected, list};
use crate::watch::Seen;

impl Drive<'_> {
    /// Begins to report: every list is watched from here on, kinds that did not exist before are
    /// listed first, and each object of the wave is told once as it is.
    pub(super) async fn observe(&mut self, wave: u32, events: &mut VecDeque<Event>) {
        let plan = Arc::clone(&self.prepared.plan);
        let planned = usize::try_from(wave).ok().and_then(|index| plan.waves.get(index));
        let steps: Vec<_> =
            planned.into_iter().flat_map(|wave| &wave.ranks).flat_map(|rank| &rank.steps).collect();
        let mut new: Vec<(Resource, BTreeSet<String>)> = Vec::new();
        for step in &steps {
            let Some(resource) = self.prepared.discovery.resource(&step.manifest.gvk) else {
                continue;
            };
            let namespace = step.manifest.id.namespace.as_deref();
            if self.prepared.live.has_read(resource, namespace) {
                continue;
            }
            let namespaces = namespace.map(str::to_owned);
            match new.iter_mut().find(|(known, _)| known == resource) {
                Some((_, known)) => known.extend(namespaces),
                None => new.push((resource.clone(), namespaces.into_iter().collect())),
            }
        }
        for (resource, namespaces) in new {
            let listed = match list::list_where(self.client, &resource, &namespaces).await {
                Ok(listed) => listed,
                Err(error) => {
                    events.push_back(Event::Blind(failed(&error)));
                    continue;
                }
            };
            for (listing, objects) in listed {
                for object in objects {
                    self.prepared.live.upsert(object);
                }
                self.prepared.live.listings.push(listing);
            }
        }
        for listing in self.prepared.live.listings.iter().filter(|it| moves(&it.resource.gvk)) {
            self.watches.follow(listing);
        }
        self.observing = true;
        events.extend(steps.iter().filter_map(|step| self.observed(&step.manifest.id)));
    }

    /// An object as it is known, if it exists.
    pub(super) fn observed(&self, id: &ObjectId) -> Option<Event> {
        let observation = self.observation(id)?;
        Some(Event::Observed { id: id.clone(), observation })
    }

    /// Takes in what the watches saw; what came in one burst is told once an object.
    pub(super) fn seen(&mut self, seen: Seen, events: &mut VecDeque<Event>) {
        let mut affected = Vec::new();
        let mut next = Some(seen);
        while let Some(seen) = next {
            let live = &mut self.prepared.live;
            match seen {
                Seen::Changed(object) => affected.extend(live.upsert(object)),
                Seen::Deleted(object) => affected.extend(live.remove(&object)),
                Seen::Relisted(listing, objects) => {
                    affected.extend(live.relisted(&listing, objects));
                }
                Seen::Failed { path, error } => {
                    self.watches.ended(&path);
                    events.push_back(Event::Blind(failed(&error)));
                }
            }
            next = self.watches.ready();
        }
        let mut told = BTreeSet::new();
        for affected in affected {
            match affected {
                Affected::Root(id) if self.observing && told.insert(id.clone()) => {
                    events.extend(self.observed(&id));
                }
                Affected::Root(_) => {}
                Affected::Gone { id, uid } => {
                    events.push_back(Event::Gone { id, uid: Some(uid) });
                }
            }
        }
    }
}

/// Whether objects of a kind change by themselves after they were applied, so that their health has to
/// be watched. The answer of an apply says everything about the others.
fn moves(gvk: &GroupVersionKind) -> bool {
    let still = ["ConfigMap", "Secret", "ServiceAccount", "LimitRange"];
    match gvk.group.as_str() {
        "" => !still.contains(&gvk.kind.as_str()),
        "rbac.authorization.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io" => false,
        _ => true,
    }
}
