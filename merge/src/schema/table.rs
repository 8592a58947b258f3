//! The compiled-in table: the schemas of every built-in kind, generated from recorded OpenAPI
//! documents, as deflated bytes. A test reads the documents again and finds no difference; the
//! ignored test `write_the_table` writes it anew.

use std::io::Read as _;
use std::sync::{Arc, LazyLock};

use super::bytes;
use super::types::Layer;

static TABLE: &[u8] = include_bytes!("builtin.deflate");

static BUILTIN: LazyLock<Arc<Layer>> = LazyLock::new(|| Arc::new(unpack(TABLE)));
static DEDUCED: LazyLock<Layer> = LazyLock::new(Layer::empty);

/// The layer of the compiled-in table.
pub(super) fn builtin() -> Arc<Layer> {
    Arc::clone(&BUILTIN)
}

/// A layer that knows no kinds, for objects that have no schema.
pub(super) fn deduced() -> &'static Layer {
    &DEDUCED
}

/// Read a packed layer. The bytes are part of the program and a test reads them, so what cannot be
/// read is a layer of nothing.
fn unpack(packed: &[u8]) -> Layer {
    let mut unpacked = Vec::new();
    let read = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut unpacked);
    let layers = read.ok().and_then(|_| bytes::unpack(&unpacked));
    layers.and_then(|layers| layers.into_iter().next()).unwrap_or_else(Layer::empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;
    use serde_json::Value;
    use std::io::Write as _;

    fn generate() -> Layer {
        let documents: Vec<Value> = recorded::files("discovery/openapi-v3")
            .iter()
            .map(|path| serde_json::from_str(&recorded::text(path)).unwrap())
            .collect();
        super::super::read::documents(&documents).unwrap()
    }

    #[test]
    fn the_table_is_what_the_recorded_documents_say() {
        assert!(*builtin().as_ref() == generate(), "run the ignored test write_the_table");
        assert!(builtin().kinds.len() > 50);
    }

    #[test]
    #[ignore = "writes src/schema/builtin.deflate"]
    fn write_the_table() {
        let unpacked = bytes::pack(&[&generate()]);
        let mut packer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&unpacked).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema/builtin.deflate");
        std::fs::write(path, packer.finish().unwrap()).unwrap();
    }
}
