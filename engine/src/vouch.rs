//! What lets an object go uncompared: the digest of what the server made of it, and of what else has
//! a say in that.
//!
//! ```text
//! apply ─ returned object ─ digest under our fields ─┐
//! server version, admission, definition ─ marks ─────┴─ Settled, kept in the inventory
//! ```
//!
//! An object that is vouched for needs no merge and no request, even where the server has something
//! else than we sent. That holds only as long as what made it so is the same: a webhook that is taken
//! away, or a newer server, would answer otherwise. A part of the surroundings that cannot be known
//! (nobody lets us list webhooks) does not end a vouching.

use std::collections::{BTreeMap, HashMap};

use merge::object::{generation, name, uid};
use merge::schema::Schemas;
use merge::{Digest, GroupVersionKind, Manifest, ObjectId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::diff::settled_digest;
use crate::record::{Entry, Inventory};

/// How [`crate::diff::settled_digest`] hashes. A digest of another format never stands, and never
/// leads to an apply: the object is compared instead, and the record renewed when it is next written.
///
/// 1: canonical JSON of a map from path to value (records that state no format).
/// 2: the object streamed in the order of its schema.
pub const FORMAT: u16 = 2;

/// What the server made of an object, in a digest, and what had a say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Settled {
    /// How it was hashed.
    pub format: u16,
    /// The live object under the fields we declare, or declared last.
    pub digest: Digest,
    /// What else had a say, as far as it was known.
    pub surroundings: Surroundings,
}

impl Settled {
    /// A digest made now, with nothing known of what is around.
    pub const fn new(digest: Digest) -> Self {
        Self { format: FORMAT, digest, surroundings: Surroundings::UNKNOWN }
    }

    /// The same, in these surroundings.
    #[must_use]
    pub const fn within(self, surroundings: Surroundings) -> Self {
        Self { surroundings, ..self }
    }

    /// Whether it may stand at all: it is of this format, and what is around has not changed.
    pub fn may_stand(&self, surroundings: &Surroundings) -> bool {
        self.format == FORMAT && self.surroundings.stand_in(surroundings)
    }

    /// Whether this record vouches for an object that is now as `now` says.
    pub fn stands(&self, now: &Self) -> bool {
        self.digest == now.digest && self.format == now.format && self.may_stand(&now.surroundings)
    }
}

/// Whether an object's record says that nothing happened since our last apply: neither to what Git
/// wants, nor to what the server has under it (`settle` digests that, where it comes to that), nor to what
/// else has a say in it.
pub fn vouches(
    entry: &Entry,
    manifest: &Manifest,
    live: &Value,
    server: &Server,
    settle: impl FnOnce() -> Settled,
) -> bool {
    let around = server.around(&manifest.gvk);
    entry.desired == manifest.digest
        && entry.uid.as_deref() == uid(live)
        && entry
            .settled
            .filter(|settled| settled.may_stand(&around))
            .is_some_and(|settled| settled.stands(&settle().within(around)))
}

/// What the records of an application say of its objects, and what that is judged by.
#[derive(Debug)]
pub struct Vouching<'a> {
    /// The two hashes of each object.
    pub inventory: &'a Inventory,
    /// What was applied last.
    pub previous: HashMap<&'a ObjectId, &'a Manifest>,
    /// The schemas to digest by.
    pub schemas: &'a Schemas,
    /// What else has a say.
    pub server: &'a Server,
}

impl Vouching<'_> {
    /// Whether nothing happened to an object since our last apply, as far as records tell.
    pub fn stands(&self, manifest: &Manifest, live: &Value) -> bool {
        let Some(entry) = self.inventory.entries.get(&manifest.id) else { return false };
        vouches(entry, manifest, live, self.server, || {
            // What was applied last and is wanted still has nothing to add.
            let previous = self.previous.get(&manifest.id);
            let previous = previous.filter(|it| it.digest != manifest.digest);
            let previous = previous.map(|it| it.body.as_ref());
            settled_digest(self.schemas, live, &manifest.body, previous)
        })
    }
}

/// As records hold it. Those of format 1 hold the digest alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    First(Digest),
    Later {
        format: u16,
        digest: Digest,
        #[serde(default, skip_serializing_if = "Surroundings::is_unknown")]
        around: Surroundings,
    },
}

impl From<Written> for Settled {
    fn from(written: Written) -> Self {
        match written {
            Written::First(digest) => {
                Self { format: 1, digest, surroundings: Surroundings::UNKNOWN }
            }
            Written::Later { format, digest, around } => {
                Self { format, digest, surroundings: around }
            }
        }
    }
}

impl From<Settled> for Written {
    fn from(settled: Settled) -> Self {
        let Settled { format, digest, surroundings: around } = settled;
        if format == 1 { Self::First(digest) } else { Self::Later { format, digest, around } }
    }
}

/// What besides our apply decides what the server makes of an object. `None`: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surroundings {
    /// The server's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<Mark>,
    /// Its admission webhooks and policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admission: Option<Mark>,
    /// The definition of the object's kind, where it is a custom one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<Mark>,
}

impl Surroundings {
    /// Nothing known.
    pub const UNKNOWN: Self = Self { server: None, admission: None, definition: None };

    const fn is_unknown(&self) -> bool {
        self.server.is_none() && self.admission.is_none() && self.definition.is_none()
    }

    /// Whether nothing that is known of both has changed.
    pub fn stand_in(&self, now: &Self) -> bool {
        let stands = |then: Option<Mark>, now: Option<Mark>| match (then, now) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        };
        stands(self.server, now.server)
            && stands(self.admission, now.admission)
            && stands(self.definition, now.definition)
    }
}

/// The surroundings of an object: the server's version, the objects that configure its admission
/// (webhook configurations, admission policies and their bindings), and the CustomResourceDefinition
/// of the object's kind. `None` for what is not known or does not apply.
pub fn surroundings(
    version: Option<&str>,
    admission: Option<&mut dyn Iterator<Item = &Value>>,
    definition: Option<&Value>,
) -> Surroundings {
    Surroundings {
        server: version.map(|version| Mark::of(&json!(version))),
        admission: admission.map(|configurations| {
            // In whatever order they are listed.
            let mut told: Vec<String> = configurations.map(|it| identity(it).to_string()).collect();
            told.sort();
            Mark::of(&json!(told))
        }),
        definition: definition.map(|definition| Mark::of(&identity(definition))),
    }
}

/// Which object it is, and how often what it says has been changed.
fn identity(object: &Value) -> Value {
    json!([object.get("kind"), name(object), uid(object), generation(object)])
}

/// The surroundings of every object of a cluster, worked out once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    everywhere: Surroundings,
    /// By group and kind.
    definitions: BTreeMap<(String, String), Mark>,
}

impl Server {
    /// Of what was read of a server; `None` for what could not be.
    pub fn new<'a>(
        version: Option<&str>,
        admission: Option<&mut dyn Iterator<Item = &'a Value>>,
        definitions: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let text = |crd: &Value, pointer: &str| {
            crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let definitions = definitions.into_iter().map(|crd| {
            let kind = (text(crd, "/spec/group"), text(crd, "/spec/names/kind"));
            (kind, Mark::of(&identity(crd)))
        });
        Self {
            everywhere: surroundings(version, admission, None),
            definitions: definitions.collect(),
        }
    }

    /// What is around objects of a kind.
    pub fn around(&self, gvk: &GroupVersionKind) -> Surroundings {
        if self.definitions.is_empty() {
            return self.everywhere;
        }
        let kind = (gvk.group.clone(), gvk.kind.clone());
        Surroundings { definition: self.definitions.get(&kind).copied(), ..self.everywhere }
    }
}

/// Sixteen hex digits of a digest: enough to tell that something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Mark(u64);

impl Mark {
    fn of(value: &Value) -> Self {
        let text = Digest::of(value).to_string();
        // A digest is hex digits, so this cannot fail.
        Self(text.get(..16).and_then(|it| u64::from_str_radix(it, 16).ok()).unwrap_or_default())
    }
}

impl TryFrom<String> for Mark {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        format!("{:016x}", mark.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(uid: &str, generation: u32) -> Value {
        json!({"kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "sidecars", "uid": uid, "generation": generation}})
    }

    fn definition(generation: u32) -> Value {
        json!({"kind": "CustomResourceDefinition",
            "metadata": {"name": "queues.example.com", "uid": "d", "generation": generation},
            "spec": {"group": "example.com", "names": {"kind": "Queue"}}})
    }

    fn around(
        version: &str,
        webhooks: Option<&[Value]>,
        definition: Option<&Value>,
    ) -> Surroundings {
        let mut listed = webhooks.into_iter().flatten();
        surroundings(
            Some(version),
            webhooks.is_some().then_some(&mut listed as &mut dyn Iterator<Item = &Value>),
            definition,
        )
    }

    #[test]
    fn a_vouching_ends_when_what_is_around_changes() {
        let hooks = [webhook("a", 1), webhook("b", 1)];
        let then = around("v1.28.7", Some(&hooks), Some(&definition(1)));
        let turned = [webhook("b", 1), webhook("a", 1)];
        let changed = [webhook("a", 2), webhook("b", 1)];
        let replaced = [webhook("c", 1), webhook("b", 1)];
        for (now, stands, what) in [
            (around("v1.28.7", Some(&hooks), Some(&definition(1))), true, "the same"),
            (around("v1.28.7", Some(&turned), Some(&definition(1))), true, "another order"),
            (around("v1.28.7", None, Some(&definition(1))), true, "webhooks that we may not list"),
            (around("v1.28.7", Some(&hooks), None), true, "a definition that we may not read"),
            (Surroundings::UNKNOWN, true, "nothing known"),
            (around("v1.29.0", Some(&hooks), Some(&definition(1))), false, "a newer server"),
            (around("v1.28.7", Some(&changed), Some(&definition(1))), false, "a changed webhook"),
            (around("v1.28.7", Some(&replaced), Some(&definition(1))), false, "another webhook"),
            (around("v1.28.7", Some(&hooks[..1]), Some(&definition(1))), false, "a webhook less"),
            (around("v1.28.7", Some(&[]), Some(&definition(1))), false, "no webhooks"),
            (around("v1.28.7", Some(&hooks), Some(&definition(2))), false, "a changed definition"),
        ] {
            assert_eq!(then.stand_in(&now), stands, "{what}");
            assert_eq!(now.stand_in(&then), stands, "{what}, the other way");
            let settled = Settled::new(Digest::of(&json!(1)));
            assert_eq!(settled.within(then).stands(&settled.within(now)), stands, "{what}");
        }
    }

    #[test]
    fn only_objects_of_its_kind_are_under_a_definition() {
        let server = |generation| Server::new(Some("v1.28.7"), None, [&definition(generation)]);
        let queue = GroupVersionKind::new("example.com/v1", "Queue");
        let other = GroupVersionKind::new("v1", "ConfigMap");
        assert!(!server(1).around(&queue).stand_in(&server(2).around(&queue)));
        assert!(server(1).around(&other).stand_in(&server(2).around(&other)));
    }

    #[test]
    fn records_of_both_formats_are_read() {
        let digest = Digest::of(&json!(1));
        let first: Settled = serde_json::from_value(json!(digest.to_string())).unwrap();
        assert_eq!((first.format, first.digest), (1, digest));
        assert!(!first.stands(&Settled::new(digest)), "hashed in another way");
        assert_eq!(serde_json::to_value(first).unwrap(), json!(digest.to_string()));
        let settled =
            Settled::new(digest).within(around("v1.28.7", Some(&[]), Some(&definition(1))));
        let text = serde_json::to_string(&settled).unwrap();
        assert_eq!(serde_json::from_str::<Settled>(&text).unwrap(), settled, "{text}");
        assert!(settled.stands(&settled));
        let other = Digest::of(&json!(2));
        assert!(!settled.stands(&Settled { digest: other, ..settled }));
    }
}
