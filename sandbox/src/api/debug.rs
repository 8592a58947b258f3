//! The request log over HTTP, under a prefix no Kubernetes API uses, so that another process can ask
//! what it was seen doing. Asking is not logged.

use serde_json::json;

use crate::answer::Answer;
use crate::request::Request;

/// `GET /debug/requests[?after=SEQ]` answers `{"requests": […]}`, oldest first.
pub const REQUESTS: &str = "/debug/requests";

/// The log, from `after` on.
pub(crate) fn requests(entries: &[Request], query: Option<&str>) -> Answer {
    let after = query
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("after=")))
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or_default();
    let entries: Vec<&Request> = entries.iter().filter(|entry| entry.seq > after).collect();
    Answer::json(200, &json!({ "requests": entries }))
}
