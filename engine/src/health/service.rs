//! Services: only a load balancer has to be waited for (`serviceConditions` of kstatus).

use serde_json::Value;

use super::{Health, Related, read};

pub(super) fn assess(service: &Value, _related: &Related<'_>) -> Health {
    if read::text(service, &["spec", "type"]) != Some("LoadBalancer") {
        return Health::healthy("exists");
    }
    match read::balanced(service) {
        Some(address) => Health::healthy(format!("reachable at {address}")),
        None => Health::progressing("no load balancer has given it an address yet"),
    }
}
