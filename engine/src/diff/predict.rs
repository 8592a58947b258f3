//! What server-side apply would make of a live object.

use std::sync::Arc;

use merge::apply::{Apply, ApplyError, Conflict, apply};
use merge::managed::{self, Operation};
use merge::path::Path;
use merge::{GroupVersionKind, defaults};
use serde_json::Value;

use super::body::{graft, replicas};
use super::{Comparison, Contested, Holder, ObjectDiff, Verdict, changes, shape};
use crate::redact::Redacted;

/// The time in a predicted ownership record. Nothing compares it.
const NEVER: &str = "1970-01-01T00:00:00Z";

/// Compares one object three ways.
pub fn diff(comparison: &Comparison<'_>) -> ObjectDiff {
    let body = comparison.outgoing();
    let known = GroupVersionKind::of(&body).is_some_and(|gvk| comparison.schemas.knows(&gvk));
    let Some(live) = comparison.live else {
        let predicted = comparison.apply(None, &body, true).ok();
        return ObjectDiff {
            verdict: Verdict::Missing,
            predicted: predicted.map(|it| Redacted::new(Arc::new(it))),
            ..ObjectDiff::unchanged()
        };
    };
    let contested = match comparison.apply(Some(live), &body, false) {
        Err(ApplyError::Conflicts(conflicts)) => comparison.contested(conflicts),
        _ => Vec::new(),
    };
    let (predicted, removals) = match comparison.predict(live, &body) {
        Ok(found) => found,
        Err(error) => {
            // Such an error may quote what it stumbled over.
            let reason = comparison.redaction.message(&error.to_string(), live);
            let reason = comparison.redaction.message(&reason, comparison.desired);
            return ObjectDiff {
                verdict: Verdict::AskServer(format!("the apply cannot be predicted: {reason}")),
                ..ObjectDiff::unchanged()
            };
        }
    };
    let changes = changes::between(comparison, live, &predicted);
    let foreign = changes::foreign(comparison, live, &body, &changes);
    let verdict = if !contested.is_empty() {
        Verdict::Conflict(contested)
    } else if changes.is_empty() {
        Verdict::InSync
    } else if let Some(version) = comparison.other_version(live, &body) {
        Verdict::AskServer(format!("what we own is recorded in {version}, another version"))
    } else if known {
        Verdict::Differs
    } else {
        Verdict::AskServer("the kind's schema is not known".to_owned())
    };
    ObjectDiff {
        verdict,
        changes,
        foreign,
        ignored: Vec::new(),
        unheeded: Vec::new(),
        predicted: Some(Redacted::new(Arc::new(predicted))),
        removals,
        ..ObjectDiff::unchanged()
    }
}

impl Comparison<'_> {
    fn apply(&self, live: Option<&Value>, body: &Value, force: bool) -> Result<Value, ApplyError> {
        let request =
            Apply { live, body, manager: self.manager, force, subresource: None, time: NEVER };
        apply(self.schemas, &request, &|object| {
            defaults::fill(object);
            if let Some(live) = live {
                defaults::update(live, object);
            }
        })
    }

    /// The object after our apply, or after our two applies where fields must be reclaimed first.
    fn predict(&self, live: &Value, body: &Value) -> Result<(Value, Vec<Path>), ApplyError> {
        let predicted = self.apply(Some(live), body, true)?;
        let removals = self.removals(live, body, &predicted);
        let Some(reclaim) = self.reclaim_body(body, &removals) else {
            return Ok((predicted, Vec::new()));
        };
        let reclaimed = self.apply(Some(live), &reclaim, true)?;
        let removed = self.apply(Some(&reclaimed), body, true)?;
        let same = changes::comparable(self.schemas, &removed)
            == changes::comparable(self.schemas, &predicted);
        // A value that comes back by itself, as a default does, needs no two applies to stay.
        if same { Ok((predicted, Vec::new())) } else { Ok((removed, removals)) }
    }

    /// Fields of what we applied last that Git no longer has, that an apply alone would leave, because
    /// they are not ours any more, and that nobody else declares.
    fn removals(&self, live: &Value, body: &Value, predicted: &Value) -> Vec<Path> {
        let Some(previous) = self.previously_sent() else { return Vec::new() };
        if GroupVersionKind::of(&previous) != GroupVersionKind::of(body) {
            return Vec::new();
        }
        let ours = managed::owned_by(live, self.manager, Operation::Apply);
        let declared: Vec<managed::Entry> = managed::entries(live)
            .into_iter()
            .filter(|entry| entry.operation == Operation::Apply && entry.manager != self.manager)
            .collect();
        let wanted = self.desired;
        shape::leaves(self.schemas, &previous)
            .into_iter()
            .filter(|path| path.find(body).is_none() && path.find(wanted).is_none())
            .filter(|path| path.find(live).is_some() && path.find(predicted).is_some())
            .filter(|path| !ours.contains(path))
            .filter(|path| !declared.iter().any(|entry| entry.fields.contains(path)))
            .filter(|path| !(self.autoscaled && *path == replicas()))
            .collect()
    }

    /// The body of the apply that takes fields back, so that the next one removes them; `None` if
    /// there are none. They are taken back with the value we gave them last: an apply of the live
    /// value would make us one owner more, while a change of value makes us the only one.
    pub fn reclaim_body(&self, body: &Value, removals: &[Path]) -> Option<Value> {
        let previous = self.previously_sent()?;
        let mut reclaim = body.clone();
        for path in removals {
            if let Some(value) = path.find(&previous) {
                graft(&mut reclaim, path, value);
            }
        }
        (!removals.is_empty()).then_some(reclaim)
    }

    /// The conflicts that force must not overrule: with others who *applied* the field.
    fn contested(&self, conflicts: Vec<Conflict>) -> Vec<Contested> {
        conflicts
            .into_iter()
            .filter(|it| it.operation == Operation::Apply && it.manager != self.manager)
            .filter(|it| !self.overrule.contains(&it.manager.as_str()))
            .map(|it| Contested {
                path: it.path,
                holder: Holder {
                    manager: it.manager,
                    operation: it.operation.as_str().to_owned(),
                    subresource: it.subresource,
                    time: it.time,
                },
            })
            .collect()
    }

    /// The version in which our ownership is recorded, if it is not the one we would apply in.
    fn other_version(&self, live: &Value, body: &Value) -> Option<String> {
        let version = body.get("apiVersion").and_then(Value::as_str)?;
        managed::entries(live)
            .into_iter()
            .find(|entry| {
                entry.manager == self.manager
                    && entry.operation == Operation::Apply
                    && entry.api_version != version
            })
            .map(|entry| entry.api_version)
    }
}
