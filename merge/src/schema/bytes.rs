//! Schemas as bytes, for a process that starts again and for the compiled-in table. Bytes of another
//! form, or damaged ones, are no schemas, and then the documents are read again.
//!
//! ```text
//! form (8 bytes) · sha256 of the rest · texts · defaults · layers (kinds, types)
//! ```
//!
//! Numbers are written seven bits a byte, texts and defaults once and then by number.

mod read;
mod write;

use std::sync::Arc;

use super::types::Layer;
use super::{Schemas, table};
use crate::digest::Digest;

/// What the bytes begin with; it changes with the form.
const FORM: &[u8; 8] = b"cleat\0s1";

/// How long the digest is.
const DIGEST: usize = 64;

impl Schemas {
    /// The bytes that [`Schemas::from_bytes`] reads. What is compiled in is not among them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let own: Vec<&Layer> = self
            .layers
            .iter()
            .filter(|layer| !Arc::ptr_eq(layer, &table::builtin()))
            .map(AsRef::as_ref)
            .collect();
        pack(&own)
    }

    /// The schemas that [`Schemas::to_bytes`] made bytes of; `None` if these bytes are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self { layers: unpack(bytes)?.into_iter().map(Arc::new).collect() })
    }
}

/// Layers as bytes.
pub(super) fn pack(layers: &[&Layer]) -> Vec<u8> {
    let rest = write::layers(layers);
    let mut bytes = FORM.to_vec();
    bytes.extend_from_slice(Digest::of_bytes(&rest).to_string().as_bytes());
    bytes.extend_from_slice(&rest);
    bytes
}

/// Layers from bytes; `None` if these are none.
pub(super) fn unpack(bytes: &[u8]) -> Option<Vec<Layer>> {
    let (digest, rest) = bytes.strip_prefix(FORM)?.split_at_checked(DIGEST)?;
    let is_whole = Digest::of_bytes(rest).to_string().as_bytes() == digest;
    is_whole.then(|| read::layers(rest)).flatten()
}

#[cfg(test)]
mod tests;
