//! The second hash of an object: what the server made of our fields.

use std::collections::BTreeMap;

use merge::schema::Schemas;
use merge::{Digest, meaning};
use serde_json::Value;

use super::shape;
use crate::vouch::Settled;

/// The digest of a live object under the fields that `desired` and `previous` declare, compared by
/// meaning. It is recorded when an apply has returned; as long as both it and the manifest's digest
/// stand, nothing that concerns us has happened to the object, whatever defaults, quantities or
/// webhooks made of it. Fields that are not there count for nothing, so one that was removed with
/// `previous` does not keep the digest from standing once `previous` has become `desired`.
pub fn settled_digest(
    schemas: &Schemas,
    live: &Value,
    desired: &Value,
    previous: Option<&Value>,
) -> Settled {
    let live = meaning::canonical(schemas, live);
    let mut held = BTreeMap::new();
    for declared in [Some(desired), previous].into_iter().flatten() {
        for path in shape::leaves(schemas, &meaning::declared(schemas, declared)) {
            if let Some(value) = path.find(&live) {
                held.insert(path.to_string(), value.clone());
            }
        }
    }
    Settled::new(Digest::of(&Value::Object(held.into_iter().collect())))
}
