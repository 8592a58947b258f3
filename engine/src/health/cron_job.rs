//! CronJobs: they schedule or they do not. How their Jobs fare is the Jobs' own health.

use serde_json::Value;

use super::{Health, Related, read};

pub(super) fn assess(job: &Value, _related: &Related<'_>) -> Health {
    if read::is_true(job, &["spec", "suspend"]) {
        return Health::suspended("it schedules nothing until it is resumed");
    }
    match read::text(job, &["status", "lastScheduleTime"]) {
        Some(time) => Health::healthy(format!("last scheduled at {time}")),
        None => Health::healthy("not scheduled yet"),
    }
}
