//! The body of an apply that leaves alone what is ignored.
//!
//! ```text
//! the object is not there yet         as Git says
//! neither live nor we ever had it     as Git says
//! somebody else holds it, or nobody   left out: an apply neither changes nor takes it
//! we alone hold it                    sent as it is live: left out, it would be removed
//! part of what is replaced whole      as it is live, within what Git says
//! ```

use std::collections::BTreeSet;

use merge::fields::FieldSet;
use merge::managed::{self, Operation};
use merge::meaning;
use merge::path::{Path, Segment};
use serde_json::{Value, json};

use super::Comparison;
use super::body::graft;
use super::places::Places;
use crate::ignore::{Selection, Step, restore_mark, take};

impl Comparison<'_> {
    /// A body as it may be sent: what is ignored stays as it is.
    pub(super) fn respectful(&self, body: Value, selection: &Selection) -> Value {
        let Some(live) = self.live else { return body };
        let inside = self.inside(live);
        if selection.is_empty() && inside.is_empty() {
            return body;
        }
        let original = body.clone();
        let mut body = body;
        let previous = self.previously_sent();
        let was = |path: &Path| previous.as_ref().is_some_and(|it| path.find(it).is_some());
        let fields = selection.fields().map(|(path, _)| path);
        let mut left: Vec<Path> =
            fields.filter(|it| it.find(live).is_some() || was(it)).cloned().collect();
        let atomics: BTreeSet<Path> = inside.into_iter().map(|(it, _)| it.path).collect();
        for path in atomics {
            if self.differs_inside_only(selection, live, &original, &path) {
                left.push(path);
            } else {
                self.mingle(live, &mut body, &path);
            }
        }
        for path in &left {
            leave_out(&mut body, live, path);
        }
        self.keep_ours(live, &mut body, &left);
        restore_mark(&mut body, &original);
        body
    }

    /// Whether nothing of a field differs but what is ignored inside of it.
    fn differs_inside_only(
        &self,
        selection: &Selection,
        live: &Value,
        body: &Value,
        path: &Path,
    ) -> bool {
        let rest = |object: &Value| {
            let seen = meaning::canonical(self.schemas, &self.seen(selection, object));
            path.find(&seen).cloned()
        };
        path.find(body).is_some() && path.find(live).is_some() && rest(live) == rest(body)
    }

    /// Puts what is ignored inside a field, and chosen on both sides, as it is live.
    fn mingle(&self, live: &Value, body: &mut Value, path: &Path) {
        let chosen = |object: &Value| -> BTreeSet<Vec<Step>> {
            let inside = self.inside(object).into_iter().map(|(it, _)| it);
            inside.filter(|it| it.path == *path).map(|it| it.inside).collect()
        };
        let Some(theirs) = path.find(live) else { return };
        let both: Vec<Vec<Step>> = chosen(live).intersection(&chosen(body)).cloned().collect();
        let Some(mut ours) = path.find(body).cloned() else { return };
        for steps in both {
            let value = steps.iter().try_fold(theirs, |here, step| match step {
                Step::Field(name) => here.get(name),
                Step::Index(place) => here.get(place),
            });
            let place = steps.iter().try_fold(&mut ours, |here, step| match step {
                Step::Field(name) => here.get_mut(name),
                Step::Index(place) => here.get_mut(place),
            });
            if let (Some(place), Some(value)) = (place, value) {
                place.clone_from(value);
            }
        }
        graft(body, path, &ours);
    }

    /// Sends what we alone hold as it is.
    fn keep_ours(&self, live: &Value, body: &mut Value, left: &[Path]) {
        let mut ours = FieldSet::new();
        let mut others = Vec::new();
        for entry in managed::entries(live) {
            // What predecessors hold is about to become ours.
            let taken = self
                .predecessors
                .iter()
                .any(|it| it.manager == entry.manager && it.operation == entry.operation);
            let is_ours = entry.manager == self.manager && entry.operation == Operation::Apply;
            if is_ours || (taken && entry.subresource.is_none()) {
                ours = ours.union(&entry.fields);
            } else {
                others.push(entry.fields);
            }
        }
        let left: Places<'_> = left.iter().collect();
        for path in ours.paths() {
            let is_left = left.hold(&path);
            let shared = others.iter().any(|fields| holds(fields, &path));
            let Some(value) = path.find(live).filter(|_| is_left && !shared) else { continue };
            if self.is_one_field(live, &path) {
                graft(body, &path, value);
            } else if path.find(body).is_none() {
                // That it is there is ours, what is in it is looked at by itself.
                graft(body, &path, &bare(&path, value));
            }
        }
    }
}

/// A map, a list or an entry with nothing in it but what names it.
fn bare(path: &Path, value: &Value) -> Value {
    match (path.segments().last(), value) {
        (Some(Segment::Key(keys)), _) => {
            Value::Object(keys.iter().map(|(name, it)| (name.clone(), it.clone())).collect())
        }
        (_, Value::Array(_)) => json!([]),
        _ => json!({}),
    }
}

/// Whether a set has a field, or has it whole as a part of something above it.
fn holds(fields: &FieldSet, path: &Path) -> bool {
    let segments = path.segments();
    fields.contains(path)
        || (1..segments.len()).any(|length| {
            let above = segments.get(..length).unwrap_or_default();
            fields.contains(&Path(above.to_vec()))
                && fields.at(above).is_some_and(FieldSet::is_empty)
        })
}

/// Takes a field out. A map or a list that it leaves empty stays, if live has it: it may be ours.
fn leave_out(body: &mut Value, live: &Value, path: &Path) {
    let before = body.clone();
    take(body, path.segments(), &[]);
    let segments = path.segments();
    let parents = (1..segments.len()).rev();
    let mut parents = parents.map(|end| Path(segments.get(..end).unwrap_or_default().to_vec()));
    let parent = parents.find(|it| it.find(live).is_some() && it.find(&before).is_some());
    if let Some(parent) = parent.filter(|it| it.find(body).is_none())
        && let Some(was) = parent.find(&before)
    {
        let empty = bare(&parent, was);
        graft(body, &parent, &empty);
    }
}
