//! What fits a built-in kind's schema and still cannot be read into its Go type: a fraction where a
//! whole number stands, a text that is no base64.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{kind_words, named};
use crate::object::GroupVersionKind;
use crate::schema::{Format, Scalar, Schemas, TypeRef};

/// The server's words for the first value that cannot be read; `None` if all can.
pub(super) fn refused(schemas: &Schemas, object: &Value) -> Option<String> {
    let gvk = GroupVersionKind::of(object).filter(|gvk| !schemas.is_custom(gvk))?;
    let why = visit(schemas.root(&gvk)?, object)?;
    let kind = kind_words(object);
    Some(format!(
        "failed to convert new object ({}) to proper version: unable to convert unstructured object \
         to {kind}: {why}",
        named(object)
    ))
}

fn visit(at: TypeRef<'_>, value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            fields.iter().find_map(|(name, inner)| visit(at.child(name)?, inner))
        }
        Value::Array(items) => {
            let element = at.element()?;
            items.iter().find_map(|item| visit(element, item))
        }
        Value::Number(number) if at.scalar() == Some(Scalar::Integer) && number.is_f64() => {
            Some("cannot convert float64 to int32".to_owned())
        }
        Value::String(text) if at.format() == Some(Format::Bytes) => {
            let byte = bad_base64(text)?;
            Some(format!("error decoding from json: illegal base64 data at input byte {byte}"))
        }
        _ => None,
    }
}

/// The place Go's decoder names when a text is no base64. Line breaks are skipped but counted.
fn bad_base64(text: &str) -> Option<usize> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let letters: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
    let plain: Vec<u8> = letters.iter().map(|(_, byte)| *byte).collect();
    let at = |place: usize| letters.get(place).map_or(text.len(), |(original, _)| *original);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if GeneralPurpose::new(&STANDARD, config.with_decode_allow_trailing_bits(true))
        .decode(&plain)
        .is_ok()
    {
        return None;
    }
    Some(match plain.iter().position(|byte| !is_letter(*byte)) {
        // Too short: Go names the start of the last, incomplete four, by where its input ends.
        None => at(plain.len()).saturating_sub(plain.len() % 4),
        Some(place) => at(place),
    })
}
