//! What a YAML 1.1 scalar means (`gopkg.in/yaml.v2/resolve.go`), as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value, json};

/// The value of a scalar by its tag, or by its spelling if it is plain.
pub(super) fn resolve(text: &str, tag: Option<&str>, plain: bool) -> Result<Value, String> {
    match tag {
        Some("tag:yaml.org,2002:str" | "!") => Ok(json!(text)),
        Some("tag:yaml.org,2002:binary") => {
            let compact: String = text.split_whitespace().collect();
            let bytes = STANDARD.decode(compact).map_err(|_| {
                "error converting YAML to JSON: yaml: !!binary value contains invalid base64 data"
                    .to_owned()
            })?;
            Ok(json!(String::from_utf8_lossy(&bytes)))
        }
        Some(_) if !plain => untyped(text),
        None if !plain => Ok(json!(text)),
        _ => untyped(text),
    }
}

fn untyped(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            json!(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            json!(false)
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Err("error converting YAML to JSON: json: unsupported value: +Inf".to_owned());
        }
        "-.inf" | "-.Inf" | "-.INF" => {
            return Err("error converting YAML to JSON: json: unsupported value: -Inf".to_owned());
        }
        ".nan" | ".NaN" | ".NAN" => {
            return Err("error converting YAML to JSON: json: unsupported value: NaN".to_owned());
        }
        _ => number(text).unwrap_or_else(|| json!(text)),
    })
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter)) {
        return None;
    }
    let compact = text.replace('_', "");
    if let Some(whole) = whole(&compact) {
        return Some(whole);
    }
    // A float has digits and at most signs, a point and an exponent: no words.
    let is_float = compact.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float: f64 = compact.parse().ok().filter(|_| is_float)?;
    // As Go writes it into JSON: without a fraction if there is none.
    #[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
    if float.fract() == 0.0 && float.abs() < 1e15 {
        return Some(json!(float as i64));
    }
    Number::from_f64(float).map(Value::Number)
}

fn whole(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let radix = |prefix: &str, radix| {
        digits.strip_prefix(prefix).and_then(|rest| u64::from_str_radix(rest, radix).ok())
    };
    let octal = || {
        let is_octal = digits.len() > 1 && digits.starts_with('0');
        is_octal.then(|| u64::from_str_radix(digits, 8).ok()).flatten()
    };
    let decimal = || {
        let is_octal = digits.len() > 1 && digits.starts_with('0');
        (!is_octal).then(|| digits.parse::<u64>().ok()).flatten()
    };
    let magnitude = radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(octal)
        .or_else(decimal)?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).map(|number| json!(number))
    } else {
        Some(json!(magnitude))
    }
}
