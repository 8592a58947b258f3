//! Aggregated APIs: the `Available` condition (kube-aggregator, `available_controller.go`).

use serde_json::Value;

use super::conditions::{denied, holds};
use super::trouble::TroubleClass;
use super::{Health, Related, pods};

pub(super) fn assess(service: &Value, _related: &Related<'_>) -> Health {
    if holds(service, "Available").is_some() {
        return Health::healthy("available");
    }
    let Some(condition) = denied(service, "Available") else {
        return Health::progressing("its availability is not known yet");
    };
    let trouble = pods::of(service, TroubleClass::NotReady, condition.words());
    Health::troubled(Vec::from_iter(trouble))
}
