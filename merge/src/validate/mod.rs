//! What a server refuses with 422, and in which words.
//!
//! An object comes in (and the one it replaces), causes come out: the `details.causes` of the
//! `Status` a kube-apiserver would answer with. Objects are taken as the server would have them
//! after [`crate::defaults::fill`]. Kinds that are not built in only have their metadata judged here:
//! their schemas are the business of whoever holds their definition.

use serde_json::Value;

/// One reason of a refusal, as it stands in the `details.causes` of a `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// The machine-readable reason, `FieldValueInvalid` for instance.
    pub reason: &'static str,
    /// The path of the field as the server writes it: `spec.ports[0].port`.
    pub field: String,
    /// The reason in words, the offending value included.
    pub message: String,
}

/// Why a server would refuse to create the object; empty when it would not.
pub fn create(object: &Value) -> Vec<Cause> {
    let _ = object;
    Vec::new()
}

/// Why a server would refuse to put `new` in the place of `old`; empty when it would not.
pub fn update(old: &Value, new: &Value) -> Vec<Cause> {
    immutable(old, new)
}

/// The part of [`update`] that is about fields that may never change once the object exists.
pub fn immutable(old: &Value, new: &Value) -> Vec<Cause> {
    let _ = (old, new);
    Vec::new()
}
