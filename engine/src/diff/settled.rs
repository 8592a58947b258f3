//! The second hash of an object: what the server made of our fields.
//!
//! ```text
//! desired ∪ previous ─┐
//! live ───────────────┴─ one walk, by the schema ─► bytes ─► sha256
//! ```
//!
//! The live object is hashed as the server spells it, with three exceptions: an amount is hashed by its
//! size, a whole number as one, and entries of keyed lists and of sets in one order. So `1Ki` and
//! `1024`, and entries in another order, are one digest. Whatever else means the same and is spelled
//! otherwise makes another one; then the objects are compared by meaning, and that answer counts.

use std::borrow::Cow;

use merge::schema::{Entries, Format, Schemas, TypeRef};
use merge::{Digest, GroupVersionKind, meaning};
use serde_json::{Map, Number, Value};

use super::body::is_servers_own;
use super::shape::{self, items_fit, key_is};
use crate::redact::is_secret;
use crate::vouch::{FORMAT, Settled};

/// The digest of a live object under the fields that `desired` and `previous` declare. It is recorded
/// when an apply has returned; as long as both it and the manifest's digest stand, nothing that
/// concerns us has happened to the object, whatever defaults, quantities or webhooks made of it.
/// Fields that are not there count for nothing, so one that was removed with `previous` does not keep
/// the digest from standing once `previous` has become `desired`.
pub fn settled_digest(
    schemas: &Schemas,
    live: &Value,
    desired: &Value,
    previous: Option<&Value>,
) -> Settled {
    let previous = previous.filter(|previous| !std::ptr::eq(*previous, desired));
    let (desired, previous) = (as_stored(desired), previous.map(as_stored));
    let declared = [Some(desired.as_ref()), previous.as_deref()];
    let has_status = GroupVersionKind::of(live).is_some_and(|gvk| schemas.has_status(&gvk));
    let mut stream = Stream { bytes: Vec::with_capacity(4096) };
    stream.bytes.extend_from_slice(&FORMAT.to_be_bytes());
    if let Some(map) = live.as_object() {
        let root = shape::root(schemas, live);
        stream.fields(root, map, declared, |stream, name, live, declared| match name {
            "status" if has_status => false,
            "metadata" => match (live.as_object(), root.child(name)) {
                (Some(map), Some(at)) => {
                    stream.fields(at, map, declared, |stream, name, it, told| {
                        !is_servers_own(name) && stream.child(at, name, it, told)
                    })
                }
                _ => stream.whole(root.child(name), live),
            },
            _ => stream.child(root, name, live, declared),
        });
    }
    Settled::new(Digest::of_bytes(&stream.bytes))
}

/// What is declared, under the fields in which the server stores it: a Secret's texts are its data.
fn as_stored(declared: &Value) -> Cow<'_, Value> {
    let texts = declared.get("stringData").and_then(Value::as_object);
    let Some(texts) = texts.filter(|_| is_secret(declared)) else {
        return Cow::Borrowed(declared);
    };
    let mut stored = declared.clone();
    if let Some(fields) = stored.as_object_mut() {
        fields.remove("stringData");
        let data = fields.entry("data").or_insert(Value::Null);
        if !data.is_object() {
            *data = Value::Object(Map::new());
        }
        if let Some(data) = data.as_object_mut() {
            // Only which keys there are matters here.
            data.extend(texts.iter().map(|(key, text)| (key.clone(), text.clone())));
        }
    }
    Cow::Owned(stored)
}

/// What Git wants at a place, and what it wanted last.
type Declared<'a> = [Option<&'a Value>; 2];

struct Stream {
    bytes: Vec<u8>,
}

impl Stream {
    /// The declared fields of a map, in their order; `false` if none of them is there.
    fn fields(
        &mut self,
        at: TypeRef<'_>,
        live: &Map<String, Value>,
        declared: Declared<'_>,
        mut each: impl FnMut(&mut Self, &str, &Value, Declared<'_>) -> bool,
    ) -> bool {
        let [one, two] = declared.map(|it| it.and_then(Value::as_object));
        let start = self.bytes.len();
        self.bytes.push(b'{');
        let mut any = false;
        let mut named = |stream: &mut Self, name: &str, declared: Declared<'_>| {
            let Some(live) = live.get(name) else { return };
            let start = stream.bytes.len();
            stream.text(b'k', name);
            if each(stream, name, live, declared) {
                any = true;
            } else {
                stream.bytes.truncate(start);
            }
        };
        let mut others = two.into_iter().flatten().peekable();
        for (name, value) in one.into_iter().flatten() {
            while let Some((other, value)) = others.next_if(|(other, _)| *other < name) {
                named(self, other, [None, Some(value)]);
            }
            let other = others.next_if(|(other, _)| *other == name).map(|(_, value)| value);
            named(self, name, [Some(value), other]);
        }
        for (name, value) in others {
            named(self, name, [None, Some(value)]);
        }
        self.bytes.push(b'}');
        let declares_none = |it: Option<&Map<String, Value>>| it.is_some_and(Map::is_empty);
        // A map that is declared with nothing in it declares that there is one.
        any |= (declares_none(one) || declares_none(two)) && at.is_map();
        if !any {
            self.bytes.truncate(start);
        }
        any
    }

    fn child(
        &mut self,
        parent: TypeRef<'_>,
        name: &str,
        live: &Value,
        declared: Declared<'_>,
    ) -> bool {
        match parent.child(name) {
            Some(at) => self.value(at, live, declared),
            None => self.whole(None, live),
        }
    }

    /// What is declared of a value; `false` if there is nothing of it.
    fn value(&mut self, at: TypeRef<'_>, live: &Value, declared: Declared<'_>) -> bool {
        let all = |is_it: fn(&Value) -> bool| declared.into_iter().flatten().all(is_it);
        match live {
            Value::Object(map) if !at.is_atomic_map() && all(Value::is_object) => {
                self.fields(at, map, declared, |stream, name, live, told| {
                    stream.child(at, name, live, told)
                })
            }
            Value::Array(items) if all(Value::is_array) => match (at.entries(), at.element()) {
                (Some(Entries::Keyed(keys)), Some(element)) => {
                    self.keyed(element, keys, items, declared)
                }
                (Some(Entries::Set), Some(element)) => self.members(element, items, declared),
                _ => self.whole(Some(at), live),
            },
            // Declared as null: all that is there counts, its order as little as ever.
            Value::Array(items) if !items.is_empty() && items_fit(at, items) => {
                self.value(at, live, [Some(live), None])
            }
            _ => self.whole(Some(at), live),
        }
    }

    /// The declared entries of a keyed list, whatever their order.
    fn keyed(
        &mut self,
        element: TypeRef<'_>,
        keys: &[String],
        items: &[Value],
        declared: Declared<'_>,
    ) -> bool {
        let declared = declared.map(|it| it.and_then(Value::as_array));
        self.in_order(items, declared, |stream, place, item| {
            let is_it = |other: &&Value| key_is(item, other, keys, element);
            let told = declared.map(|list| {
                let list = list?;
                list.get(place).filter(is_it).or_else(|| list.iter().find(is_it))
            });
            if told == [None, None] {
                return false;
            }
            // The key first: it is what the entries are put in order by.
            for key in keys {
                match item.get(key).or_else(|| element.default_of(key)) {
                    Some(value) => stream.spell(element.child(key), value),
                    None => stream.bytes.push(b'-'),
                }
            }
            stream.value(element, item, told)
        })
    }

    /// The declared members of a set, whatever their order.
    fn members(&mut self, element: TypeRef<'_>, items: &[Value], declared: Declared<'_>) -> bool {
        let declared = declared.map(|it| it.and_then(Value::as_array));
        self.in_order(items, declared, |stream, _, item| {
            let is_declared = declared.iter().flatten().any(|list| list.contains(item));
            is_declared && stream.whole(Some(element), item)
        })
    }

    /// Entries, each of which becomes a piece of its own, sorted. A list that is declared with nothing
    /// in it declares that there is one.
    fn in_order(
        &mut self,
        items: &[Value],
        declared: [Option<&Vec<Value>>; 2],
        mut each: impl FnMut(&mut Self, usize, &Value) -> bool,
    ) -> bool {
        let start = self.bytes.len();
        self.bytes.push(b'[');
        let first = self.bytes.len();
        let mut pieces: Vec<(usize, usize)> = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let begin = self.bytes.len();
            if each(self, place, item) {
                pieces.push((begin, self.bytes.len()));
            } else {
                self.bytes.truncate(begin);
            }
        }
        if pieces.is_empty() && !declared.into_iter().flatten().any(Vec::is_empty) {
            self.bytes.truncate(start);
            return false;
        }
        let written = self.bytes.split_off(first);
        let piece = |(begin, end): (usize, usize)| {
            written.get(begin - first..end - first).unwrap_or_default()
        };
        pieces.sort_by(|one, two| piece(*one).cmp(piece(*two)));
        for one in pieces {
            self.bytes.extend_from_slice(piece(one));
        }
        self.bytes.push(b']');
        true
    }

    /// A value with all that is in it.
    fn whole(&mut self, at: Option<TypeRef<'_>>, value: &Value) -> bool {
        self.spell(at, value);
        true
    }

    fn spell(&mut self, at: Option<TypeRef<'_>>, value: &Value) {
        let is_amount = || at.and_then(TypeRef::format) == Some(Format::Quantity);
        match value {
            Value::Null => self.bytes.push(b'0'),
            Value::Bool(true) => self.bytes.push(b't'),
            Value::Bool(false) => self.bytes.push(b'f'),
            Value::Number(_) | Value::String(_) if is_amount() => match meaning::amount(value) {
                Some(nanos) => {
                    self.bytes.push(b'q');
                    self.bytes.extend_from_slice(&nanos.to_be_bytes());
                }
                None => self.scalar(value),
            },
            Value::Number(_) | Value::String(_) => self.scalar(value),
            Value::Array(items) => {
                let element = at.and_then(TypeRef::element);
                self.bytes.push(b'[');
                for item in items {
                    self.spell(element, item);
                }
                self.bytes.push(b']');
            }
            Value::Object(map) => {
                self.bytes.push(b'{');
                for (name, value) in map {
                    self.text(b'k', name);
                    self.spell(at.and_then(|at| at.child(name)), value);
                }
                self.bytes.push(b'}');
            }
        }
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(b's', text),
            _ => {}
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(whole) = number.as_i64() {
            self.bytes.push(b'i');
            self.bytes.extend_from_slice(&whole.to_be_bytes());
            return;
        }
        // `1.0` is `1`, in the text that has no point.
        let text = match number.as_f64() {
            Some(float) if float.fract() == 0.0 => format!("{float:.0}"),
            _ => number.to_string(),
        };
        match text.parse::<i64>() {
            Ok(whole) => {
                self.bytes.push(b'i');
                self.bytes.extend_from_slice(&whole.to_be_bytes());
            }
            Err(_) => self.text(b'n', &text),
        }
    }

    /// With its length before it, so that no two values have one spelling.
    fn text(&mut self, kind: u8, text: &str) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unhidden;
