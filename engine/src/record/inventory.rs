//! What an application owns in its cluster.

use std::collections::{BTreeMap, BTreeSet};

use merge::{Digest, ObjectId};
use serde::{Deserialize, Serialize};

use super::form::{self, RecordError};
use crate::vouch::{FORMAT, Settled};

/// The objects an application owns, or is about to: it is written before the first apply of a sync,
/// so that an object can never exist in the cluster and be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Inventory {
    /// By identity.
    pub entries: BTreeMap<ObjectId, Entry>,
}

/// What is remembered of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version it was last applied in, for reading and deleting it.
    pub api_version: String,
    /// The uid our apply returned; `None` while it has only been announced. An entry without a uid
    /// proves no ownership: nothing is ever deleted on its word alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The digest of the body as it was last sent, or is about to be.
    pub desired: Digest,
    /// The live object, as the server returned it, under the fields we declared, in a digest.
    /// `None` until an apply of `desired` has returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// Whether a run created it (adopting is not creating) that has not become healthy. A rollback
    /// deletes what is tentative and was not in the last healthy render.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tentative: bool,
    /// Whether a run took it over that has not become healthy. It was there before, so neither a
    /// rollback nor a prune deletes it; it is let go of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

impl Inventory {
    /// The objects that runs have created since the last healthy render.
    pub fn tentative(&self) -> BTreeSet<ObjectId> {
        let entries = self.entries.iter().filter(|(_, entry)| entry.tentative);
        entries.map(|(id, _)| id.clone()).collect()
    }

    /// Whether another inventory says all that this one says. A digest of an older format is as good
    /// as a new one: it is renewed with the next write, and never the reason for one.
    pub fn adds_nothing_to(&self, stored: &Self) -> bool {
        let says = |stored: &Entry, entry: &Entry| {
            let older = stored.settled.filter(|it| it.format < FORMAT && entry.settled.is_some());
            *stored == Entry { settled: older.or(entry.settled), ..entry.clone() }
        };
        let mut entries = self.entries.iter();
        self.entries.len() == stored.entries.len()
            && entries.all(|(id, entry)| stored.entries.get(id).is_some_and(|it| says(it, entry)))
    }

    /// Reads what [`Inventory::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        form::read("inventory", bytes)
    }

    /// Its canonical JSON: equal inventories have equal bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        form::write("inventory", self)
    }
}

/// The written form: JSON has no maps with structured keys.
#[derive(Serialize, Deserialize)]
struct Listed {
    entries: Vec<ListedEntry>,
}

#[derive(Serialize, Deserialize)]
struct ListedEntry {
    #[serde(flatten)]
    id: ObjectId,
    #[serde(flatten)]
    entry: Entry,
}

impl From<Listed> for Inventory {
    fn from(listed: Listed) -> Self {
        Self { entries: listed.entries.into_iter().map(|row| (row.id, row.entry)).collect() }
    }
}

impl From<Inventory> for Listed {
    fn from(inventory: Inventory) -> Self {
        let rows = inventory.entries.into_iter().map(|(id, entry)| ListedEntry { id, entry });
        Self { entries: rows.collect() }
    }
}
