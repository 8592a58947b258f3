//! ConfigMaps and Secrets (`ValidateConfigMap`, `ValidateSecret`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{quoted, scalar};
use super::names;

/// All values together may have this many bytes.
const SIZE_LIMIT: usize = 1024 * 1024;

/// The number of bytes that a base64 text stands for.
fn decoded_length(value: &At<'_>) -> usize {
    let text = value.text();
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

pub(super) fn config_map(object: &At<'_>, causes: &mut Causes) {
    let (data, binary) = (object.field("data"), object.field("binaryData"));
    let mut size = 0;
    for (key, value) in data.entries() {
        causes.invalid_text(&value.path, key, names::config_key(key));
        if binary.value.is_some_and(|binary| binary.get(key).is_some()) {
            causes.invalid(&value.path, &quoted(key), "duplicate of key present in binaryData");
        }
        size += value.text().len();
    }
    for (key, value) in binary.entries() {
        causes.invalid_text(&value.path, key, names::config_key(key));
        size += decoded_length(&value);
    }
    if size > SIZE_LIMIT {
        causes.too_long("", SIZE_LIMIT);
    }
}

pub(super) fn secret(object: &At<'_>, causes: &mut Causes) {
    let data = object.field("data");
    let mut size = 0;
    for (key, value) in data.entries() {
        causes.invalid_text(&value.path, key, names::config_key(key));
        size += decoded_length(&value);
    }
    if size > SIZE_LIMIT {
        causes.too_long("data", SIZE_LIMIT);
    }
    let value = |key: &str| data.value.and_then(|data| data.get(key)).and_then(Value::as_str);
    match object.field("type").text() {
        "kubernetes.io/service-account-token" => {
            let annotations = object.field("metadata.annotations");
            let named = annotations
                .value
                .and_then(|annotations| annotations.get("kubernetes.io/service-account.name"));
            if named.and_then(Value::as_str).unwrap_or_default().is_empty() {
                causes.required("metadata.annotations[kubernetes.io/service-account.name]", "");
            }
        }
        "kubernetes.io/dockercfg" => {
            registry_credentials(".dockercfg", value(".dockercfg"), causes);
        }
        "kubernetes.io/dockerconfigjson" => {
            registry_credentials(".dockerconfigjson", value(".dockerconfigjson"), causes);
        }
        "kubernetes.io/basic-auth"
            if value("username").is_none() && value("password").is_none() =>
        {
            causes.required("data[username]", "");
            causes.required("data[password]", "");
        }
        "kubernetes.io/ssh-auth" if value("ssh-privatekey").unwrap_or_default().is_empty() => {
            causes.required("data[ssh-privatekey]", "");
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if value(key).is_none() {
                    causes.required(&format!("data[{key}]"), "");
                }
            }
        }
        _ => {}
    }
}

/// Credentials must be a JSON object. The value is never shown.
fn registry_credentials(key: &str, value: Option<&str>, causes: &mut Causes) {
    let field = format!("data[{key}]");
    let Some(text) = value else { return causes.required(&field, "") };
    let object = STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).ok());
    if object.is_none() {
        causes.invalid(&field, &quoted("<secret contents redacted>"), "is not a JSON object");
    }
}

/// The fields that `immutable: true` freezes.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    const MESSAGE: &str = "field is immutable when `immutable` is set";
    if !old.field("immutable").is_true() {
        return;
    }
    if !new.field("immutable").is_true() {
        causes.forbidden("immutable", MESSAGE);
    }
    for field in ["data", "binaryData"] {
        if old.field(field).value != new.field(field).value {
            causes.forbidden(field, MESSAGE);
        }
    }
}

/// `ValidateSecretUpdate`.
pub(super) fn secret_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    causes.immutable(&old.field("type"), &new.field("type"), scalar);
    immutable(old, new, causes);
}
