//! managedFields: who owns which fields of an object.
//!
//! [`entries`], [`owners`] and [`owned_by`] read them; [`update`] is what becomes of them when an
//! object is created, replaced or patched (any write that is no apply). It follows apimachinery's
//! `managedfields.FieldManager.Update` and its chain of managers. [`migrate`](fn@migrate) hands what
//! predecessors declared over to a manager that takes an object over.

mod declared;
mod identity;
mod migrate;
mod updater;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::FieldSet;
use crate::object::{self, GroupVersionKind};
use crate::path::Path;
use crate::reset;
use crate::schema::Schemas;

pub use migrate::{HandedOver, Migration, PREDECESSORS, Predecessor, Takeover, migrate};

pub(crate) use identity::{Identity, Managers, Owned, decode, encode, replace};
pub(crate) use updater::{TakeError, Updater, strip, take_over};

/// How a manager came to own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By creating, replacing or patching.
    Update,
}

impl Operation {
    /// As managedFields spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One entry of managedFields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The manager's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The version its fields are of.
    pub api_version: String,
    /// When it last took or gave up a field.
    pub time: Option<String>,
    /// The subresource it wrote to.
    pub subresource: Option<String>,
    /// What it owns.
    pub fields: FieldSet,
}

/// A manager that owns a certain field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The manager's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// When it last wrote: of all its fields, not of this one.
    pub time: Option<String>,
    /// The subresource it wrote to.
    pub subresource: Option<String>,
}

/// The entries of an object's managedFields, as they stand. Those that cannot be read are left out.
pub fn entries(object: &Value) -> Vec<Entry> {
    let listed = object::metadata(object)
        .and_then(|metadata| metadata.get("managedFields"))
        .and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|entry| identity::read_entry(entry).ok()).collect()
}

/// The managers that own a field, or own it whole as a part of something atomic above it.
pub fn owners(object: &Value, path: &Path) -> Vec<Owner> {
    owners_among(&entries(object), path)
}

/// The same among entries that were read before, for whoever asks about many fields of one object.
pub fn owners_among(entries: &[Entry], path: &Path) -> Vec<Owner> {
    let owns = |fields: &FieldSet| {
        fields.touches(path)
            || (1..path.segments().len()).any(|end| {
                let above = path.segments().get(..end).unwrap_or_default();
                fields.contains(&Path(above.to_vec()))
                    && fields.at(above).is_some_and(FieldSet::is_empty)
            })
    };
    let entries = entries.iter().filter(|entry| owns(&entry.fields));
    entries
        .map(|entry| Owner {
            manager: entry.manager.clone(),
            operation: entry.operation,
            time: entry.time.clone(),
            subresource: entry.subresource.clone(),
        })
        .collect()
}

/// All that a manager owns by one kind of writing, whatever the version or subresource.
pub fn owned_by(object: &Value, manager: &str, operation: Operation) -> FieldSet {
    entries(object)
        .iter()
        .filter(|entry| entry.manager == manager && entry.operation == operation)
        .fold(FieldSet::new(), |set, entry| set.union(&entry.fields))
}

/// Write the managedFields of `new`, the object as it is about to be stored after a POST (no `live`),
/// a PUT or a patch by `manager`.
///
/// `new` may carry managedFields of its own: a writer may edit or clear them. It must have its
/// defaults already, since a writer owns the defaults its write brought. If ownership cannot be worked
/// out (two entries of a list have one key), nobody owns anything, as on a server.
pub fn update(
    schemas: &Schemas,
    live: Option<&Value>,
    new: &mut Value,
    manager: &str,
    subresource: Option<&str>,
    time: &str,
) {
    let managed = updater::after_update(schemas, live, new, manager, subresource, time);
    let fields = managed.map(|managed| encode(&managed)).unwrap_or_default();
    let unchanged = live.is_some_and(|live| only_times_differ(live, new, &fields));
    let kept = live.filter(|_| unchanged).and_then(identity::managed_fields).cloned();
    replace(new, kept.unwrap_or(fields));
}

/// Put what a write to a resource, or to its status, cannot change back to what it was: `status` in a
/// write to the resource, `spec` in one to the status, and what else the kinds' strategies reset.
pub fn reset_fields(
    schemas: &Schemas,
    live: Option<&Value>,
    new: &mut Value,
    subresource: Option<&str>,
) {
    let gvk = GroupVersionKind::of(new);
    reset::restore(&reset::fields(schemas, gvk.as_ref(), subresource), live, new);
}

/// A copy of an object without its managedFields.
pub(crate) fn without_managed_fields(object: &Value) -> Value {
    let Some(fields) = object.as_object() else {
        return object.clone();
    };
    let copy = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Object(metadata) if name == "metadata" => {
                let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
                kept.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            other => other.clone(),
        };
        (name.clone(), value)
    };
    fields.iter().map(copy).collect()
}

/// Whether nothing but the times of managedFields would change
/// (`IgnoreManagedFieldsTimestampsTransformer`).
pub(crate) fn only_times_differ(live: &Value, new: &Value, fields: &[Value]) -> bool {
    only_times(live, fields)
        && all_but(live, new, &["metadata"])
        && match (live.get("metadata"), new.get("metadata")) {
            (Some(one), Some(two)) => {
                all_but(one, two, &["managedFields", "resourceVersion", "generation"])
            }
            (one, two) => one == two,
        }
}

/// Whether these managedFields are the object's own, times aside; not so if it has none.
pub(crate) fn only_times(live: &Value, fields: &[Value]) -> bool {
    let before = identity::managed_fields(live).map(Vec::as_slice).unwrap_or_default();
    !before.is_empty()
        && before.len() == fields.len()
        && before.iter().zip(fields).all(|(one, two)| all_but(one, two, &["time"]))
}

/// Whether two maps are the same, some fields aside.
fn all_but(one: &Value, two: &Value, names: &[&str]) -> bool {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let counts = |(name, _): &(&String, &Value)| !names.contains(&name.as_str());
            one.iter().filter(counts).eq(two.iter().filter(counts))
        }
        _ => one == two,
    }
}
