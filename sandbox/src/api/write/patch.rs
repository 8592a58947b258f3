//! Patches that are instructions: JSON patch, merge patch, strategic merge patch.

use merge::strategic;
use serde_json::Value;

use super::super::{Api, Subject};
use super::options::WriteOptions;
use super::update::check_stated;
use super::{ATTEMPTS, body, fields, written};
use crate::answer::Answer;
use crate::clock;
use crate::ownership;
use crate::refusal::Refusal;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";

impl Api {
    pub(in super::super) fn patch(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        check_media_type(subject)?;
        let options = WriteOptions::read(subject)?;
        for _ in 0..ATTEMPTS {
            let live = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
            let shown = subject.resource.present(&live);
            let mut next = patched(subject, &shown)?;
            body::place(subject, &mut next)?;
            body::name(subject, &next)?;
            check_stated(subject, &live, &next)?;
            let warnings = fields::decode(subject, &mut next, options.validation, Vec::new())?;
            self.fill_update(subject, &shown, &mut next);
            ownership::track(subject, Some(&shown), &mut next, &options.manager, &clock::text());
            if let Some(stored) = self.replace(subject, &live, &shown, next, &options)? {
                return written(subject, 200, &stored, &warnings);
            }
        }
        Err(Refusal::conflict(
            &subject.resource,
            &subject.resource.plural,
            subject.name(),
            "the object has been modified; please apply your changes to the latest version and try \
             again",
        ))
    }
}

/// Refuses the patch types a kind does not take.
pub(super) fn check_media_type(subject: &Subject<'_>) -> Result<(), Refusal> {
    let media = subject.call.media_type();
    let custom = subject.resource.custom.is_some();
    if matches!(media, JSON_PATCH | MERGE_PATCH) || (media == STRATEGIC_PATCH && !custom) {
        return Ok(());
    }
    let mut refusal = Refusal::unsupported_media_type("415: Unsupported Media Type");
    refusal.details = Some(serde_json::json!({}));
    Err(refusal)
}

/// The object as the body's instructions make it.
pub(super) fn patched(subject: &Subject<'_>, live: &Value) -> Result<Value, Refusal> {
    let body = &subject.call.body;
    let read = || {
        serde_json::from_slice::<Value>(body)
            .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))
    };
    match subject.call.media_type() {
        JSON_PATCH => {
            let patch: json_patch::Patch = serde_json::from_slice(body)
                .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
            let mut next = live.clone();
            json_patch::patch(&mut next, &patch).map_err(|error| {
                Refusal::unprocessable(format!(
                    "the server rejected our request due to an error in our request: {error}"
                ))
            })?;
            Ok(next)
        }
        MERGE_PATCH => {
            let mut next = live.clone();
            json_patch::merge(&mut next, &read()?);
            Ok(next)
        }
        _ => strategic::patch(&subject.registry.schemas, live, &read()?)
            .map_err(|error| Refusal::bad_request(error.to_string())),
    }
}
