//! How a record becomes Secrets and back: compressed, cut into pieces that fit an object, each piece
//! with a digest of itself. Pure; what is read is checked before it is believed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use engine::record::{Inventory, RecordError};
use merge::{Digest, ObjectId};
use serde_json::Value;

/// The most compressed bytes in one Secret. A Secret may hold 1 MiB and etcd takes 1.5 MiB a
/// request; half of that leaves room for base64 and for what a proxy adds.
pub const LIMIT: usize = 512 * 1024;

/// The most bytes a record may unpack to: a damaged or hostile Secret must not fill the memory.
const UNPACKED_LIMIT: usize = 512 * 1024 * 1024;

/// The key of the compressed bytes in `data`.
pub const CONTENT: &str = "content";
/// The annotation with the digest of those bytes.
pub const DIGEST: &str = "cleat.dev/digest";
/// The annotation with this piece's number and how many there are: `0/2`.
pub const PART: &str = "cleat.dev/part";
/// The annotation that orders two writings of one inventory entry: the higher one is newer.
pub const SEQUENCE: &str = "cleat.dev/sequence";

/// A stored record that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A field is missing or has the wrong type.
    #[error("it lacks {0}")]
    Lacks(&'static str),
    /// The content is not base64 or not zstd.
    #[error("its content cannot be unpacked")]
    Packed,
    /// The content does not have the digest that was written beside it.
    #[error("its content does not match its digest")]
    Digest,
    /// A piece is missing.
    #[error("piece {0} of {1} is missing")]
    Piece(usize, usize),
}

/// Compresses.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    // Compressing memory into memory has nothing that can fail; were it to, the bytes as they are
    // would be refused on reading, never misread.
    zstd::bulk::compress(bytes, 3).unwrap_or_else(|_| bytes.to_vec())
}

/// Uncompresses, within a bound.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut bytes = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::new(packed).map_err(|_| Damage::Packed)?;
    let mut limited = std::io::Read::take(&mut decoder, UNPACKED_LIMIT as u64 + 1);
    std::io::Read::read_to_end(&mut limited, &mut bytes).map_err(|_| Damage::Packed)?;
    if bytes.len() > UNPACKED_LIMIT { Err(Damage::Packed) } else { Ok(bytes) }
}

/// The pieces of a packed record; at least one.
pub fn pieces(packed: &[u8]) -> Vec<&[u8]> {
    if packed.is_empty() { vec![packed] } else { packed.chunks(LIMIT).collect() }
}

/// The base64 of a piece, and the digest to write beside it.
pub fn sealed(piece: &[u8]) -> (String, Digest) {
    (BASE64.encode(piece), Digest::of_bytes(piece))
}

/// The bytes of one Secret's content, checked against its digest.
pub fn opened(secret: &Value) -> Result<Vec<u8>, Damage> {
    let content = secret
        .get("data")
        .and_then(|data| data.get(CONTENT)?.as_str())
        .ok_or(Damage::Lacks("data.content"))?;
    let digest: Digest = merge::object::annotation(secret, DIGEST)
        .and_then(|text| text.parse().ok())
        .ok_or(Damage::Lacks("a digest"))?;
    let bytes = BASE64.decode(content).map_err(|_| Damage::Packed)?;
    if Digest::of_bytes(&bytes) == digest { Ok(bytes) } else { Err(Damage::Digest) }
}

/// The number of a piece and how many there are.
pub fn part(secret: &Value) -> Result<(usize, usize), Damage> {
    merge::object::annotation(secret, PART)
        .and_then(|text| {
            let (number, total) = text.split_once('/')?;
            Some((number.parse().ok()?, total.parse().ok()?))
        })
        .ok_or(Damage::Lacks("its part number"))
}

/// Puts the pieces of one record together, in whatever order they come.
pub fn joined<'a>(secrets: impl IntoIterator<Item = &'a Value>) -> Result<Vec<u8>, Damage> {
    let mut found = BTreeMap::new();
    let mut total = 1;
    for secret in secrets {
        let (number, of) = part(secret)?;
        total = total.max(of);
        found.insert(number, opened(secret)?);
    }
    let mut packed = Vec::new();
    for number in 0..total {
        packed.extend(found.remove(&number).ok_or(Damage::Piece(number, total))?);
    }
    unpack(&packed)
}

/// The inventory cut so that every part fits a Secret: `count` parts, by the hash of the identity, so
/// that an entry keeps its part while the count stays.
fn split(inventory: &Inventory, count: usize) -> Vec<Inventory> {
    let mut parts = vec![Inventory::default(); count];
    for (id, entry) in &inventory.entries {
        if let Some(part) = parts.get_mut(part_of(id, count)) {
            part.entries.insert(id.clone(), entry.clone());
        }
    }
    parts
}

/// The part an entry belongs to. Counts are powers of two: doubling the count sends a part's entries
/// to itself or to one new part.
fn part_of(id: &ObjectId, count: usize) -> usize {
    let digest = Digest::of_bytes(id.to_string().as_bytes()).to_string();
    let number = digest.get(..8).and_then(|hex| usize::from_str_radix(hex, 16).ok());
    number.unwrap_or(0) % count.max(1)
}

/// The packed parts of an inventory, at least `at_least` of them (it never shrinks: a part that is
/// no longer written would bring old entries back).
pub fn inventory_parts(
    inventory: &Inventory,
    at_least: usize,
    limit: usize,
) -> Result<Vec<Vec<u8>>, RecordError> {
    let mut count = at_least.max(1).next_power_of_two();
    loop {
        let packed = split(inventory, count)
            .iter()
            .map(|part| part.to_bytes().map(|bytes| pack(&bytes)))
            .collect::<Result<Vec<_>, _>>()?;
        // One entry alone is far below the limit; the bound only guards the loop.
        if packed.iter().all(|part| part.len() <= limit) || count >= 4096 {
            return Ok(packed);
        }
        count *= 2;
    }
}

/// One inventory of its parts. A process that died while the count was growing leaves an entry in
/// two parts; the newer writing counts.
pub fn merged(mut parts: Vec<(u64, Inventory)>) -> Inventory {
    parts.sort_by_key(|(sequence, _)| *sequence);
    let mut whole = Inventory::default();
    for (_, part) in parts {
        whole.entries.extend(part.entries);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::record::Entry;
    use serde_json::json;

    fn secret(piece: &[u8], part: &str) -> Value {
        let (content, digest) = sealed(piece);
        json!({"metadata": {"annotations": {DIGEST: digest.to_string(), PART: part}},
               "data": {CONTENT: content}})
    }

    fn inventory(count: usize) -> Inventory {
        let entries = (0..count).map(|number| {
            let id = ObjectId {
                group: String::new(),
                kind: "ConfigMap".into(),
                namespace: Some("shop".into()),
                name: format!("c{number}"),
            };
            let desired = Digest::of_bytes(number.to_string().as_bytes());
            let entry = Entry {
                api_version: "v1".into(),
                uid: None,
                desired,
                settled: Some(engine::vouch::Settled::new(desired)),
                tentative: false,
                adopted: false,
            };
            (id, entry)
        });
        Inventory { entries: entries.collect() }
    }

    #[test]
    fn a_record_survives_its_pieces_in_any_order() {
        let bytes: Vec<u8> =
            (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let packed = pack(&bytes);
        let pieces = pieces(&packed);
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= LIMIT));
        let total = pieces.len();
        let mut secrets: Vec<_> = pieces
            .iter()
            .enumerate()
            .map(|(number, piece)| secret(piece, &format!("{number}/{total}")))
            .collect();
        secrets.reverse();
        assert!(joined(&secrets).unwrap() == bytes);
        secrets.pop();
        assert_eq!(joined(&secrets).unwrap_err(), Damage::Piece(0, total));
    }

    #[test]
    fn what_was_changed_by_hand_is_not_believed() {
        let good = secret(&pack(b"{}"), "0/1");
        assert_eq!(joined([&good]).unwrap(), b"{}");
        let mut other = good.clone();
        other["data"][CONTENT] = json!(BASE64.encode(b"else"));
        assert_eq!(joined([&other]).unwrap_err(), Damage::Digest);
        assert_eq!(joined([&secret(b"no zstd", "0/1")]).unwrap_err(), Damage::Packed);
        assert_eq!(joined([&json!({})]).unwrap_err(), Damage::Lacks("its part number"));
    }

    #[test]
    fn an_inventory_is_cut_by_halves_and_comes_back_whole() {
        let whole = inventory(500);
        let parts = inventory_parts(&whole, 1, 16 * 1024).unwrap();
        assert!(parts.len() > 1 && parts.len().is_power_of_two());
        let read = |packed: &Vec<u8>| Inventory::from_bytes(&unpack(packed).unwrap()).unwrap();
        assert_eq!(merged(parts.iter().map(|part| (1, read(part))).collect()), whole);
        assert_eq!(inventory_parts(&inventory(1), 4, LIMIT).unwrap().len(), 4);
    }

    #[test]
    fn a_count_that_was_growing_when_its_process_died_loses_nothing() {
        let whole = inventory(100);
        let old = split(&whole, 1);
        let new = split(&whole, 2);
        // The new part is written first; the old one still holds everything.
        let torn = merged(vec![(2, new[1].clone()), (1, old[0].clone())]);
        assert_eq!(torn, whole);
    }

    #[test]
    fn of_two_writings_of_an_entry_the_newer_counts() {
        let old = inventory(1);
        let mut new = old.clone();
        new.entries.values_mut().for_each(|entry| entry.uid = Some("u".into()));
        assert_eq!(merged(vec![(7, new.clone()), (3, old)]), new);
    }
}
