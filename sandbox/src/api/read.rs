//! Reading: one object, or a collection page by page.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::output::{self, Form};
use super::select::Selector;
use super::{Api, Subject};
use crate::answer::Answer;
use crate::refusal::Refusal;

const TOO_OLD_TOKEN: &str = "The provided continue parameter is too old to display a consistent \
                             list result. You can start a new list without the continue parameter.";

impl Api {
    pub(super) fn get(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let form = Form::wanted(subject.call, subject.resource.custom.is_some())?;
        let object = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
        Ok(Answer::json(200, &output::object(subject, form, &object)))
    }

    pub(super) fn list(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let call = subject.call;
        let form = Form::wanted(call, subject.resource.custom.is_some())?;
        let selector = Selector::parse(
            &subject.resource,
            call.text("labelSelector"),
            call.text("fieldSelector"),
            subject.target.namespace.as_deref(),
        )?;
        let asked = list_version(call)?;
        let listing =
            self.store.list(&subject.resource.storage, subject.target.namespace.as_deref());
        if asked > listing.version {
            return Err(too_large_version(asked, listing.version));
        }
        let start = call.text("continue").map(Continue::decode).transpose()?;
        // A page that goes on keeps the version of its first page, as long as nothing has changed
        // since; otherwise what it would show is no longer known.
        let version = start.as_ref().map_or(listing.version, |start| start.rv);
        if let Some(start) = &start
            && self.changed_since(subject, start.rv)
        {
            return Err(Refusal::expired(TOO_OLD_TOKEN));
        }
        let after = start.map(|start| start.start);
        let mut chosen: Vec<Arc<Value>> = listing
            .objects
            .into_iter()
            .filter(|object| after.as_ref().is_none_or(|after| position(subject, object) > *after))
            .filter(|object| selector.matches(&subject.resource.present(object)))
            .collect();
        let limit = call.text("limit").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        // A list from the cache (version 0) ignores the limit.
        let cached = call.parameter("resourceVersion") == Some("0") && after.is_none();
        let mut meta = Map::new();
        meta.insert("resourceVersion".to_owned(), json!(version.to_string()));
        if limit > 0 && chosen.len() > limit && !cached {
            let left = chosen.len() - limit;
            chosen.truncate(limit);
            if let Some(last) = chosen.last() {
                let next = Continue { rv: version, start: position(subject, last) };
                meta.insert("continue".to_owned(), json!(next.encode()));
            }
            if selector.is_everything() {
                meta.insert("remainingItemCount".to_owned(), json!(left));
            }
        }
        Ok(Answer::json(200, &output::list(subject, form, &chosen, meta)))
    }

    fn changed_since(&self, subject: &Subject<'_>, version: u64) -> bool {
        match self.store.subscribe(&subject.resource.storage, Some(version)) {
            Ok(subscription) => !subscription.past.is_empty(),
            Err(_) => true,
        }
    }
}

/// Where an object stands in the order of its collection, as continue tokens write it.
fn position(subject: &Subject<'_>, object: &Value) -> String {
    let name = merge::object::name(object).unwrap_or_default();
    match (&subject.target.namespace, merge::object::namespace(object)) {
        (None, Some(namespace)) => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

/// The `resourceVersion` of a list, checked together with `resourceVersionMatch`.
fn list_version(call: &super::Call) -> Result<u64, Refusal> {
    let text = call.text("resourceVersion").unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    })
}

/// A version that is still to come.
fn too_large_version(asked: u64, current: u64) -> Refusal {
    let mut refusal = Refusal::bad_request(format!(
        "Timeout: Too large resource version: {asked}, current: {current}"
    ));
    refusal.code = 504;
    refusal.reason = Some("Timeout");
    refusal.details = Some(json!({
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }));
    refusal
}

/// A continue token (`k8s.io/apiserver/pkg/storage/continue.go`).
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    rv: u64,
    start: String,
}

impl Continue {
    fn encode(&self) -> String {
        let token = json!({
            "v": "meta.k8s.io/v1", "rv": self.rv, "start": format!("{}\u{0}", self.start),
        });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::bad_request("continue key is not valid: unable to decode token");
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| bad())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let rv = token.get("rv").and_then(Value::as_u64).ok_or_else(bad)?;
        let start = token.get("start").and_then(Value::as_str).ok_or_else(bad)?;
        Ok(Self { rv, start: start.trim_end_matches('\u{0}').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_a_broken_one_is_refused() {
        let token = Continue { rv: 1006, start: "c0".to_owned() };
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert_eq!(Continue::decode("nonsense").unwrap_err().code, 400);
    }
}
