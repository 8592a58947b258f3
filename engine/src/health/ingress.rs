//! Ingresses: many controllers never report an address, so none is waited for.

use serde_json::Value;

use super::{Health, Related, read};

pub(super) fn assess(ingress: &Value, _related: &Related<'_>) -> Health {
    match read::balanced(ingress) {
        Some(address) => Health::healthy(format!("reachable at {address}")),
        None => Health::healthy("exists; no controller has reported an address"),
    }
}
