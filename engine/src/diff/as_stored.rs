//! Whether a part that stands in live otherwise than Git spells it is what a server makes of Git's
//! spelling: `4Gi` of `4096Mi`, a port with its protocol of one without, nothing of an empty text.
//!
//! An apply puts the part in as it is spelled, and then the whole object goes through decoding and
//! defaulting. What has been read from a server has gone through them before and stays as it is, so
//! only the part has to go through them again ([`defaults::part`]).
//!
//! In between the part has changed, and whoever else holds it loses it. So nobody may. And the time of
//! our entry is set anew before the ownership records are compared, which are in the order of their
//! times, those of applies first. So nobody else may have applied.

use merge::GroupVersionKind;
use merge::defaults::{self, Step};
use merge::schema::Schemas;
use serde_json::{Map, Value};

use super::owned;

/// An object of a built-in kind that a server has stored.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    live: &'a Map<String, Value>,
    entries: &'a [Value],
    manager: &'a str,
}

impl<'a> Stored<'a> {
    /// `None` if no defaulting is known for the kind, or the object has not been stored yet.
    pub fn of(
        schemas: &Schemas,
        gvk: &GroupVersionKind,
        live: &'a Map<String, Value>,
        manager: &'a str,
    ) -> Option<Self> {
        let metadata = live.get("metadata")?;
        let uid = metadata.get("uid")?;
        let is_known = schemas.knows(gvk) && !schemas.is_custom(gvk);
        (is_known && uid.as_str().is_some_and(|uid| !uid.is_empty())).then_some(Self {
            live,
            entries: metadata.get("managedFields")?.as_array()?,
            manager,
        })
    }

    /// Whether a part, spelled like this, is stored as the live one is, or not at all if there is none.
    pub fn is(&self, way: &[Step<'_>], name: &str, spelled: &Value, live: Option<&Value>) -> bool {
        // The common part that differs is told by its sort.
        let may_be = match spelled {
            Value::Null => false,
            Value::Bool(set) => !set && live.is_none(),
            Value::String(_) | Value::Number(_) => true,
            Value::Object(_) => live.is_none_or(Value::is_object),
            Value::Array(_) => live.is_none_or(Value::is_array),
        };
        may_be
            && !self.others().any(|entry| owned::is_apply(entry) || may_hold(entry, way, name))
            && defaults::part(self.live, way, name, spelled)
                .is_some_and(|stored| stored.as_ref() == live)
    }

    /// Those of other managers, and of our own writes that are no applies.
    fn others(&self) -> impl Iterator<Item = &'a Value> {
        let manager = self.manager;
        self.entries.iter().filter(move |entry| !owned::is_applied_by(entry, manager))
    }
}

/// Whether an entry holds a field, or something below or above it. Entries of lists are not told apart.
fn may_hold(entry: &Value, way: &[Step<'_>], name: &str) -> bool {
    let names = way.iter().map_while(|step| match step {
        Step::Field(name) => Some(*name),
        Step::Entry => None,
    });
    let is_in_list = way.iter().any(|step| matches!(step, Step::Entry));
    let mut here = entry.get("fieldsV1");
    for name in names.chain((!is_in_list).then_some(name)) {
        let Some(Value::Object(level)) = here else { return true };
        if level.is_empty() {
            return true;
        }
        here = level.get(&format!("f:{name}"));
        if here.is_none() {
            return false;
        }
    }
    true
}
