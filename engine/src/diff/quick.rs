//! Whether an apply would change nothing, told without making it.
//!
//! ```text
//! desired ─┐
//! live ────┼─ one walk, by the schema ─ every desired field stands in live with the equal value,
//! fieldsV1 ┘                            and our entry owns exactly the fields that are desired
//! ```
//!
//! A value that is spelled otherwise stands too where it is what the server makes of ours
//! ([`super::as_stored`]): what Git leaves to defaults inside of what is replaced whole, an amount.
//!
//! Then the merge is the live object, nothing that we own is left out of the body, nobody loses a
//! field, and the ownership record stays as it is: an apply writes nothing, not even another spelling.
//! Yes is certain; no means "compare". It is the common answer for the common object, so it takes no
//! copy, no field set and no canonical form: all three are JSON maps sorted by key, walked at once.
//! Only a part that is spelled otherwise is copied.
//!
//! What it relies on: an apply changes only fields of its body and fields it owned before
//! (structured-merge-diff's `Updater.Apply`), defaulting runs only when the merge changed something,
//! and managedFields were written by a server.

use std::borrow::Cow;

use merge::GroupVersionKind;
use merge::defaults::Step;
use merge::schema::{Entries, TypeRef};
use serde_json::{Map, Value};

use super::as_stored::Stored;
use super::body::is_servers_own;
use super::shape::{self, fits, items_fit, key_is};
use super::{Comparison, owned};

/// Above this an entry that does not stand at the place it has in the body is not looked for.
const MOST_SEARCHED: usize = 256;

impl Comparison<'_> {
    /// Whether an apply certainly changes nothing, and nothing is left to be asked, taken back or
    /// adopted. No merge is made for it; `false` says only that one is needed.
    pub fn surely_in_sync(&self) -> bool {
        let Some(live) = self.live else { return false };
        self.predecessors.is_empty()
            && !self.is_ignoring()
            && self.stands(live)
            && !self.has_dropped(live)
    }

    fn stands(&self, live: &Value) -> bool {
        let body = if self.is_sent_otherwise() {
            Cow::Owned(self.outgoing())
        } else {
            Cow::Borrowed(self.desired)
        };
        let (Some(gvk), Value::Object(body)) = (GroupVersionKind::of(&body), body.as_ref()) else {
            return false;
        };
        let Some(live) = live.as_object() else { return false };
        let Some(version) = body.get("apiVersion").and_then(Value::as_str) else { return false };
        let Some(Ours { fields, elsewhere }) = ours(live, self.manager, version) else {
            return false;
        };
        // An entry in a version that its definition no longer serves makes every apply fail.
        if elsewhere && self.schemas.is_custom(&gvk) {
            return false;
        }
        let stored = Stored::of(self.schemas, &gvk, live, self.manager);
        let mut walk = Walk { text: String::new(), way: Vec::new(), stored };
        let root = self.schemas.root_or_deduced(Some(&gvk));
        let skips_status = body.contains_key("status") && self.schemas.has_status(&gvk);
        walk.root(root, body, live, fields, skips_status)
    }

    /// Whether what we applied last had a field that Git dropped and the cluster still has.
    fn has_dropped(&self, live: &Value) -> bool {
        let Some(previous) = self.previous else { return false };
        if std::ptr::eq(previous, self.desired) || previous == self.desired {
            return false;
        }
        let Some(previous) = self.previously_sent() else { return false };
        let body = self.outgoing();
        shape::leaves(self.schemas, &previous)
            .into_iter()
            .any(|path| path.find(&body).is_none() && path.find(live).is_some())
    }
}

/// What managedFields say of us.
struct Ours<'a> {
    /// The fields that our one Apply entry owns.
    fields: &'a Map<String, Value>,
    /// Whether there are entries of other versions.
    elsewhere: bool,
}

/// `None` if there is no entry of ours, it is of another version, or the list holds what a server does
/// not write.
fn ours<'a>(live: &'a Map<String, Value>, manager: &str, api_version: &str) -> Option<Ours<'a>> {
    let entries = live.get("metadata")?.get("managedFields")?.as_array()?;
    let (mut ours, mut elsewhere) = (None, false);
    for entry in entries {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let operation = text("operation");
        if text("fieldsType") != "FieldsV1" || !matches!(operation, "Apply" | "Update") {
            return None;
        }
        let same_version = text("apiVersion") == api_version;
        elsewhere |= !same_version;
        let is_ours =
            operation == "Apply" && text("manager") == manager && text("subresource").is_empty();
        if is_ours {
            if ours.is_some() || !same_version {
                return None;
            }
            ours = Some(entry.get("fieldsV1")?.as_object()?);
        }
    }
    Some(Ours { fields: ours?, elsewhere })
}

struct Walk<'a> {
    /// Where keys of fieldsV1 are spelled.
    text: String,
    /// The way to what is looked at.
    way: Vec<Step<'a>>,
    /// What tells whether another spelling is ours as it is stored.
    stored: Option<Stored<'a>>,
}

/// A walk over a sorted map that is asked for keys in their order.
struct Ahead<'a>(std::iter::Peekable<serde_json::map::Iter<'a>>);

impl<'a> Ahead<'a> {
    fn of(map: &'a Map<String, Value>) -> Self {
        Self(map.iter().peekable())
    }

    /// The value of a key. What is passed on the way must fit its type.
    fn reach(&mut self, name: &str, at: TypeRef<'_>) -> Option<&'a Value> {
        while let Some((key, value)) = self.0.peek() {
            match key.as_str().cmp(name) {
                std::cmp::Ordering::Less => {
                    if !fits(at.child(key)?, value) {
                        return None;
                    }
                    self.0.next();
                }
                std::cmp::Ordering::Equal => return self.0.next().map(|(_, value)| value),
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }

    /// Whether what is left fits its type.
    fn rest_fits(self, at: TypeRef<'_>) -> bool {
        self.0.into_iter().all(|(key, value)| at.child(key).is_some_and(|at| fits(at, value)))
    }
}

impl<'a> Walk<'a> {
    /// An object: its identity is owned by nobody, and its status is not ours to send.
    fn root(
        &mut self,
        at: TypeRef<'_>,
        body: &'a Map<String, Value>,
        live: &Map<String, Value>,
        owned: &Map<String, Value>,
        skips_status: bool,
    ) -> bool {
        let mut there = Ahead::of(live);
        let mut owned = owned::Fields::of(owned);
        for (name, value) in body {
            if name == "status" && skips_status {
                continue;
            }
            let Some(live) = there.reach(name, at) else { return false };
            let Some((child, is_key)) = place(at, name) else { return false };
            let stands = match name.as_str() {
                "apiVersion" | "kind" => live == value,
                "metadata" => {
                    let (Some(value), Some(live)) = (value.as_object(), live.as_object()) else {
                        return false;
                    };
                    // Of an object that we give nothing but its name, we own no metadata at all.
                    let inner = owned.take(name).map_or(Some(&*owned::NONE), Value::as_object);
                    let Some(inner) = inner else { return false };
                    self.way.push(Step::Field(name));
                    let stands = self.metadata(child, value, live, inner);
                    self.way.pop();
                    stands
                }
                _ => self.field(child, is_key, name, value, live, &mut owned),
            };
            if !stands {
                return false;
            }
        }
        owned.is_done() && there.rest_fits(at)
    }

    fn metadata(
        &mut self,
        at: TypeRef<'_>,
        body: &'a Map<String, Value>,
        live: &Map<String, Value>,
        owned: &Map<String, Value>,
    ) -> bool {
        let mut owned = owned::Fields::of(owned);
        for (name, value) in body {
            if is_servers_own(name) {
                continue;
            }
            let (Some(live), Some((child, is_key))) = (live.get(name), place(at, name)) else {
                return false;
            };
            let stands = match name.as_str() {
                "name" | "namespace" => live == value,
                _ => self.field(child, is_key, name, value, live, &mut owned),
            };
            if !stands {
                return false;
            }
        }
        let others = live.iter().filter(|(name, _)| *name != "managedFields");
        // What the body states of the server's own was passed over.
        let mut others =
            others.filter(|(name, _)| is_servers_own(name) || !body.contains_key(*name));
        owned.is_done() && others.all(|(name, it)| at.child(name).is_some_and(|at| fits(at, it)))
    }

    /// One field of a map, which takes its turn in what is owned.
    fn field(
        &mut self,
        at: TypeRef<'_>,
        is_key: bool,
        name: &'a str,
        body: &'a Value,
        live: &Value,
        owned: &mut owned::Fields<'_>,
    ) -> bool {
        let Some(Value::Object(owned)) = owned.take(name) else { return false };
        if is_leaf(at, body) {
            return owned.is_empty()
                && (leaf_stands(at, body, live)
                    || (fits(at, live) && self.is_so_stored(at, name, body, Some(live))));
        }
        // A key of a map is owned besides what lies below it, a field of a struct is not.
        if owned.contains_key(".") != is_key {
            return false;
        }
        self.way.push(Step::Field(name));
        let stands = self.value(at, body, live, owned);
        self.way.pop();
        stands
    }

    /// A field that live does not have, or has only in a form that does not fit.
    fn nothing(
        &self,
        at: TypeRef<'_>,
        name: &str,
        body: &Value,
        owned: &mut owned::Fields<'_>,
    ) -> bool {
        let is_owned = owned.take(name).and_then(Value::as_object).is_some_and(Map::is_empty);
        is_owned && is_leaf(at, body) && self.is_so_stored(at, name, body, None)
    }

    /// Whether what live has of a leaf is what the server makes of it.
    fn is_so_stored(
        &self,
        at: TypeRef<'_>,
        name: &str,
        body: &Value,
        live: Option<&Value>,
    ) -> bool {
        fits(at, body) && self.stored.is_some_and(|stored| stored.is(&self.way, name, body, live))
    }

    /// Something with parts of its own.
    fn value(
        &mut self,
        at: TypeRef<'_>,
        body: &'a Value,
        live: &Value,
        owned: &Map<String, Value>,
    ) -> bool {
        match (body, live) {
            (Value::Object(body), Value::Object(live)) => {
                let mut there = Ahead::of(live);
                let mut owned = owned::Fields::of(owned);
                for (name, value) in body {
                    let Some((child, is_key)) = place(at, name) else { return false };
                    let stands = match there.reach(name, at) {
                        Some(live) => self.field(child, is_key, name, value, live, &mut owned),
                        None => self.nothing(child, name, value, &mut owned),
                    };
                    if !stands {
                        return false;
                    }
                }
                owned.is_done() && there.rest_fits(at)
            }
            (Value::Array(body), Value::Array(live)) => self.items(at, body, live, owned),
            _ => false,
        }
    }

    /// The entries of a keyed list or of a set. As many are owned as are desired, and each desired one
    /// is owned: so they are the same, and no two of them have one key.
    fn items(
        &mut self,
        at: TypeRef<'_>,
        body: &'a [Value],
        live: &[Value],
        owned: &Map<String, Value>,
    ) -> bool {
        let (Some(entries), Some(element)) = (at.entries(), at.element()) else { return false };
        if owned.len() - usize::from(owned.contains_key(".")) != body.len() {
            return false;
        }
        let mut next = 0;
        for item in body {
            if !owned::spell_entry(&mut self.text, entries, element, item) {
                return false;
            }
            let Some(Value::Object(owned)) = owned.get(&self.text) else { return false };
            let is_it = |live: &Value| match entries {
                Entries::Keyed(keys) => key_is(item, live, keys, element),
                _ => live == item,
            };
            let Some(place) = find(live, next, is_it) else { return false };
            let Some(live) = live.get(place) else { return false };
            next = place + 1;
            let stands = match entries {
                Entries::Keyed(_) => {
                    self.way.push(Step::Entry);
                    let stands = (owned.is_empty() || owned.contains_key("."))
                        && self.value(element, item, live, owned);
                    self.way.pop();
                    stands
                }
                _ => owned.is_empty() && fits(element, live),
            };
            if !stands {
                return false;
            }
        }
        // Entries of others, if there are any: an apply fails where two of them have one key.
        live.len() == body.len() || items_fit(at, live)
    }
}

/// The type of a field, and whether it is a key of a map instead of a declared field.
fn place<'a>(at: TypeRef<'a>, name: &str) -> Option<(TypeRef<'a>, bool)> {
    match at.field(name) {
        Some(field) => Some((field, false)),
        None => at.child(name).map(|key| (key, true)),
    }
}

/// Where an entry stands: most often where the last one was found, and one.
fn find(items: &[Value], next: usize, is_it: impl Fn(&Value) -> bool) -> Option<usize> {
    if items.get(next).is_some_and(&is_it) {
        return Some(next);
    }
    if items.len() > MOST_SEARCHED {
        return None;
    }
    items.iter().position(is_it)
}

/// Whether a value is replaced as a whole, or has nothing in it.
fn is_leaf(at: TypeRef<'_>, value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty() || at.is_atomic_map(),
        Value::Array(_) => !matches!(at.entries(), Some(Entries::Keyed(_) | Entries::Set)),
        _ => true,
    }
}

/// Whether the live leaf is the desired one. A map with nothing in it wants no more than that there is
/// a map.
fn leaf_stands(at: TypeRef<'_>, body: &Value, live: &Value) -> bool {
    match body {
        Value::Null => false,
        Value::Object(map) if map.is_empty() && !at.is_atomic_map() => {
            live.is_object() && fits(at, live)
        }
        _ => body == live && fits(at, live),
    }
}
