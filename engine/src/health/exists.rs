//! Kinds that are what they are as soon as they exist.

use serde_json::Value;

use super::{Health, Related};

pub(super) fn assess(_object: &Value, _related: &Related<'_>) -> Health {
    Health::healthy("exists")
}
