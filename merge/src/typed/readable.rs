//! What fits a schema and still cannot be read: a fraction where a whole number stands, a text that is
//! no amount, or no base64, or a map where a number or a text is meant. A server finds these when it reads the body into a kind's Go type.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::trail::Trail;
use crate::path::Path;
use crate::schema::{Format, Scalar, TypeRef};

/// Why a value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A fraction where a whole number stands.
    Fraction,
    /// No amount such as `100m`.
    Quantity,
    /// No base64, from this byte on.
    Base64(usize),
    /// Neither a number nor a text, where either may stand.
    IntOrString,
}

impl Unreadable {
    /// In the server's words.
    pub fn server_words(self) -> String {
        match self {
            Self::Fraction => "cannot convert float64 to int32".to_owned(),
            Self::Quantity => "quantities must match the regular expression \
                               '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .to_owned(),
            Self::Base64(byte) => {
                format!("error decoding from json: illegal base64 data at input byte {byte}")
            }
            Self::IntOrString => {
                "json: cannot unmarshal object into Go value of type int32".to_owned()
            }
        }
    }
}

/// Everything in a value that cannot be read. Lists are walked by place.
pub(crate) fn unreadable(at: TypeRef<'_>, value: &Value) -> Vec<(Path, Unreadable)> {
    let mut found = Vec::new();
    visit(at, value, &Trail::ROOT, &mut found);
    found
}

fn visit(at: TypeRef<'_>, value: &Value, trail: &Trail<'_>, found: &mut Vec<(Path, Unreadable)>) {
    let mut note = |why| found.push((Path(trail.segments()), why));
    match value {
        Value::Object(_) | Value::Array(_) | Value::Bool(_)
            if at.format() == Some(Format::IntOrString) =>
        {
            note(Unreadable::IntOrString);
        }
        Value::Object(fields) => {
            for (name, inner) in fields {
                if let Some(child) = at.child(name) {
                    visit(child, inner, &trail.field(name), found);
                }
            }
        }
        Value::Array(items) => {
            if let Some(element) = at.element() {
                for (place, item) in items.iter().enumerate() {
                    visit(element, item, &trail.index(place), found);
                }
            }
        }
        Value::Number(number)
            if at.scalar() == Some(Scalar::Integer)
                && number.as_f64().is_some_and(|number| number.fract() != 0.0) =>
        {
            note(Unreadable::Fraction);
        }
        Value::String(text)
            if at.format() == Some(Format::Quantity) && !looks_like_a_quantity(text) =>
        {
            note(Unreadable::Quantity);
        }
        Value::String(text) if at.format() == Some(Format::Bytes) => {
            if let Some(byte) = bad_base64(text) {
                note(Unreadable::Base64(byte));
            }
        }
        _ => {}
    }
}

fn looks_like_a_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = unsigned.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let exponent = rest.trim_start_matches(|letter: char| "eEinumkKMGTP".contains(letter));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    rest.len() < unsigned.len() && exponent.bytes().all(|byte| byte.is_ascii_digit())
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
