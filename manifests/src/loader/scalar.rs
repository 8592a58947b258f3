//! What a YAML scalar means to kubectl: YAML 1.1 as go-yaml v2 reads it and sigs.k8s.io/yaml turns
//! it into JSON.
//!
//! The rules follow `resolve` and `resolveTable` of go-yaml v2 (resolve.go), `scalar` (decode.go),
//! and `convertToJSONableObject` of sigs.k8s.io/yaml. Number syntax is Go's `strconv.ParseInt` with
//! base 0, then its float syntax. The cases in `tests/cases/loader` were compared with kubectl.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

/// A scalar's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    /// An integer beyond `i64`.
    Large(u64),
    Float(f64),
    Text(String),
}

/// A scalar that has no meaning, in words that follow "the value".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScalarError {
    // The text may be a Secret's, so it is not repeated.
    #[error("is {found} and not {wanted}, as its tag says")]
    Tag { found: &'static str, wanted: &'static str },
    #[error("of a !!binary is not base64")]
    Base64,
    #[error("of a !!binary is not UTF-8 text")]
    BinaryText,
    #[error("`{0}` has no JSON form: infinities and not-a-number cannot be sent to a cluster")]
    NotFinite(String),
    #[error("the integer {0} is too large to be a key")]
    LargeKey(u64),
    #[error("null cannot be a key")]
    NullKey,
}

const PREFIX: &str = "tag:yaml.org,2002:";

/// Whether a key is the merge key `<<`.
pub(crate) fn is_merge(text: &str, tag: Option<&str>, plain: bool) -> bool {
    text == "<<" && (plain && tag.is_none() || tag == Some("tag:yaml.org,2002:merge"))
}

/// The meaning of a scalar with its resolved tag; `plain` if it is neither quoted nor a block.
pub(crate) fn resolve(text: String, tag: Option<&str>, plain: bool) -> Result<Scalar, ScalarError> {
    let Some(tag) = tag else {
        return Ok(if plain { implicit(text) } else { Scalar::Text(text) });
    };
    match tag.strip_prefix(PREFIX) {
        Some("binary") => binary(&text),
        Some("null") => tagged(text, Tag::Null),
        Some("bool") => tagged(text, Tag::Bool),
        Some("int") => tagged(text, Tag::Int),
        Some("float") => tagged(text, Tag::Float),
        Some("timestamp") => timestamp(text),
        _ => Ok(Scalar::Text(text)),
    }
}

fn binary(text: &str) -> Result<Scalar, ScalarError> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| ScalarError::Base64)?;
    String::from_utf8(bytes).map(Scalar::Text).map_err(|_| ScalarError::BinaryText)
}

/// The tags that a scalar's text has to fit.
#[derive(Debug, Clone, Copy)]
enum Tag {
    Null,
    Bool,
    Int,
    Float,
}

impl Tag {
    fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Float => "a float",
        }
    }
}

fn tagged(text: String, tag: Tag) -> Result<Scalar, ScalarError> {
    let found = match (implicit(text.clone()), tag) {
        (scalar @ Scalar::Null, Tag::Null)
        | (scalar @ Scalar::Bool(_), Tag::Bool)
        | (scalar @ (Scalar::Integer(_) | Scalar::Large(_)), Tag::Int | Tag::Float)
        | (scalar @ Scalar::Float(_), Tag::Float) => return Ok(scalar),
        (Scalar::Null, _) => "null",
        (Scalar::Bool(_), _) => "a boolean",
        (Scalar::Integer(_) | Scalar::Large(_), _) => "an integer",
        (Scalar::Float(_), _) => "a float",
        (Scalar::Text(_), _) => "a string",
    };
    Err(ScalarError::Tag { found, wanted: tag.noun() })
}

fn timestamp(text: String) -> Result<Scalar, ScalarError> {
    if is_timestamp(&text) {
        return Ok(Scalar::Text(text));
    }
    Err(ScalarError::Tag { found: "a string", wanted: "a date" })
}

/// The meaning of a plain scalar without a tag.
fn implicit(text: String) -> Scalar {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            word(&text).unwrap_or(Scalar::Text(text))
        }
        b'.' => match text.as_str() {
            ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            _ => float(&text).map_or(Scalar::Text(text), Scalar::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => number(&text).unwrap_or(Scalar::Text(text)),
        _ => Scalar::Text(text),
    }
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar> {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let plain: std::borrow::Cow<'_, str> =
        if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    integer(&plain).or_else(|| float(&plain).map(Scalar::Float)).or_else(|| signed_binary(&plain))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (digits, radix) = match unsigned.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (unsigned.get(2..)?, 16),
        Some("0o") => (unsigned.get(2..)?, 8),
        Some("0b") => (unsigned.get(2..)?, 2),
        _ if unsigned.len() > 1 && unsigned.starts_with('0') => (unsigned.get(1..)?, 8),
        _ => (unsigned, 10),
    };
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Scalar::Integer);
    }
    match i64::try_from(magnitude) {
        Ok(integer) => Some(Scalar::Integer(integer)),
        // ParseUint takes no sign.
        Err(_) if text.len() == unsigned.len() => Some(Scalar::Large(magnitude)),
        Err(_) => None,
    }
}

/// go-yaml's last resort, which lets a second sign stand after `0b`.
fn signed_binary(text: &str) -> Option<Scalar> {
    let digits = text.strip_prefix("0b").filter(|digits| digits.starts_with(['-', '+']))?;
    i64::from_str_radix(digits, 2).ok().map(Scalar::Integer)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, and finite.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let sound = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        });
    if !sound {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

/// The forms of `allowedTimestampFormats` in go-yaml v2: a date, and a time after `T`, `t` or a space.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..)),
        None => (text, None),
    };
    let number = |part: &str, widest: usize, range: std::ops::RangeInclusive<u32>| {
        (1..=widest).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|n| range.contains(&n))
    };
    let mut parts = date.split('-');
    let dated = parts.next().is_some_and(|year| year.len() == 4 && number(year, 4, 0..=9999))
        && parts.next().is_some_and(|month| number(month, 2, 1..=12))
        && parts.next().is_some_and(|day| number(day, 2, 1..=31))
        && parts.next().is_none();
    let Some(time) = time else { return dated };
    let zoned = !time.starts_with(' ');
    let clock = time.get(1..).unwrap_or_default();
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.split(':');
    let timed = parts.next().is_some_and(|hour| number(hour, 2, 0..=23))
        && parts.next().is_some_and(|minute| number(minute, 2, 0..=59))
        && parts.next().is_some_and(|second| number(second, 2, 0..=59))
        && parts.next().is_none()
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit());
    let zone_sound = match zone {
        "" => !zoned,
        "Z" => zoned,
        offset => {
            zoned
                && offset.get(1..).and_then(|offset| offset.split_once(':')).is_some_and(
                    |(hour, minute)| {
                        hour.len() == 2
                            && minute.len() == 2
                            && number(hour, 2, 0..=24)
                            && number(minute, 2, 0..=59)
                    },
                )
        }
    };
    dated && timed && zone_sound
}

impl Scalar {
    /// The JSON value, as it would be sent.
    pub fn into_value(self) -> Result<Value, ScalarError> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Integer(integer) => Value::from(integer),
            Self::Large(large) => float_value(large_to_float(large))?,
            Self::Float(float) => float_value(float)?,
            Self::Text(text) => Value::String(text),
        })
    }

    /// The text of a key; keys of JSON are strings.
    pub fn into_key(self) -> Result<String, ScalarError> {
        Ok(match self {
            Self::Null => return Err(ScalarError::NullKey),
            Self::Bool(bool) => bool.to_string(),
            Self::Integer(integer) => integer.to_string(),
            Self::Large(large) => return Err(ScalarError::LargeKey(large)),
            Self::Float(float) => float_key(float),
            Self::Text(text) => text,
        })
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Kubernetes reads integers beyond i64 as the nearest float"
)]
fn large_to_float(large: u64) -> f64 {
    large as f64
}

/// A float as Kubernetes keeps it: Go writes it with the fewest digits that name it, and what then
/// reads as an `i64` is an integer.
pub(crate) fn float_value(float: f64) -> Result<Value, ScalarError> {
    if float.abs() < 1e19
        && float.fract() == 0.0
        && let Ok(integer) = float.to_string().parse::<i64>()
    {
        return Ok(Value::from(integer));
    }
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| ScalarError::NotFinite(float_key(float)))
}

/// Go's `strconv.FormatFloat(float, 'g', -1, 32)`, by which sigs.k8s.io/yaml writes float keys, with
/// its own words for what is not finite.
#[allow(clippy::cast_possible_truncation, reason = "keys are written in 32 bits, as kubectl does")]
fn float_key(float: f64) -> String {
    let narrow = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if narrow.is_infinite() {
        return if narrow > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{narrow:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => narrow.to_string(),
    }
}
