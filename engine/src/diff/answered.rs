//! What the server itself makes of an object: its answer to a dry run, and what it keeps making of the
//! fields we send.

use std::sync::Arc;

use merge::meaning;
use merge::path::Path;
use serde_json::Value;

use super::{Comparison, Mutated, ObjectDiff, Verdict, changes, respelled, shape, shown};
use crate::redact::Redacted;

impl Comparison<'_> {
    /// The comparison by the server's answer to a dry run of the apply, instead of by our prediction:
    /// it is in sync, or differs, and there is nothing left to ask.
    pub fn answered(&self, predicted: &Value) -> ObjectDiff {
        let Some(live) = self.live else {
            return ObjectDiff {
                verdict: Verdict::Missing,
                predicted: Some(Redacted::new(Arc::new(predicted.clone()))),
                ..ObjectDiff::unchanged()
            };
        };
        let left_alone = self.selection();
        let (before, after) = (self.seen(&left_alone, live), self.seen(&left_alone, predicted));
        let changes = changes::between(self, &before, &after);
        let respelled = respelled::between(self.schemas, &before, &after, &changes);
        let mut foreign = changes::foreign(self, live, &self.outgoing(), &changes);
        foreign.retain(|it| left_alone.covers(&it.path).is_none());
        let ignored = self.hidden(live, &left_alone, &changes);
        let verdict = if changes.is_empty() { Verdict::InSync } else { Verdict::Differs };
        let found = ObjectDiff {
            verdict,
            changes,
            foreign,
            ignored,
            unheeded: left_alone.reasons(),
            respelled,
            predicted: Some(Redacted::new(Arc::new(predicted.clone()))),
            ..ObjectDiff::unchanged()
        };
        shown::shown(self, found)
    }

    /// The fields that we send and that mean something else in the live object, masked: what the server
    /// made of them, if the object is vouched for. It takes the canonical form of both, so it is for
    /// showing only.
    pub fn server_mutated(&self) -> Vec<Mutated> {
        let Some(live) = self.live else { return Vec::new() };
        let body = self.outgoing();
        let declared = meaning::declared(self.schemas, &body);
        let ours = meaning::canonical(self.schemas, &body);
        let servers = meaning::canonical(self.schemas, live);
        let differs = |path: &Path| {
            let (ours, servers) = (path.find(&ours), path.find(&servers));
            ours.is_some() && ours != servers
        };
        let told = |object: &Value, path: &Path| {
            let value = path.find(object)?;
            Some(shown::value(self.redaction, object, path, value))
        };
        let mut found: Vec<Mutated> = shape::leaves(self.schemas, &declared)
            .into_iter()
            .filter(differs)
            .map(|path| Mutated {
                ours: told(&body, &path),
                servers: told(live, &path),
                path: self.redaction.path(&path),
            })
            .collect();
        found.dedup_by(|next, kept| next.path == kept.path);
        found
    }
}
