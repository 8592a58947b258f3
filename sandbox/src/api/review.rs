//! The reviews clients ask before they try: who am I, may I. Nobody is refused anything here, so the
//! answers say so.

use serde_json::{Value, json};

use super::Subject;
use crate::answer::Answer;
use crate::refusal::Refusal;

/// Answers a review; `None` if the call is about something else. A review is never stored.
pub(super) fn answer(subject: &Subject<'_>) -> Result<Option<Answer>, Refusal> {
    let status = match (&*subject.resource.group, &*subject.resource.kind) {
        (
            "authorization.k8s.io",
            "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview",
        ) => json!({"allowed": true, "reason": "the sandbox allows everything to everybody"}),
        ("authorization.k8s.io", "SelfSubjectRulesReview") => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        ("authentication.k8s.io", "SelfSubjectReview") => json!({
            "userInfo": {"username": "sandbox", "groups": ["system:masters"]},
        }),
        ("authentication.k8s.io", "TokenReview") => json!({
            "authenticated": true,
            "user": {"username": "sandbox", "groups": ["system:masters"]},
        }),
        _ => return Ok(None),
    };
    let mut body: Value = serde_json::from_slice(&subject.call.body)
        .map_err(|error| Refusal::bad_request(format!("the review cannot be read: {error}")))?;
    let Value::Object(map) = &mut body else {
        return Err(Refusal::bad_request("the review is no object"));
    };
    map.insert("apiVersion".to_owned(), json!(subject.resource.api_version()));
    map.insert("kind".to_owned(), json!(subject.resource.kind));
    map.entry("metadata").or_insert_with(|| json!({"creationTimestamp": null}));
    map.insert("status".to_owned(), status);
    Ok(Some(Answer::json(201, &body)))
}
