//! YAML bodies: what a client may send in place of JSON.

use serde_json::Value;

use crate::refusal::Refusal;

/// Reads one YAML document; JSON is YAML, and read as JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    serde_yaml::from_slice::<Value>(bytes)
        .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))
}
