//! The exact body that an apply sends.
//!
//! It is the manifest's, less what only the server writes, with a Secret's `stringData` as `data`
//! (the server records ownership of `stringData`, never of the data it becomes, so a key that Git
//! drops from it would stay for ever), less the replicas that an autoscaler decides, and less what
//! is to be left alone ([`super::respect`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merge::path::{Path, Segment};
use merge::{GroupVersionKind, ObjectId};
use serde_json::{Map, Value};

use super::{Comparison, owned};
use crate::ignore::Selection;
use crate::redact::is_secret;

/// Metadata that only the server writes. A manifest that was exported from a cluster carries it, and
/// a resourceVersion or uid from elsewhere would make every apply a conflict.
const SERVERS_OWN: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// Whether this is metadata that is never sent.
pub(super) fn is_servers_own(field: &str) -> bool {
    SERVERS_OWN.contains(&field)
}

impl Comparison<'_> {
    /// The body to apply.
    pub fn outgoing(&self) -> Value {
        self.outgoing_beside(&self.selection())
    }

    /// The body to apply, where this is to be left alone.
    pub(super) fn outgoing_beside(&self, left_alone: &Selection) -> Value {
        let mut body = self.sent(self.desired);
        if self.leaves_replicas() {
            remove(&mut body, &replicas());
        } else if let Some(kept) = self.kept_replicas() {
            graft(&mut body, &replicas(), kept);
        }
        self.respectful(body, left_alone)
    }

    /// Whether the body is more than the manifest's without what only the server writes.
    pub(super) fn is_sent_otherwise(&self) -> bool {
        let has_texts = self.desired.get("stringData").is_some();
        let texts = has_texts && is_secret(self.desired);
        texts || self.leaves_replicas() || self.kept_replicas().is_some()
    }

    /// Whether rules say that parts of the object are to be left alone.
    pub(super) fn is_ignoring(&self) -> bool {
        !self.ignore.is_empty()
            && ObjectId::of(self.desired)
                .is_none_or(|id| self.ignore.for_object(&id).next().is_some())
    }

    /// What we applied last, in the form in which it was sent.
    pub(super) fn previously_sent(&self) -> Option<Value> {
        self.previous.map(|previous| self.sent(previous))
    }

    pub(super) fn sent(&self, object: &Value) -> Value {
        let mut body = object.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVERS_OWN {
                metadata.remove(field);
            }
        }
        // Status is written through its subresource, and an apply to the object itself ignores it.
        if GroupVersionKind::of(&body).is_some_and(|gvk| self.schemas.has_status(&gvk))
            && let Some(fields) = body.as_object_mut()
        {
            fields.remove("status");
        }
        if is_secret(&body) {
            encode_string_data(&mut body);
        }
        body
    }

    /// Whether replicas stay out of the body: an autoscaler decides them, and leaving them out takes
    /// nothing away, because we are not the only one who holds them.
    pub(super) fn leaves_replicas(&self) -> bool {
        self.live_replicas().is_some_and(|_| !self.alone_holds_replicas())
    }

    /// The replicas that stay in the body although Git has none any more: an autoscaler decides them
    /// but has not yet, so that leaving them out would scale the object down to the default.
    fn kept_replicas(&self) -> Option<&Value> {
        let wanted = replicas().find(self.desired).is_some();
        self.live_replicas().filter(|_| !wanted && self.alone_holds_replicas())
    }

    fn live_replicas(&self) -> Option<&Value> {
        replicas().find(self.live.filter(|_| self.autoscaled)?)
    }

    fn alone_holds_replicas(&self) -> bool {
        let (mut ours, mut held) = (false, 0_usize);
        let entries = self.live.into_iter().flat_map(owned::entries);
        for entry in entries.filter(|entry| owned::holds(entry, ["spec", "replicas"])) {
            let text = |field: &str| entry.get(field).and_then(Value::as_str);
            held += 1;
            ours |= text("manager") == Some(self.manager) && text("operation") == Some("Apply");
        }
        ours && held == 1
    }
}

/// `.spec.replicas`.
pub(super) fn replicas() -> Path {
    Path::fields(["spec", "replicas"])
}

/// As the registry's Secret strategy does on every write: `stringData` wins over `data`.
fn encode_string_data(body: &mut Value) {
    let Some(fields) = body.as_object_mut() else { return };
    if !fields.get("stringData").is_none_or(is_map_of_texts) {
        // Not what a Secret may hold. The schema check says so, in better words.
        return;
    }
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    if let Some(data) = data.as_object_mut() {
        for (key, text) in texts {
            let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
            data.insert(key, Value::String(encoded));
        }
    }
}

fn is_map_of_texts(value: &Value) -> bool {
    value.is_null()
        || value
            .as_object()
            .is_some_and(|map| map.values().all(|it| it.is_string() || it.is_null()))
}

/// Takes one field out of an object.
pub(super) fn remove(object: &mut Value, path: &Path) {
    let Some((last, parents)) = path.segments().split_last() else { return };
    let mut here = object;
    for segment in parents {
        let Some(next) = step(here, segment) else { return };
        here = next;
    }
    match (here, last) {
        (Value::Object(map), Segment::Field(name)) => {
            map.remove(name);
        }
        (Value::Array(items), segment) => {
            let single = Path(vec![segment.clone()]);
            let found = single.find(&Value::Array(items.clone())).cloned();
            if let Some(found) = found {
                items.retain(|item| *item != found);
            }
        }
        _ => {}
    }
}

/// Puts a field of one object into another, making the maps and list entries that lead there. An
/// entry of a keyed list is made of its key.
pub(super) fn graft(object: &mut Value, path: &Path, value: &Value) {
    let mut here = object;
    for segment in path.segments() {
        let Some(next) = step_or_make(here, segment) else { return };
        here = next;
    }
    *here = value.clone();
}

fn step<'a>(here: &'a mut Value, segment: &Segment) -> Option<&'a mut Value> {
    match segment {
        Segment::Field(name) => here.as_object_mut()?.get_mut(name),
        Segment::Index(place) => here.as_array_mut()?.get_mut(*place),
        Segment::Key(_) | Segment::Value(_) => {
            let place = place_of(here, segment)?;
            here.as_array_mut()?.get_mut(place)
        }
    }
}

fn step_or_make<'a>(here: &'a mut Value, segment: &Segment) -> Option<&'a mut Value> {
    match segment {
        Segment::Field(name) => {
            if here.is_null() {
                *here = Value::Object(Map::new());
            }
            Some(here.as_object_mut()?.entry(name.as_str()).or_insert(Value::Null))
        }
        Segment::Index(place) => here.as_array_mut()?.get_mut(*place),
        Segment::Key(_) | Segment::Value(_) => {
            if here.is_null() {
                *here = Value::Array(Vec::new());
            }
            if place_of(here, segment).is_none() {
                let made = match segment {
                    Segment::Key(fields) => Value::Object(fields.clone().into_iter().collect()),
                    Segment::Value(value) => value.clone(),
                    Segment::Field(_) | Segment::Index(_) => return None,
                };
                here.as_array_mut()?.push(made);
            }
            let place = place_of(here, segment)?;
            here.as_array_mut()?.get_mut(place)
        }
    }
}

fn place_of(list: &Value, segment: &Segment) -> Option<usize> {
    let found = Path(vec![segment.clone()]);
    let item: *const Value = found.find(list)?;
    list.as_array()?.iter().position(|candidate| std::ptr::eq(candidate, item))
}
