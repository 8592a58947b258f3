//! Definitions of custom kinds: `crdConditions` of kstatus.

use serde_json::Value;

use super::conditions::{denied, holds};
use super::trouble::TroubleClass;
use super::{Health, Related, pods};

pub(super) fn assess(definition: &Value, _related: &Related<'_>) -> Health {
    if let Some(refused) = denied(definition, "NamesAccepted") {
        let trouble = pods::of(definition, TroubleClass::Degraded, refused.words());
        return Health::troubled(Vec::from_iter(trouble));
    }
    if holds(definition, "Established").is_some() {
        return Health::healthy("established");
    }
    Health::progressing("its kind is not served yet")
}
