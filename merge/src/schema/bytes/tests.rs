//! Tables and laws of bytes.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::recorded;
use crate::schema::types::{Layer, Type};

fn documents(names: &[&str]) -> Schemas {
    let documents: Vec<Value> = recorded::files("discovery/openapi-v3")
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            names.iter().any(|wanted| name.starts_with(wanted))
        })
        .map(|path| serde_json::from_str(&recorded::text(path)).unwrap())
        .collect();
    assert_eq!(documents.len(), names.len());
    Schemas::from_documents(&documents).unwrap()
}

const COMMON: &[&str] =
    &["apis__apps__v1.", "api__v1.", "apis__batch__v1.", "apis__networking.k8s.io__v1."];

/// What a layer takes in memory, about: its own values, with names and defaults counted once.
fn size(layer: &Layer) -> usize {
    let mut shared = std::collections::BTreeMap::new();
    let mut total = layer.kinds.capacity() * size_of_val(layer.kinds.first().unwrap());
    total += layer.types.len() * size_of::<Type>();
    for own in &layer.types {
        for (name, field) in own.map.iter().flat_map(|map| map.fields.iter()) {
            total += size_of_val(name) + size_of_val(field);
            shared.insert(name.as_ptr().addr(), name.len() + 16);
            if let Some(default) = &field.default {
                shared.insert(Arc::as_ptr(default).addr(), size_of::<Value>() + 16);
            }
        }
    }
    total + shared.values().sum::<usize>()
}

#[test]
fn schemas_come_back_as_they_were() {
    let schemas = documents(COMMON);
    let bytes = schemas.to_bytes();
    let read = Schemas::from_bytes(&bytes).unwrap();
    assert!(read.layers == schemas.layers);
    let in_memory: usize = read.layers.iter().map(|layer| size(layer)).sum();
    println!("{} bytes on disk, {in_memory} in memory", bytes.len());
    assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
    assert!(in_memory < 400_000, "{in_memory} bytes in memory");
    // What is read again is shared as what was read first.
    let first: usize = schemas.layers.iter().map(|layer| size(layer)).sum();
    assert!(in_memory <= first + first / 10, "{in_memory} {first}");
}

#[test]
fn what_is_compiled_in_is_not_written() {
    let none = Schemas::from_bytes(&Schemas::builtin().to_bytes()).unwrap();
    assert!(none.layers.is_empty());
    let both = Schemas::builtin().extended(&documents(&["apis__apps__v1."]));
    assert_eq!(Schemas::from_bytes(&both.to_bytes()).unwrap().layers.len(), 1);
}

#[test]
fn a_document_leaves_only_what_its_kinds_lead_to() {
    let apps = documents(&["apis__apps__v1."]);
    let layer = &apps.layers[0];
    let mut kept = Layer::clone(layer);
    kept.keep_reachable();
    assert!(kept == **layer);
    // A template leads to pods' containers; nothing leads to what is deleted by.
    let declares = |name: &str| {
        let mut maps = layer.types.iter().filter_map(|own| own.map.as_ref());
        maps.any(|map| map.fields.get(name).is_some())
    };
    assert!(declares("imagePullPolicy") && !declares("propagationPolicy"));
}

#[test]
fn other_bytes_are_no_schemas() {
    let good = documents(&["apis__apps__v1."]).to_bytes();
    assert!(Schemas::from_bytes(&good).is_some());
    assert!(Schemas::from_bytes(b"").is_none());
    for length in (0..good.len()).step_by(good.len() / 50) {
        assert!(Schemas::from_bytes(&good[..length]).is_none());
        let mut other = good.clone();
        other[length] ^= 1;
        assert!(Schemas::from_bytes(&other).is_none(), "{length}");
    }
    let hollow = Schemas { layers: vec![Arc::new(Layer { types: Vec::new(), ..Layer::empty() })] };
    assert!(Schemas::from_bytes(&hollow.to_bytes()).is_none());
}

proptest! {
    /// The digest aside: even bytes that were made to mislead are refused, or are schemas.
    #[test]
    fn no_bytes_make_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let schemas = documents(&["apis__scheduling.k8s.io__v1."]);
            schemas.to_bytes()[FORM.len() + DIGEST..].to_vec()
        });
        let mut bytes = GOOD.clone();
        for (place, byte) in changes {
            *place.get_mut(&mut bytes) = byte;
        }
        let shorter = &bytes[..cut.index(bytes.len())];
        for rest in [bytes.as_slice(), shorter] {
            if let Some(layers) = read::layers(rest) {
                let schemas = Schemas { layers: layers.into_iter().map(Arc::new).collect() };
                let _ = schemas.check(&serde_json::json!({"apiVersion": "scheduling.k8s.io/v1",
                    "kind": "PriorityClass", "metadata": {"name": "a"}, "value": 1}));
            }
        }
    }
}
