//! What server-side apply would make of a live object.

use std::sync::Arc;

use merge::apply::{Apply, ApplyError, Conflict, apply};
use merge::managed::Operation;
use merge::{GroupVersionKind, defaults};
use serde_json::Value;

use super::handover::Claim;
use super::{
    Change, Comparison, Contested, Handover, Holder, Ignored, ObjectDiff, Verdict, changes, owned,
    respelled,
};
use crate::ignore::{NONE, Selection};
use crate::redact::Redacted;

/// The time in a predicted ownership record. Nothing compares it.
const NEVER: &str = "1970-01-01T00:00:00Z";

/// Compares one object three ways, in clear: nothing of this may be shown as it is. What is as it should
/// be, as most objects are, is told by one walk; only the rest is merged.
pub(super) fn compare(comparison: &Comparison<'_>) -> ObjectDiff {
    match comparison.live.filter(|_| comparison.surely_in_sync()) {
        Some(live) => {
            let foreign = if owned::has_others(live, comparison.manager) {
                changes::foreign(comparison, live, &comparison.outgoing(), &[])
            } else {
                Vec::new()
            };
            ObjectDiff { foreign, ..ObjectDiff::unchanged() }
        }
        None => merged(comparison),
    }
}

/// The same by predicting the apply, whatever one walk says.
pub(super) fn merged(comparison: &Comparison<'_>) -> ObjectDiff {
    let left_alone = comparison.selection();
    let body = comparison.outgoing_beside(&left_alone);
    let known = GroupVersionKind::of(&body).is_some_and(|gvk| comparison.schemas.knows(&gvk));
    let Some(live) = comparison.live else {
        let predicted = comparison.apply(None, &body, true).ok();
        return ObjectDiff {
            verdict: Verdict::Missing,
            unheeded: left_alone.reasons(),
            predicted: predicted.map(|it| Redacted::new(Arc::new(it))),
            ..ObjectDiff::unchanged()
        };
    };
    let predicted = match comparison.predict(live, &body, &left_alone) {
        Ok(found) => found,
        Err(error) => {
            return ObjectDiff {
                verdict: Verdict::AskServer(format!("the apply cannot be predicted: {error}")),
                ..ObjectDiff::unchanged()
            };
        }
    };
    let Prediction { object, met, contested, handover } = predicted;
    let seen = |object| comparison.seen(&left_alone, object);
    let (seen_live, seen_after) = (seen(live), seen(&object));
    let changes = changes::between(comparison, &seen_live, &seen_after);
    let respelled = respelled::between(comparison.schemas, &seen_live, &seen_after, &changes);
    let mut foreign = changes::foreign(comparison, &met, &body, &changes);
    foreign.retain(|it| left_alone.covers(&it.path).is_none());
    let ignored = comparison.hidden(live, &left_alone, &changes);
    let goes_with = changes::goes_with(comparison, &met, &object, &changes);
    let is_adopted = !comparison.predecessors.is_empty();
    let handover = handover.filter(|_| is_adopted || !changes.is_empty());
    let verdict = if !contested.is_empty() {
        Verdict::Conflict(contested)
    } else if changes.is_empty() {
        Verdict::InSync
    } else if let Some(version) = comparison.other_version(&met, &body) {
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
        ignored,
        unheeded: left_alone.reasons(),
        goes_with,
        handover,
        respelled,
        predicted: Some(Redacted::new(Arc::new(object))),
        ..ObjectDiff::unchanged()
    }
}

/// What an apply comes to.
struct Prediction {
    /// The object after it.
    object: Value,
    /// The live object as the apply meets it, its ownership put right.
    met: Value,
    /// What force must not take.
    contested: Vec<Contested>,
    /// What puts the ownership right.
    handover: Option<Handover>,
}

impl Comparison<'_> {
    pub(super) fn apply(
        &self,
        live: Option<&Value>,
        body: &Value,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let request =
            Apply { live, body, manager: self.manager, force, subresource: None, time: NEVER };
        apply(self.schemas, &request, &|object| {
            defaults::fill(object);
            if let Some(live) = live {
                defaults::update(live, object);
            }
        })
    }

    /// The object after our apply, with its ownership put right before.
    fn predict(
        &self,
        live: &Value,
        body: &Value,
        left_alone: &Selection,
    ) -> Result<Prediction, ApplyError> {
        let mut claim = Claim::of(self, live, body, left_alone);
        // Only who *applied* a field is asked; without such others force overrules nobody.
        let contested = if owned::has_appliers(&claim.live, self.manager) {
            match self.apply(Some(&claim.live), body, false) {
                Err(ApplyError::Conflicts(conflicts)) => self.contested(conflicts),
                _ => Vec::new(),
            }
        } else {
            Vec::new()
        };
        let plain = self.apply(Some(&claim.live), body, true)?;
        let object = claim.reclaim(body, &plain)?.unwrap_or(plain);
        let (met, handover) = claim.settled();
        Ok(Prediction { object, met, contested, handover })
    }

    /// What the rules hide of what would differ without them.
    pub(super) fn hidden(
        &self,
        live: &Value,
        left_alone: &Selection,
        changes: &[Change],
    ) -> Vec<Ignored> {
        if left_alone.is_empty() && self.inside(live).is_empty() {
            return Vec::new();
        }
        let unruled = Comparison { ignore: &NONE, ..*self };
        let plain = unruled.predict(live, &unruled.outgoing(), &Selection::default());
        // Where the apply would be refused, nothing is known of what it would change.
        let Ok(Prediction { object, .. }) = plain else { return Vec::new() };
        let all = changes::between(&unruled, live, &object);
        self.ignored(left_alone, live, all, changes)
    }

    /// The conflicts that force must not overrule: with others who *applied* the field.
    fn contested(&self, conflicts: Vec<Conflict>) -> Vec<Contested> {
        conflicts
            .into_iter()
            .filter(|it| it.operation == Operation::Apply && it.manager != self.manager)
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
        let text = |entry, field: &str| {
            Value::get(entry, field).and_then(Value::as_str).unwrap_or_default()
        };
        owned::entries(live)
            .filter(|entry| text(entry, "manager") == self.manager)
            .filter(|entry| text(entry, "operation") == Operation::Apply.as_str())
            .map(|entry| text(entry, "apiVersion"))
            .find(|own| *own != version)
            .map(str::to_owned)
    }
}
