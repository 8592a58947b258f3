//! Disruption budgets: `pdbConditions` of kstatus. A budget that allows nothing right now is doing
//! what it is for.

use serde_json::Value;

use super::{Health, Related, read};

pub(super) fn assess(budget: &Value, _related: &Related<'_>) -> Health {
    let count = |field| read::count(budget, &["status", field]);
    if read::at(budget, &["status", "disruptionsAllowed"]).is_none() {
        return Health::healthy("exists");
    }
    Health::healthy(format!(
        "{} of {} needed pods healthy, {} may be disrupted",
        count("currentHealthy"),
        count("desiredHealthy"),
        count("disruptionsAllowed"),
    ))
}
