//! One application's standing comparison: which of its objects are missing, differ, are in sync or left
//! over, kept up event by event.
//!
//! ```text
//! render ─ desire ─┐
//! inventory ─ record ─┼─► Index ─► missing · differing (with bodies) · in sync · extra · unread
//! list, watch ─ observe, forget, relist ─┘
//! ```
//!
//! Plain memory: no clock, no client, nothing asynchronous. Of an object that is in sync it keeps two
//! digests, the uid and the resourceVersion; bodies only of objects that differ. Where it needs the
//! body of a desired object it asks for it ([`Bodies`]) and drops it again. An event costs the one
//! object it is about.
//!
//! Invariants, held by its tests: the order of feeding never matters; feeding twice changes nothing;
//! an object is in sync here exactly where a plan would leave it unchanged. The one thing that can be
//! missing is a live body: when Git changes an object that was in sync, it is *unread* until somebody
//! feeds the live object again.

mod slot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use merge::object::uid;
use merge::schema::Schemas;
use merge::{Digest, GroupVersionKind, ObjectId};
use serde_json::Value;

use crate::application::{ApplicationName, Ownership};
use crate::diff::{Comparison, Verdict, diff};
use crate::ignore::Rules;
use crate::record::{Entry, Inventory};
use crate::redact::Redaction;
use crate::vouch::{Server, Settled};

use slot::{Key, Live, Names, Recorded, Slot};

/// Where bodies come from when they are needed: a render, a bundle.
pub trait Bodies {
    /// The object as Git wants it.
    fn desired(&self, id: &ObjectId) -> Option<Arc<Value>>;
    /// The object as we last applied it.
    fn previous(&self, id: &ObjectId) -> Option<Arc<Value>>;
}

/// What a comparison needs besides the objects.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Whose objects they are.
    pub application: &'a ApplicationName,
    /// The schemas to merge by.
    pub schemas: &'a Schemas,
    /// What is to be left alone.
    pub ignore: &'a Rules,
    /// How values are masked.
    pub redaction: &'a Redaction,
    /// What autoscalers target.
    pub autoscaled: &'a BTreeSet<ObjectId>,
    /// What else has a say in what becomes of an applied object.
    pub server: &'a Server,
    /// Where bodies come from.
    pub bodies: &'a dyn Bodies,
}

/// How an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Git wants it, and the cluster does not have it.
    Missing,
    /// It is ours and as it should be: a plan would leave it alone.
    InSync,
    /// It differs, or is not ours: a plan would say what is to be done.
    Differs,
    /// We had it, Git no longer wants it, and the cluster still has it.
    Extra,
    /// Git changed what was in sync: the live object has to be fed again before it can be judged.
    Unread,
    /// Neither wanted nor ours, or gone.
    Nothing,
}

/// What an event made of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// Which.
    pub id: ObjectId,
    /// How it stood.
    pub before: Standing,
    /// How it stands.
    pub after: Standing,
}

/// The standing comparison. See the module's documentation.
#[derive(Debug, Default)]
pub struct Index {
    names: Names,
    /// Boxed, since a tree's nodes are half empty where keys come in their order.
    slots: BTreeMap<Key, Box<Slot>>,
}

impl Index {
    /// An index that knows of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Git wants this object, with a body of this digest.
    pub fn desire(&mut self, scene: &Scene<'_>, id: &ObjectId, digest: Digest) -> Option<Turned> {
        self.change(scene, id, |slot| slot.desired = Some(digest))
    }

    /// Git no longer wants this object.
    pub fn dismiss(&mut self, scene: &Scene<'_>, id: &ObjectId) -> Option<Turned> {
        self.change(scene, id, |slot| slot.desired = None)
    }

    /// What the inventory says of this object.
    pub fn record(&mut self, scene: &Scene<'_>, id: &ObjectId, entry: &Entry) -> Option<Turned> {
        let recorded = Recorded::of(entry);
        self.change(scene, id, |slot| slot.recorded = Some(recorded))
    }

    /// A live object, as a list or a watch event brought it. An older one than is known is not taken.
    pub fn observe(&mut self, scene: &Scene<'_>, live: &Arc<Value>) -> Option<Turned> {
        let id = ObjectId::of(live)?;
        self.change(scene, &id, |slot| slot.see(live))
    }

    /// The cluster no longer has this object.
    pub fn forget(&mut self, scene: &Scene<'_>, id: &ObjectId) -> Option<Turned> {
        self.change(scene, id, |slot| slot.live = None)
    }

    /// A complete list: of what it covers, whatever it does not have is gone.
    pub fn relist<'v>(
        &mut self,
        scene: &Scene<'_>,
        covers: impl Fn(&ObjectId) -> bool,
        objects: impl IntoIterator<Item = &'v Arc<Value>>,
    ) -> Vec<Turned> {
        let mut listed = BTreeSet::new();
        let mut turned = Vec::new();
        for object in objects {
            listed.extend(ObjectId::of(object));
            turned.extend(self.observe(scene, object));
        }
        let known = self.slots.iter().filter(|(_, slot)| slot.live.is_some());
        let known = known.map(|(key, _)| self.names.id(key));
        let gone: Vec<ObjectId> = known.filter(|id| covers(id) && !listed.contains(id)).collect();
        turned.extend(gone.iter().filter_map(|id| self.forget(scene, id)));
        turned
    }

    /// Another render: whatever it does not have is no longer wanted.
    pub fn reset<'v>(
        &mut self,
        scene: &Scene<'_>,
        wanted: impl IntoIterator<Item = (&'v ObjectId, Digest)>,
    ) -> Vec<Turned> {
        let mut kept = BTreeSet::new();
        let mut turned = Vec::new();
        for (id, digest) in wanted {
            kept.insert(id);
            turned.extend(self.desire(scene, id, digest));
        }
        let before = self.slots.iter().filter(|(_, slot)| slot.desired.is_some());
        let before: Vec<ObjectId> = before.map(|(key, _)| self.names.id(key)).collect();
        let dropped = before.iter().filter(|id| !kept.contains(id));
        turned.extend(dropped.filter_map(|id| self.dismiss(scene, id)));
        turned
    }

    /// The whole inventory.
    pub fn recall(&mut self, scene: &Scene<'_>, inventory: &Inventory) -> Vec<Turned> {
        let entries = inventory.entries.iter();
        entries.filter_map(|(id, entry)| self.record(scene, id, entry)).collect()
    }

    /// Lets go of the bodies of objects that Git does not want: a list of a kind holds everybody's.
    /// Should Git want one of them later, it is unread first.
    pub fn trim(&mut self) {
        for slot in self.slots.values_mut().filter(|slot| slot.desired.is_none()) {
            slot.drop_body();
        }
    }

    /// What was judged by another scene (other rules, schemas, autoscalers, another server) is to be
    /// judged again: what was in sync is unread.
    pub fn doubt(&mut self, scene: &Scene<'_>, covers: impl Fn(&ObjectId) -> bool) -> Vec<Turned> {
        let known = self.slots.iter().filter(|(_, slot)| slot.live.is_some());
        let known: Vec<ObjectId> = known.map(|(key, _)| self.names.id(key)).collect();
        let doubted = known.iter().filter(|id| covers(id));
        doubted.filter_map(|id| self.change(scene, id, Slot::doubt)).collect()
    }

    /// How an object stands.
    pub fn standing(&self, id: &ObjectId) -> Standing {
        let slot = self.names.find(id).and_then(|key| self.slots.get(&key));
        slot.map_or(Standing::Nothing, |slot| slot.standing)
    }

    /// The objects that stand so, in the order of their identities.
    pub fn all(&self, standing: Standing) -> BTreeSet<ObjectId> {
        let found = self.slots.iter().filter(|(_, slot)| slot.standing == standing);
        found.map(|(key, _)| self.names.id(key)).collect()
    }

    /// The objects that differ, as the cluster has them.
    pub fn differing(&self) -> BTreeMap<ObjectId, &Arc<Value>> {
        let found = self.slots.iter().filter(|(_, slot)| slot.standing == Standing::Differs);
        found.filter_map(|(key, slot)| Some((self.names.id(key), slot.body()?))).collect()
    }

    /// How many objects stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.slots.values().filter(|slot| slot.standing == standing).count()
    }

    /// The digest of an object that is in sync, for the inventory's next write.
    pub fn settled(&self, id: &ObjectId) -> Option<Settled> {
        self.slots.get(&self.names.find(id)?)?.settled()
    }

    fn change(
        &mut self,
        scene: &Scene<'_>,
        id: &ObjectId,
        change: impl FnOnce(&mut Slot),
    ) -> Option<Turned> {
        let key = self.names.key(id);
        let slot = self.slots.entry(key.clone()).or_default();
        let before = slot.standing;
        change(slot);
        slot.judge(scene, id);
        let after = slot.standing;
        if slot.is_empty() {
            self.slots.remove(&key);
        }
        (before != after).then(|| Turned { id: id.clone(), before, after })
    }
}

impl Slot {
    /// Works out how the object stands, and keeps no more than that takes.
    fn judge(&mut self, scene: &Scene<'_>, id: &ObjectId) {
        self.standing = match (self.desired, &mut self.live) {
            (Some(_), None) => Standing::Missing,
            (None, Some(_)) if self.recorded.is_some() => Standing::Extra,
            (None, _) => Standing::Nothing,
            (Some(wanted), Some(live)) => match live {
                Live::InSync { desired, .. } if *desired == wanted => Standing::InSync,
                Live::InSync { .. } | Live::Outline { .. } => Standing::Unread,
                Live::Whole { body, known } => {
                    match compare(scene, id, wanted, self.recorded.as_ref(), *known, body) {
                        Answer::InSync(settled) => {
                            *live = Live::in_sync(body, wanted, settled);
                            Standing::InSync
                        }
                        Answer::Differs => Standing::Differs,
                        Answer::NoBody => Standing::Unread,
                    }
                }
            },
        };
    }
}

/// What a comparison of one object says.
enum Answer {
    /// It is in sync, and this digest vouches for it.
    InSync(Settled),
    /// It differs, or is not ours.
    Differs,
    /// The render has not got what it announced: nobody can tell.
    NoBody,
}

/// Compares one object, by its digests if they are known.
fn compare(
    scene: &Scene<'_>,
    id: &ObjectId,
    wanted: Digest,
    recorded: Option<&Recorded>,
    known: Option<(Digest, Settled)>,
    live: &Value,
) -> Answer {
    let Some(desired) = scene.bodies.desired(id) else { return Answer::NoBody };
    if !is_ours(scene.application, id, recorded, live) {
        return Answer::Differs;
    }
    let previous = scene.bodies.previous(id);
    let gvk = GroupVersionKind::of(&desired);
    let around = gvk.map(|gvk| scene.server.around(&gvk)).unwrap_or_default();
    let comparison = Comparison {
        live: Some(live),
        previous: previous.as_deref(),
        autoscaled: scene.autoscaled.contains(id),
        ignore: scene.ignore,
        ..Comparison::new(&desired, scene.schemas, scene.redaction)
    };
    let settled = comparison.settled(live).within(around);
    // Something beside our fields was written, or its status: as it stood, so it stands.
    let stood = known.is_some_and(|(then, known)| then == wanted && known.stands(&settled));
    let vouched = recorded.is_some_and(|entry| {
        entry.desired == wanted
            && entry.uid.as_deref() == uid(live)
            && entry.settled.is_some_and(|recorded| recorded.stands(&settled))
    });
    if stood || vouched {
        return Answer::InSync(settled);
    }
    let in_sync = diff(&comparison).verdict == Verdict::InSync;
    if in_sync { Answer::InSync(settled) } else { Answer::Differs }
}

/// As a plan tells it, but for objects that moved to another API group: those differ.
fn is_ours(
    application: &ApplicationName,
    id: &ObjectId,
    recorded: Option<&Recorded>,
    live: &Value,
) -> bool {
    match application.ownership(id, live) {
        Ownership::Ours => true,
        Ownership::Other(_) => false,
        Ownership::Unmarked | Ownership::Stray(_) => {
            recorded.is_some_and(|it| uid(live).is_none() || (it.uid.is_some() && !it.adopted))
        }
    }
}
