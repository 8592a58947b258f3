//! Canonical JSON and its sha256.
//!
//! `serde_json` without `preserve_order` keeps maps sorted by key, so its compact output is one
//! spelling per value; that output is what is hashed.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A sha256, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a value's canonical JSON, which is hashed as it is written and never held.
    pub fn of(value: &Value) -> Self {
        let mut writer = Hashing { hash: Sha256::new(), held: [0; 2048], length: 0 };
        writer.value(value);
        writer.flush_held();
        Self(writer.hash.finalize().into())
    }

    /// The digest of raw bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first twelve hex digits: enough to name a render on a screen.
    pub fn short(&self) -> String {
        let mut text = hex::encode(self.0);
        text.truncate(12);
        text
    }
}

/// Hashes what is written to it. JSON is written a few bytes at a time; they are held until there
/// are enough to be worth hashing.
struct Hashing {
    hash: Sha256,
    held: [u8; 2048],
    length: usize,
}

impl Hashing {
    fn flush_held(&mut self) {
        self.hash.update(self.held.get(..self.length).unwrap_or_default());
        self.length = 0;
    }

    /// Canonical JSON, as [`serde_json`] writes it, with fewer and longer writes. Every object of every
    /// render comes by here.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.put(b"null"),
            Value::Bool(true) => self.put(b"true"),
            Value::Bool(false) => self.put(b"false"),
            Value::Number(_) => self.as_serde_json(value),
            Value::String(text) => self.text(text),
            Value::Array(entries) => {
                self.put(b"[");
                for (at, entry) in entries.iter().enumerate() {
                    if at > 0 {
                        self.put(b",");
                    }
                    self.value(entry);
                }
                self.put(b"]");
            }
            Value::Object(map) => {
                self.put(b"{");
                for (at, (key, value)) in map.iter().enumerate() {
                    if at > 0 {
                        self.put(b",");
                    }
                    self.text(key);
                    self.put(b":");
                    self.value(value);
                }
                self.put(b"}");
            }
        }
    }

    fn text(&mut self, text: &str) {
        // Counting has no early end: that lets sixteen bytes be looked at together.
        let escaped = text.bytes().filter(|byte| matches!(byte, 0..=31 | b'"' | b'\\')).count();
        if escaped > 0 {
            return self.as_serde_json(text);
        }
        self.put(b"\"");
        self.put(text.as_bytes());
        self.put(b"\"");
    }

    fn as_serde_json(&mut self, value: &(impl Serialize + ?Sized)) {
        // Neither the writer nor a value of JSON can fail.
        let _ = serde_json::to_writer(&mut *self, value);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.length + bytes.len() > self.held.len() {
            self.flush_held();
        }
        let end = self.length + bytes.len();
        if let Some(room) = self.held.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        } else {
            self.hash.update(bytes);
        }
    }
}

impl io::Write for Hashing {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// A text that is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sha256: 64 hex digits are expected")]
pub struct NotADigest(String);

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotADigest(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Compact JSON with sorted keys: one spelling for each value.
pub fn canonical_json(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter() {
        let one: Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a":{"c":3,"d":2},"b":1}"#).unwrap();
        assert_eq!(canonical_json(&one), r#"{"a":{"c":3,"d":2},"b":1}"#);
        assert_eq!(Digest::of(&one), Digest::of(&two));
    }

    #[test]
    fn what_is_hashed_is_the_canonical_json_whatever_its_length() {
        for length in [0, 1, 255, 1024, 2042, 2043, 2044, 2045, 2046, 2047, 2048, 2049, 5000] {
            let value = json!({"a": "x".repeat(length), "b": [length, {"c": "\n".repeat(length)}]});
            let whole = Digest::of_bytes(canonical_json(&value).as_bytes());
            assert_eq!(Digest::of(&value), whole, "{length}");
        }
    }

    #[test]
    fn odd_values_are_hashed_as_they_are_spelled() {
        for value in [
            json!(null),
            json!([true, false, null, [], {}, [[]], {"": {}}]),
            json!([0, -1, i64::MIN, u64::MAX, 0.1, -0.0, 1e300, 1.5e-9, 1e16]),
            json!(["", "\"", "\\", "/", "a\tb", "\u{0}", "\u{1f}", "\u{7f}", "\u{2028}", "ü\n"]),
            json!({"a\nb": "<&>", "\"": 1, "zoë": "🦀", "tail": "0123456789abcdef\u{8}"}),
        ] {
            let whole = Digest::of_bytes(canonical_json(&value).as_bytes());
            assert_eq!(Digest::of(&value), whole, "{value}");
        }
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digest::of(&json!({"kind": "ConfigMap"}));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest.short(), digest.to_string()[..12]);
    }

    #[test]
    fn a_text_that_is_no_digest_is_refused() {
        assert!("abc".parse::<Digest>().is_err());
        assert!("z".repeat(64).parse::<Digest>().is_err());
    }
}
