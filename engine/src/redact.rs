//! Secret values never leave the process in clear.
//!
//! ```text
//! object  ── places ── each secret value ─┬─ Redaction::object   the object as people may see it
//!                                         └─ Redaction::message  what is said about it
//! ```
//!
//! What is secret: every value of a core `Secret` but its `metadata`, its `type` and whether it is
//! immutable (a misspelt `stringdata` holds the same as `stringData`), the copies of whole objects
//! that `kubectl apply` and its kin leave in annotations, and the values of the fields that the user
//! lists ([`Keys`]). A mask is a short digest of the value keyed by a [`Salt`] that is chosen anew for
//! each run: equal values have equal masks, so a diff still shows what changed, while neither the
//! value nor its length can be read or guessed offline.

mod keys;
mod message;
mod places;
mod spelling;
#[cfg(test)]
mod tests;

use std::fmt;

use merge::path::Path;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use keys::Keys;
pub use places::{LAST_APPLIED, is_secret};

/// What the masks of one run are keyed by. It must come from a random source and is never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A salt of random bytes.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    fn mask(&self, value: &Value) -> String {
        let mut hash = Sha256::new();
        hash.update(self.0);
        match value {
            Value::String(text) => hash.update(text.as_bytes()),
            other => hash.update(other.to_string().as_bytes()),
        }
        let digest: [u8; 32] = hash.finalize().into();
        let short =
            digest.iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        format!("<masked {short}>")
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// What is masked in one run, and how. What is secret by its kind always is; the user may list more.
#[derive(Debug, Clone)]
pub struct Redaction {
    salt: Salt,
    keys: Keys,
}

impl Redaction {
    /// Masks what is secret by its kind.
    pub const fn new(salt: Salt) -> Self {
        Self { salt, keys: Keys::none() }
    }

    /// Masks the values of these fields too, in every object.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// The fields that are masked besides what is secret by its kind.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The mask of one value.
    pub fn mask(&self, value: &Value) -> String {
        self.salt.mask(value)
    }

    /// An object as people may see it.
    pub fn object(&self, object: &Value) -> Value {
        let mut shown = object.clone();
        places::each_secret(&self.keys, &mut shown, &mut |value, spelling| {
            *value = Value::String(self.mask(&spelling.clear(value)));
        });
        shown
    }

    /// Whether anything of an object is masked.
    pub fn hides_of(&self, object: &Value) -> bool {
        if self.keys.is_empty() && !places::may_hold_secret(object) {
            return false;
        }
        let mut found = false;
        places::each_secret(&self.keys, &mut object.clone(), &mut |_, _| found = true);
        found
    }

    /// A path as people may see it: it ends at a listed field, since an entry below it is named by its
    /// value, and before an entry whose key is a listed field.
    pub fn path(&self, path: &Path) -> Path {
        if self.keys.is_empty() { path.clone() } else { places::open_part(&self.keys, path) }
    }

    /// A message about objects, their secret values masked: messages quote what they refuse, and a
    /// server's may quote anything. A word that is known anyway, as the object's own name is, is masked
    /// only where it stands as a value.
    pub fn message<'a>(
        &self,
        message: &str,
        objects: impl IntoIterator<Item = &'a Value>,
    ) -> String {
        message::scrubbed(self, message, objects)
    }
}

/// A value that may hold secrets. It prints, logs and serialises as nothing but the fact that it is
/// there; whoever needs the value asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Guards a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value in clear, for sending it to the API server or for comparing; never for people.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<T> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("<redacted>")
    }
}
