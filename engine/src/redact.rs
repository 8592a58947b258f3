//! Secret values never leave the process in clear.
//!
//! What is secret: every value of a core `Secret` but its `metadata`, its `type` and whether it is
//! immutable (a misspelt `stringdata` holds the same as `stringData`), and the copy of an object that
//! `kubectl apply` leaves in its last-applied annotation. A mask is a short digest of the value keyed
//! by a [`Salt`] that is chosen anew for each run: equal values have equal masks, so a diff still
//! shows what changed, while neither the value nor its length can be read or guessed offline.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The annotation in which `kubectl apply` keeps a copy of what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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

/// What is masked, and how: the masks of one run. Values of Secrets and the copies that kubectl
/// keeps are masked always; the user may list more.
#[derive(Debug, Clone)]
pub struct Redaction {
    salt: Salt,
    keys: Vec<String>,
}

impl Redaction {
    /// Masks what is secret by its kind.
    pub const fn new(salt: Salt) -> Self {
        Self { salt, keys: Vec::new() }
    }

    /// Masks the values of these fields too, in every object: globs of names, whatever their case.
    #[must_use]
    pub fn with_keys(self, keys: impl IntoIterator<Item = String>) -> Self {
        Self { keys: keys.into_iter().collect(), ..self }
    }

    /// The fields that are masked besides what is secret by its kind.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The mask of one value.
    pub fn mask(&self, value: &Value) -> String {
        self.salt.mask(value)
    }

    /// An object as people may see it.
    pub fn object(&self, object: &Value) -> Value {
        masked(object, &self.salt)
    }

    /// A message about an object, its secret values masked: messages quote what they refuse.
    pub fn message(&self, message: &str, object: &Value) -> String {
        scrubbed(message, object, &self.salt)
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

/// Whether an object's data is secret: the core `Secret`, in any version.
pub fn is_secret(object: &Value) -> bool {
    let text = |field| object.get(field).and_then(Value::as_str);
    text("kind") == Some("Secret")
        && text("apiVersion").is_none_or(|version| !version.contains('/'))
}

/// Whether people may see this field of a Secret.
fn is_open(field: &str, value: &Value) -> bool {
    matches!(field, "apiVersion" | "kind" | "metadata")
        || (field == "type" && value.is_string())
        || (field == "immutable" && value.is_boolean())
}

/// The same object as people may see it.
fn masked(object: &Value, salt: &Salt) -> Value {
    let mut shown = object.clone();
    if let (true, Some(fields)) = (is_secret(object), shown.as_object_mut()) {
        for (field, value) in fields.iter_mut().filter(|(field, value)| !is_open(field, value)) {
            // `data` is base64 and `stringData` is not: masks are of the decoded value, so that one
            // value spelled both ways has one mask.
            let is_encoded = field == "data";
            each_leaf(value, &mut |leaf| {
                let clear = if is_encoded { decoded(leaf) } else { leaf.clone() };
                *leaf = Value::String(salt.mask(&clear));
            });
        }
    }
    if let Some(copy) =
        shown.pointer_mut("/metadata/annotations").and_then(|it| it.get_mut(LAST_APPLIED))
    {
        *copy = Value::String(salt.mask(copy));
    }
    if let Some(items) = shown.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            *item = masked(item, salt);
        }
    }
    shown
}

/// A message about an object, with every secret value of that object in it masked: messages of
/// checks quote what they refuse.
fn scrubbed(message: &str, object: &Value, salt: &Salt) -> String {
    if !is_secret(object) {
        return message.to_owned();
    }
    let mut secrets: Vec<(String, String)> = Vec::new();
    let fields = object.as_object().into_iter().flatten();
    for (_, value) in fields.filter(|(field, value)| !is_open(field, value)) {
        each_value(value, &mut |value| {
            let mask = salt.mask(&decoded(value));
            for spelling in [value.clone(), decoded(value)] {
                let text = spelling.as_str().map_or_else(|| spelling.to_string(), str::to_owned);
                if !text.is_empty() {
                    secrets.push((text.escape_debug().to_string(), mask.clone()));
                    secrets.push((text, mask.clone()));
                }
            }
        });
    }
    // The longest first: one secret may be a part of another.
    secrets.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
    secrets.iter().fold(message.to_owned(), |text, (secret, mask)| text.replace(secret, mask))
}

fn decoded(leaf: &Value) -> Value {
    leaf.as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map_or_else(|| leaf.clone(), Value::String)
}

/// Every value that is not a map: a list inside a Secret's data is a mistake, and masked whole.
fn each_leaf(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|child| each_leaf(child, change)),
        leaf => change(leaf),
    }
}

/// Every value that is not a map, and what is inside of lists: a message may quote either.
fn each_value(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(map) => map.values().for_each(|child| each_value(child, visit)),
        Value::Array(items) => {
            visit(value);
            for item in items {
                each_value(item, visit);
            }
        }
        leaf => visit(leaf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SALT: Salt = Salt::new([7; 16]);

    #[test]
    fn equal_values_have_equal_masks_whatever_their_spelling() {
        let shown = masked(
            &json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "b25l", "b": "dHdv"},
                "stringData": {"c": "one"}}),
            &SALT,
        );
        assert_eq!(shown["data"]["a"], shown["stringData"]["c"]);
        assert_ne!(shown["data"]["a"], shown["data"]["b"]);
        let text = shown["data"]["a"].as_str().unwrap();
        assert!(text.starts_with("<masked ") && text.len() == 17, "{text}");
    }

    #[test]
    fn another_run_has_other_masks() {
        let one = SALT.mask(&json!("one"));
        assert_eq!(one, SALT.mask(&json!("one")));
        assert_ne!(one, Salt::new([8; 16]).mask(&json!("one")));
        assert_ne!(SALT.mask(&json!("")), SALT.mask(&json!("one")));
        assert_eq!(SALT.mask(&json!("")).len(), SALT.mask(&json!("o".repeat(9000))).len());
    }

    #[test]
    fn only_secrets_and_the_copies_of_kubectl_are_masked() {
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(masked(&settings, &SALT), settings);
        let namesake =
            json!({"apiVersion": "example.com/v1", "kind": "Secret", "data": {"a": "b"}});
        assert_eq!(masked(&namesake, &SALT), namesake);
        let copied = json!({"kind": "ConfigMap", "metadata": {"annotations": {
            LAST_APPLIED: "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"canary\"}}", "b": "c"}}});
        let shown = masked(&copied, &SALT);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!(shown["metadata"]["annotations"]["b"], "c");
    }

    #[test]
    fn what_is_wrong_or_wrapped_is_masked_too() {
        for object in [
            json!({"kind": "Secret", "data": "canary"}),
            json!({"kind": "Secret", "data": ["canary"], "stringData": {"a": {"b": "canary"}}}),
            json!({"kind": "List", "items": [{"kind": "Secret", "stringData": {"a": "canary"}}]}),
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": 7, "b": null, "c": "canary"}}),
        ] {
            let shown = masked(&object, &SALT).to_string();
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn messages_do_not_quote_secrets() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "data": {"a": "Y2FuYXJ5", "b": ""}, "stringData": {"c": "with \"quotes\""}});
        for message in [
            "Invalid value: \"canary\": no",
            "Invalid value: \"Y2FuYXJ5\": no",
            "Invalid value: \"with \\\"quotes\\\"\": no",
        ] {
            let told = scrubbed(message, &secret, &SALT);
            assert!(told.contains("<masked ") && told.starts_with("Invalid value"), "{told}");
            for quoted in ["canary", "Y2FuYXJ5", "quotes"] {
                assert!(!told.contains(quoted), "{told}");
            }
        }
        let settings = json!({"kind": "ConfigMap", "data": {"a": "canary"}});
        assert_eq!(scrubbed("canary", &settings, &SALT), "canary");
    }

    #[test]
    fn a_guarded_value_says_nothing_of_itself() {
        let guarded = Redacted::new("canary");
        let told = format!("{guarded} {guarded:?} {}", json!(guarded));
        assert!(!told.contains("canary"), "{told}");
        assert_eq!(*guarded.expose(), "canary");
    }

    #[test]
    fn whatever_a_secret_holds_is_masked_however_its_field_is_spelled() {
        for (field, value) in [
            ("data", json!({"password": "aHVudGVyMg=="})),
            ("data", json!({"password": ["hunter2"]})),
            ("data", json!("hunter2")),
            ("stringData", json!({"password": "hunter2"})),
            ("stringdata", json!({"password": {"inner": "hunter2"}})),
            ("password", json!("hunter2")),
            ("immutable", json!("hunter2")),
            ("type", json!(["hunter2"])),
        ] {
            let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "db"}, "type": "Opaque", "immutable": true});
            secret[field] = value;
            let shown = masked(&secret, &SALT);
            let message = format!("{secret} is refused: \"hunter2\"");
            for text in [shown.to_string(), scrubbed(&message, &secret, &SALT)] {
                assert!(!text.contains("hunter2"), "{text}");
            }
            assert!(shown[field].to_string().contains("<masked "), "{shown}");
            assert_eq!(shown["metadata"], secret["metadata"]);
        }
    }
}
