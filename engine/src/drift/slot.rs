//! What is kept of one object, in few bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use merge::object::{resource_version as version, uid};
use merge::{Digest, ObjectId};
use serde_json::Value;

use super::Standing;
use crate::record::Entry;
use crate::vouch::Settled;

/// An object's identity, its kind and namespace by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    kind: u32,
    namespace: u32,
    name: Box<str>,
}

/// Kinds and namespaces by number: there are few, and every object names one.
#[derive(Debug, Default)]
pub(super) struct Names {
    kinds: Table<(String, String)>,
    namespaces: Table<Option<String>>,
}

impl Names {
    /// The key of an identity, its names noted.
    pub fn key(&mut self, id: &ObjectId) -> Key {
        let kind = (id.group.clone(), id.kind.clone());
        Key {
            kind: self.kinds.note(kind),
            namespace: self.namespaces.note(id.namespace.clone()),
            name: id.name.as_str().into(),
        }
    }

    /// The key of an identity whose names are known.
    pub fn find(&self, id: &ObjectId) -> Option<Key> {
        let kind = self.kinds.numbers.get(&(id.group.clone(), id.kind.clone()))?;
        let namespace = self.namespaces.numbers.get(&id.namespace)?;
        Some(Key { kind: *kind, namespace: *namespace, name: id.name.as_str().into() })
    }

    /// The identity of a key.
    pub fn id(&self, key: &Key) -> ObjectId {
        let (group, kind) = self.kinds.get(key.kind).cloned().unwrap_or_default();
        let namespace = self.namespaces.get(key.namespace).cloned().flatten();
        ObjectId { group, kind, namespace, name: key.name.to_string() }
    }
}

#[derive(Debug)]
struct Table<T> {
    numbers: BTreeMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), names: Vec::new() }
    }
}

impl<T: Ord + Clone> Table<T> {
    fn note(&mut self, name: T) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.names.get(usize::try_from(number).ok()?)
    }
}

/// What is known of one object.
#[derive(Debug)]
pub(super) struct Slot {
    /// The digest of the body that Git wants.
    pub desired: Option<Digest>,
    /// What the inventory says.
    pub recorded: Option<Recorded>,
    /// What the cluster has.
    pub live: Option<Live>,
    /// What follows.
    pub standing: Standing,
}

impl Default for Slot {
    fn default() -> Self {
        Self { desired: None, recorded: None, live: None, standing: Standing::Nothing }
    }
}

/// What the inventory says of an object.
#[derive(Debug)]
pub(super) struct Recorded {
    pub uid: Option<Box<str>>,
    pub desired: Digest,
    pub settled: Option<Settled>,
    pub adopted: bool,
}

impl Recorded {
    pub fn of(entry: &Entry) -> Self {
        Self {
            uid: entry.uid.as_deref().map(Into::into),
            desired: entry.desired,
            settled: entry.settled,
            adopted: entry.adopted,
        }
    }
}

/// A live object, in as much as is needed of it.
#[derive(Debug)]
pub(super) enum Live {
    /// It was in sync with a desired body.
    InSync { uid: Option<Box<str>>, version: Option<Box<str>>, desired: Digest, settled: Settled },
    /// It is there.
    Outline { uid: Option<Box<str>>, version: Option<Box<str>> },
    /// All of it, and what it was last in sync with.
    Whole { body: Arc<Value>, known: Option<(Digest, Settled)> },
}

impl Live {
    pub fn in_sync(body: &Value, desired: Digest, settled: Settled) -> Self {
        let text = |it: Option<&str>| it.map(Into::into);
        Self::InSync { uid: text(uid(body)), version: text(version(body)), desired, settled }
    }

    fn identity(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::InSync { uid, version, .. } | Self::Outline { uid, version } => {
                (uid.as_deref(), version.as_deref())
            }
            Self::Whole { body, .. } => (uid(body), version(body)),
        }
    }
}

impl Slot {
    /// Takes a live object in, unless it is older than what is known. Versions of one object are
    /// compared as numbers; where they are none, what comes last counts.
    pub fn see(&mut self, body: &Arc<Value>) {
        let number = |version: Option<&str>| version.and_then(|text| text.parse::<u128>().ok());
        let mut stood = None;
        if let Some(live) = &self.live {
            let (known_uid, known_version) = live.identity();
            let (known, new) = (number(known_version), number(version(body)));
            if known.zip(new).is_some_and(|(known, new)| new < known) {
                return;
            }
            let is_same = known_uid.is_some() && known_uid == uid(body);
            stood = match live {
                // The very same is as it was judged.
                Live::InSync { desired, .. }
                    if is_same
                        && new.is_some()
                        && known == new
                        && self.desired == Some(*desired) =>
                {
                    return;
                }
                Live::InSync { desired, settled, .. } if is_same => Some((*desired, *settled)),
                Live::Whole { known, .. } if is_same => *known,
                _ => None,
            };
        }
        self.live = Some(Live::Whole { body: Arc::clone(body), known: stood });
    }

    /// Forgets what the object was judged to be.
    pub fn doubt(&mut self) {
        match &mut self.live {
            Some(Live::InSync { uid, version, .. }) => {
                self.live = Some(Live::Outline { uid: uid.take(), version: version.take() });
            }
            Some(Live::Whole { known, .. }) => *known = None,
            _ => {}
        }
    }

    /// Keeps of the live object only that it is there.
    pub fn drop_body(&mut self) {
        if let Some(Live::Whole { body, .. }) = &self.live {
            let text = |it: Option<&str>| it.map(Into::into);
            self.live = Some(Live::Outline { uid: text(uid(body)), version: text(version(body)) });
        }
    }

    pub const fn body(&self) -> Option<&Arc<Value>> {
        match &self.live {
            Some(Live::Whole { body, .. }) => Some(body),
            _ => None,
        }
    }

    pub const fn settled(&self) -> Option<Settled> {
        match &self.live {
            Some(Live::InSync { settled, .. }) => Some(*settled),
            _ => None,
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.desired.is_none() && self.recorded.is_none() && self.live.is_none()
    }
}
