//! Autoscalers: the conditions of `pkg/controller/podautoscaler/horizontal.go`.

use serde_json::Value;

use super::conditions::{denied, holds};
use super::trouble::TroubleClass;
use super::{Health, Related, Status, pods};

pub(super) fn assess(autoscaler: &Value, _related: &Related<'_>) -> Health {
    for kind in ["AbleToScale", "ScalingActive"] {
        let Some(condition) = denied(autoscaler, kind) else { continue };
        if condition.reason() == Some("ScalingDisabled") {
            return Health::suspended(condition.words());
        }
        // Metrics come some time after the pods do: only the wave's deadline ends this.
        let trouble = pods::of(autoscaler, TroubleClass::NotReady, condition.words());
        let message = trouble.as_ref().map(|trouble| trouble.message.clone()).unwrap_or_default();
        return Health { status: Status::Degraded, message, trouble: Vec::from_iter(trouble) };
    }
    match holds(autoscaler, "ScalingLimited") {
        Some(limited) => Health::healthy(format!("scaling; {}", limited.words())),
        None if holds(autoscaler, "ScalingActive").is_some() => Health::healthy("scaling"),
        None => Health::healthy("exists; its controller has not reported"),
    }
}
