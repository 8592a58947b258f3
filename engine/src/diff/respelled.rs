//! What an apply would store otherwise though it means the same: another spelling of an amount, keyed
//! entries in another order, something empty that goes.
//!
//! Live and predicted are compared as they are, value by value; what a change by meaning accounts for
//! is left out. The two lists together are the server's own verdict: whether it would store anything.

use std::collections::BTreeMap;

use merge::GroupVersionKind;
use merge::path::{Path, Segment};
use merge::schema::{Schemas, TypeRef};
use serde_json::Value;

use super::changes::BOOKKEEPING;
use super::places::Places;
use super::{Change, shape};

/// The fields that would be stored otherwise and are no changes, in the order of their paths.
pub(super) fn between(
    schemas: &Schemas,
    live: &Value,
    predicted: &Value,
    changes: &[Change],
) -> Vec<Path> {
    let (Some(before), Some(after)) = (live.as_object(), predicted.as_object()) else {
        return Vec::new();
    };
    let root = shape::root(schemas, predicted);
    let has_status = GroupVersionKind::of(predicted).is_some_and(|gvk| schemas.has_status(&gvk));
    let changes = changes.iter().map(|it| &it.path).collect();
    let mut walk = Walk { schemas, changes, path: Path::root(), found: Vec::new() };
    for name in names(before, after) {
        if name == "status" && has_status {
            continue;
        }
        let (before, after) = (before.get(name), after.get(name));
        if name == "metadata"
            && let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after)
        {
            for inner in names(before, after).filter(|inner| !BOOKKEEPING.contains(inner)) {
                let kind = root.child(name).and_then(|at| at.child(inner));
                walk.at(Segment::field(name), |walk| {
                    walk.field(inner, kind, before.get(inner), after.get(inner));
                });
            }
            continue;
        }
        walk.field(name, root.child(name), before, after);
    }
    walk.found
}

/// The keys of two sorted maps.
fn names<'a>(
    one: &'a serde_json::Map<String, Value>,
    two: &'a serde_json::Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    let mut names: Vec<&str> = one.keys().chain(two.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

struct Walk<'a> {
    schemas: &'a Schemas,
    changes: Places<'a>,
    path: Path,
    found: Vec<Path>,
}

impl<'a> Walk<'a> {
    fn at(&mut self, segment: Segment, inside: impl FnOnce(&mut Self)) {
        self.path.0.push(segment);
        inside(self);
        self.path.0.pop();
    }

    fn field(
        &mut self,
        name: &str,
        kind: Option<TypeRef<'a>>,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let kind = kind.unwrap_or_else(|| self.schemas.root_or_deduced(None));
        self.at(Segment::field(name), |walk| walk.visit(kind, before, after));
    }

    fn visit(&mut self, kind: TypeRef<'a>, before: Option<&Value>, after: Option<&Value>) {
        if before == after || self.changes.hold(&self.path) {
            return;
        }
        let one = before.and_then(|it| shape::parts(self.schemas, it, kind));
        let two = after.and_then(|it| shape::parts(self.schemas, it, kind));
        let (Some(one), Some(two)) = (one, two) else {
            // A change below accounts for a parent that comes or goes with it.
            if !self.changes.lie_within(&self.path) {
                self.found.push(self.path.clone());
            }
            return;
        };
        let first: BTreeMap<&Segment, &Value> =
            one.iter().map(|(it, value, _)| (it, *value)).collect();
        let second: BTreeMap<&Segment, &Value> =
            two.iter().map(|(it, value, _)| (it, *value)).collect();
        let shared = |parts: &shape::Parts<'_, '_>| -> Vec<Segment> {
            let segments = parts.iter().map(|(segment, ..)| segment);
            segments
                .filter(|it| first.contains_key(it) && second.contains_key(it))
                .cloned()
                .collect()
        };
        if before.is_some_and(Value::is_array) && shared(&one) != shared(&two) {
            self.found.push(self.path.clone());
        }
        for (segment, before, kind) in &one {
            let after = second.get(segment).copied();
            self.at(segment.clone(), |walk| walk.visit(*kind, Some(before), after));
        }
        for (segment, after, kind) in two.iter().filter(|(it, ..)| !first.contains_key(it)) {
            self.at(segment.clone(), |walk| walk.visit(*kind, None, Some(after)));
        }
    }
}
