//! A revision's render, kept so that it can be put back without Git.

use merge::{Digest, Manifest};
use serde::{Deserialize, Serialize};

use super::form::{self, RecordError};

/// Every object of one render as it is sent, with the digest that names the render.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Names the render.
    pub digest: Digest,
    /// The commit it was rendered from, if it came from Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its objects.
    pub objects: Vec<Manifest>,
}

impl Bundle {
    /// Reads what [`Bundle::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        form::read("bundle", bytes)
    }

    /// Its canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        form::write("bundle", self)
    }
}
