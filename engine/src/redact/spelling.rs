//! The ways in which a message may spell a value that it quotes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Every spelling of a text: itself, escaped as JSON, Go, Rust, YAML and Python's `json` do, once and
/// twice, percent-encoded, and in base64.
pub(super) fn all(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([text.to_owned()]);
    let escaped = [json(text), html(&json(text)), ascii(&json(text)), go(text), debug(text)];
    for once in escaped {
        found.insert(json(&once));
        found.insert(once);
    }
    found.insert(text.replace('\'', "''"));
    for kept in ["-._~", "-._~/", "-._~:/?#[]@!$&'()*+,;="] {
        let encoded = percent(text, kept);
        found.insert(encoded.replace("%20", "+"));
        found.insert(lower_hex(&encoded));
        found.insert(encoded);
    }
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        found.insert(engine.encode(text));
    }
    found.remove("");
    found
}

/// As `encoding/json` and serde escape, without the quotes.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// As Go's `encoding/json` does by default besides.
fn html(escaped: &str) -> String {
    escaped
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// As Python's `json` does by default besides.
fn ascii(escaped: &str) -> String {
    let mut out = String::new();
    for unit in escaped.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some(plain) => out.push(plain),
            None => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// As Go's `strconv.Quote` does, whose escapes of control characters are not those of JSON.
fn go(text: &str) -> String {
    let mut out = String::new();
    for found in text.chars() {
        match found {
            '"' | '\\' => {
                out.push('\\');
                out.push(found);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            control if control.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out
}

fn debug(text: &str) -> String {
    text.escape_debug().to_string()
}

/// RFC 3986, with some characters left as they are.
fn percent(text: &str, kept: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let found = char::from(byte);
        if found.is_ascii_alphanumeric() || (byte.is_ascii() && kept.contains(found)) {
            out.push(found);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('%');
        match (part.get(..2), part.get(2..)) {
            (Some(hex), Some(rest)) => {
                out.push_str(&hex.to_lowercase());
                out.push_str(rest);
            }
            _ => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_every_usual_spelling() {
        let found = all("a \"b\"/<é>\n");
        for spelling in [
            "a \"b\"/<é>\n",
            "a \\\"b\\\"/<é>\\n",
            "a \\\\\\\"b\\\\\\\"/<é>\\\\n",
            "a \\\"b\\\"/\\u003cé\\u003e\\n",
            "a \\\"b\\\"/<\\u00e9>\\n",
            "a%20%22b%22%2F%3C%C3%A9%3E%0A",
            "a+%22b%22%2F%3C%C3%A9%3E%0A",
            "a%20%22b%22/%3c%c3%a9%3e%0a",
            "YSAiYiIvPMOpPgo=",
            "YSAiYiIvPMOpPgo",
        ] {
            assert!(found.contains(spelling), "{spelling}: {found:#?}");
        }
        assert!(all("\u{7}x").contains("\\ax"));
        assert!(all("it's").contains("it''s"));
        assert!(all("").is_empty());
    }
}
