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
        Value::String(text) if at.format() == Some(Format::Quantity) => {
            let why = "quantities must match the regular expression \
                       '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
            (!looks_like_a_quantity(text)).then(|| why.to_owned())
        }
        Value::String(text) if at.format() == Some(Format::Bytes) => {
            let byte = bad_base64(text)?;
            Some(format!("error decoding from json: illegal base64 data at input byte {byte}"))
        }
        _ => None,
    }
}

fn looks_like_a_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = unsigned.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let exponent = rest.trim_start_matches(|letter: char| "eEinumkKMGTP".contains(letter));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    rest.len() < unsigned.len() && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers without a fraction as whole numbers: a server reads bodies through a YAML parser that
/// knows no `2.0`.
pub(super) fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => {
                // Exact below 2^53, so its text without a fraction is the same number.
                format!("{float:.0}").parse::<i64>().map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), whole_numbers(inner))).collect()
        }
        other => other.clone(),
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
