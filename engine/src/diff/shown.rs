//! A comparison's answer as people may see it: the one way out of this module.
//!
//! The comparison itself works on values in clear, since what it finds must not depend on what is
//! masked. Here every value is masked as it is at its place in its object, and every path is cut where
//! it would name a value. Fields that share the open part of their paths become one.

use std::cell::OnceCell;

use merge::path::Path;
use serde_json::Value;

use super::body::graft;
use super::{Change, ChangeKind, Comparison, Foreign, ObjectDiff, Verdict, predict};
use crate::redact::Redaction;

/// Compares one object three ways.
pub fn diff(comparison: &Comparison<'_>) -> ObjectDiff {
    shown(comparison, predict::compare(comparison))
}

/// Compares one object three ways by predicting the apply, whatever
/// [`Comparison::surely_in_sync`] says of it: what [`diff`] does where something may differ.
pub fn diff_by_merge(comparison: &Comparison<'_>) -> ObjectDiff {
    shown(comparison, predict::merged(comparison))
}

pub(super) fn shown(comparison: &Comparison<'_>, mut found: ObjectDiff) -> ObjectDiff {
    let predicted = found.predicted.clone();
    let hidden = Hidden {
        redaction: comparison.redaction,
        live: comparison.live.unwrap_or(&Value::Null),
        predicted: predicted.as_ref().map_or(&Value::Null, |it| it.expose()),
        masked: OnceCell::new(),
    };
    let open = |path: &Path| comparison.redaction.path(path);
    found.changes = hidden.changes(std::mem::take(&mut found.changes));
    for mutated in &mut found.server_mutated {
        let mask =
            |it: &mut Value| *it = value(comparison.redaction, hidden.live, &mutated.path, it);
        mutated.ours.iter_mut().chain(&mut mutated.servers).for_each(mask);
        mutated.path = open(&mutated.path);
    }
    for paths in found
        .handover
        .iter_mut()
        .map(|handover| &mut handover.reclaimed)
        .chain([&mut found.respelled])
    {
        for path in paths.iter_mut() {
            *path = open(path);
        }
        paths.dedup();
    }
    for held in [&mut found.foreign, &mut found.goes_with] {
        for foreign in held.iter_mut() {
            foreign.path = open(&foreign.path);
        }
        held.dedup_by(joined);
    }
    for ignored in &mut found.ignored {
        ignored.path = open(&ignored.path);
    }
    found.ignored.dedup();
    let quoting = || comparison.live.into_iter().chain([comparison.desired]);
    for why in &mut found.unheeded {
        *why = comparison.redaction.message(why, quoting());
    }
    match &mut found.verdict {
        Verdict::AskServer(why) => *why = comparison.redaction.message(why, quoting()),
        Verdict::Conflict(contested) => {
            for one in contested.iter_mut() {
                one.path = open(&one.path);
            }
            contested.dedup();
        }
        Verdict::Missing | Verdict::InSync | Verdict::Differs => {}
    }
    found
}

/// Whether two fields became one; the one that is kept has the holders of both.
fn joined(next: &mut Foreign, kept: &mut Foreign) -> bool {
    let same = next.path == kept.path;
    if same {
        kept.holders.append(&mut next.holders);
        kept.holders.sort();
        kept.holders.dedup();
    }
    same
}

/// A value as people may see it: masked as it is at its place in its object.
pub fn value(redaction: &Redaction, object: &Value, path: &Path, value: &Value) -> Value {
    if path.segments().is_empty() {
        return redaction.object(value);
    }
    let mut whole = object.clone();
    if path.find(&whole) != Some(value) {
        graft(&mut whole, path, value);
    }
    if path.find(&whole).is_some() && !redaction.hides_of(&whole) {
        return value.clone();
    }
    // A path that cannot be followed is one we did not graft: better nothing than too much.
    path.find(&redaction.object(&whole))
        .cloned()
        .unwrap_or_else(|| Value::String(redaction.mask(value)))
}

/// Both sides of a comparison, masked once and only if anything is to be shown of them.
struct Hidden<'a> {
    redaction: &'a Redaction,
    live: &'a Value,
    predicted: &'a Value,
    /// Both sides masked; `None` if they hide nothing.
    masked: OnceCell<Option<(Value, Value)>>,
}

impl Hidden<'_> {
    fn changes(&self, changes: Vec<Change>) -> Vec<Change> {
        let mut shown: Vec<Change> = Vec::with_capacity(changes.len());
        for change in changes {
            let path = self.redaction.path(&change.path);
            if path == change.path {
                let before = change.before.map(|it| self.value(&path, it, Side::Live));
                let after = change.after.map(|it| self.value(&path, it, Side::Predicted));
                shown.push(Change { before, after, ..change });
            } else if shown.last().is_none_or(|last| last.path != path) {
                let of = |whole: &Value, side| {
                    path.find(whole).map(|it| self.value(&path, it.clone(), side))
                };
                let before = of(self.live, Side::Live);
                let after = of(self.predicted, Side::Predicted);
                let kind = if after.is_some() { ChangeKind::Set } else { ChangeKind::Remove };
                shown.push(Change { path, kind, before, after, blame: change.blame });
            }
        }
        shown
    }

    fn value(&self, path: &Path, found: Value, side: Side) -> Value {
        let masked = self.masked.get_or_init(|| {
            let hides =
                self.redaction.hides_of(self.live) || self.redaction.hides_of(self.predicted);
            hides.then(|| (self.redaction.object(self.live), self.redaction.object(self.predicted)))
        });
        let Some((live, predicted)) = masked else { return found };
        let (masked, whole) = match side {
            Side::Live => (live, self.live),
            Side::Predicted => (predicted, self.predicted),
        };
        // What is compared may stand elsewhere than it is spelled.
        match path.find(masked) {
            Some(shown) if path.find(whole).is_some() => shown.clone(),
            _ => value(self.redaction, whole, path, &found),
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Live,
    Predicted,
}
