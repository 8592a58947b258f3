//! `/openapi/v2`, which clients up to 1.28 read before an apply, as protobuf.
//!
//! The document has no definitions: all that is known of kinds is said in OpenAPI v3, and a client that
//! finds no definition here merges built-in kinds by its own types.

use serde_json::json;

use super::Call;
use crate::answer::Answer;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

const TITLE: &str = "Kubernetes";
const VERSION: &str = "v1.28.7";

pub(super) fn answer(call: &Call) -> Answer {
    if call.accept.contains("spec.v2") {
        return Answer::bytes(PROTOBUF, document());
    }
    Answer::json(
        200,
        &json!({"swagger": "2.0", "info": {"title": TITLE, "version": VERSION}, "paths": {},
            "definitions": {}}),
    )
}

/// `Document` of `openapiv2/OpenAPIv2.proto`: 1 swagger, 2 info (1 title, 2 version), 8 paths,
/// 9 definitions.
fn document() -> Vec<u8> {
    let mut info = field(1, TITLE.as_bytes());
    info.extend(field(2, VERSION.as_bytes()));
    let mut document = field(1, b"2.0");
    document.extend(field(2, &info));
    document.extend(field(8, &[]));
    document.extend(field(9, &[]));
    document
}

/// A length-delimited field; everything here is shorter than 128 bytes, so a length is one byte.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or_default();
    let mut bytes = vec![number << 3 | 2, length];
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_well_formed_protobuf() {
        let bytes = document();
        assert_eq!(&bytes[..5], b"\x0a\x032.0");
        assert_eq!(bytes[5], 0x12);
        assert_eq!(usize::from(bytes[6]), 2 + TITLE.len() + 2 + VERSION.len());
        assert_eq!(&bytes[bytes.len() - 4..], b"\x42\x00\x4a\x00");
    }
}
