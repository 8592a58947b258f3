//! What the rules of ignoreDifferences choose in the object of a comparison.
//!
//! A rule is evaluated on every side of the comparison by itself, as Argo CD does, since a place in a
//! list is another one on each. What it chooses is then named as the schema names it, by the keys of
//! list entries, and holds for all sides together. What lies inside something that the schema
//! replaces whole has no such name and holds for its own side.

use std::borrow::Cow;

use merge::managed;
use merge::path::{Path, Segment};
use merge::schema::TypeRef;
use merge::{ObjectId, defaults};
use serde_json::{Value, json};

use super::{Change, Comparison, Ignored, settled_digest, shape};
use crate::ignore::{By, Chosen, Selection, Step};
use crate::redact::is_secret;
use crate::vouch::Settled;

/// Fields that say which object it is, or who wrote it. They cannot be ignored.
const IDENTITY: [&[&str]; 7] = [
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "uid"],
    &["metadata", "managedFields"],
];

impl Comparison<'_> {
    /// What the rules choose. Empty where no rule concerns the object, at no cost.
    pub(crate) fn selection(&self) -> Selection {
        let mut selection = Selection::default();
        let Some(id) = self.concerned() else { return selection };
        let body = self.sent(self.desired);
        let previous = self.previously_sent();
        // The manifest itself too, for what has another name there: a Secret's stringData.
        let sides = [self.live, Some(&body), Some(self.desired), previous.as_ref()];
        for side in sides.into_iter().flatten() {
            for (chosen, by) in self.chosen(&id, side, &mut selection) {
                if chosen.inside.is_empty() {
                    selection.choose(chosen.path, by);
                }
            }
        }
        self.held(&id, &mut selection);
        // A field of an entry goes with its entry, where Git drops that.
        selection.retain(|path| entries_above(path).all(|entry| entry.find(&body).is_some()));
        selection
    }

    /// The rules that cannot be heeded for this object, and why.
    pub fn unheeded(&self) -> Vec<String> {
        self.selection().reasons()
    }

    /// An object of this comparison without what is ignored in it.
    pub(crate) fn seen<'v>(&self, selection: &Selection, object: &'v Value) -> Cow<'v, Value> {
        selection.strip(object, &self.inside(object).into_iter().map(|(it, _)| it).collect())
    }

    /// The settled digest of a state of the object, for which what is ignored counts for nothing.
    pub fn settled(&self, object: &Value) -> Settled {
        let of_state = Comparison { live: Some(object), ..*self };
        let seen = of_state.seen(&of_state.selection(), object);
        settled_digest(self.schemas, &seen, self.desired, self.previous)
    }

    /// What is chosen inside fields of an object that are replaced whole.
    pub(super) fn inside(&self, object: &Value) -> Vec<(Chosen, By)> {
        let Some(id) = self.concerned() else { return Vec::new() };
        let mut found = self.chosen(&id, object, &mut Selection::default());
        found.retain(|(chosen, _)| !chosen.inside.is_empty());
        found
    }

    /// The object's identity, if any rule concerns it.
    fn concerned(&self) -> Option<ObjectId> {
        if self.ignore.is_empty() {
            return None;
        }
        let id = ObjectId::of(self.desired)?;
        let any = self.ignore.for_object(&id).next().is_some();
        any.then_some(id)
    }

    fn chosen(&self, id: &ObjectId, object: &Value, notes: &mut Selection) -> Vec<(Chosen, By)> {
        // With its defaults, as the server has it: an entry may be chosen by one.
        let mut object = object.clone();
        defaults::fill(&mut object);
        let mut found = Vec::new();
        for rule in self.ignore.for_object(id) {
            let (places, unheeded) = rule.places(&object);
            for why in unheeded {
                notes.unheeded(why);
            }
            for (steps, by) in places {
                let Some(chosen) = self.located(&object, &steps) else { continue };
                match reason(&chosen) {
                    None => found.push((chosen, by)),
                    Some(why) => {
                        notes.unheeded(format!("rule {}: `{}`: {why}", by.rule, by.text));
                    }
                }
            }
        }
        found
    }

    /// The fields that a named manager holds.
    fn held(&self, id: &ObjectId, selection: &mut Selection) {
        let Some(live) = self.live else { return };
        let entries = managed::entries(live);
        for (manager, by) in self.ignore.for_object(id).flat_map(crate::ignore::Rule::managers) {
            let theirs = entries
                .iter()
                .filter(|entry| entry.manager == manager && entry.manager != self.manager);
            for path in theirs.flat_map(|entry| entry.fields.leaves()) {
                let whole = Chosen { path, inside: Vec::new() };
                let empty = |it: &Value| *it == json!({}) || *it == json!([]);
                let there = whole.path.find(live).is_some_and(|it| !empty(it));
                if there && reason(&whole).is_none() && self.is_one_field(live, &whole.path) {
                    selection.choose(whole.path, by.clone());
                }
            }
        }
    }

    /// Whether what stands at a path has no fields of its own. Who holds a map or a list alone holds
    /// that it is there, not what is in it.
    pub(super) fn is_one_field(&self, object: &Value, path: &Path) -> bool {
        let mut here = (object, shape::root(self.schemas, object));
        for segment in path.segments() {
            let Some(parts) = shape::parts(self.schemas, here.0, here.1) else { return true };
            let Some((_, value, kind)) = parts.into_iter().find(|(it, ..)| it == segment) else {
                return true;
            };
            here = (value, kind);
        }
        shape::parts(self.schemas, here.0, here.1).is_none()
    }

    /// A place in a document as the schema names it; `None` if it leads to an entry that is not there.
    fn located(&self, object: &Value, steps: &[Step]) -> Option<Chosen> {
        let mut path = Path::root();
        let mut here = Some(object);
        let mut kind = shape::root(self.schemas, object);
        let mut rest = steps.iter();
        while let Some(step) = rest.next() {
            let whole = |rest: std::slice::Iter<'_, Step>, path: Path| {
                let inside = std::iter::once(step).chain(rest).cloned().collect();
                Some(Chosen { path, inside })
            };
            let parts = here.and_then(|value| shape::parts(self.schemas, value, kind));
            (path, here, kind) = match (step, here.unwrap_or(&Value::Null)) {
                (Step::Field(name), Value::Object(fields)) if !kind.is_atomic_map() => {
                    let named = match name.as_str() {
                        // The server keeps it as data, and so do we.
                        "stringData" if path.segments().is_empty() && is_secret(object) => "data",
                        name => name,
                    };
                    (path.join(Segment::field(named)), fields.get(name), self.child(kind, named))
                }
                (Step::Field(name), Value::Null) if !kind.is_atomic_map() => {
                    (path.join(Segment::field(name.as_str())), None, self.child(kind, name))
                }
                (Step::Index(place), Value::Array(items)) => {
                    items.get(*place)?;
                    let Some((segment, value, kind)) =
                        parts.and_then(|parts| parts.into_iter().nth(*place))
                    else {
                        return whole(rest, path);
                    };
                    (path.join(segment), Some(value), kind)
                }
                (Step::Field(_), Value::Object(_) | Value::Null) => return whole(rest, path),
                _ => return None,
            };
        }
        Some(Chosen { path, inside: Vec::new() })
    }

    fn child<'s>(&'s self, kind: TypeRef<'s>, name: &str) -> TypeRef<'s> {
        kind.child(name).unwrap_or_else(|| self.schemas.root_or_deduced(None))
    }

    /// What of these changes the rules hide. `left` are the changes that stay.
    pub(super) fn ignored(
        &self,
        selection: &Selection,
        live: &Value,
        changes: Vec<Change>,
        left: &[Change],
    ) -> Vec<Ignored> {
        let one = |path: &Path, by: &By| Ignored {
            path: path.clone(),
            rule: by.rule,
            by: by.text.clone(),
        };
        let inside = self.inside(live);
        let mut found = Vec::new();
        for change in changes {
            if let Some(by) = selection.covers(&change.path) {
                found.push(one(&change.path, by));
                continue;
            }
            let part = |whole: Option<&Value>, path: &Path| {
                let below = path.segments().get(change.path.segments().len()..).unwrap_or_default();
                whole.and_then(|it| Path(below.to_vec()).find(it)).cloned()
            };
            for (path, by) in selection.below(&change.path) {
                if part(change.before.as_ref(), path) != part(change.after.as_ref(), path) {
                    found.push(one(path, by));
                }
            }
            if left.iter().all(|it| it.path != change.path) {
                let by = inside.iter().find(|(chosen, _)| chosen.path == change.path);
                found.extend(by.map(|(chosen, by)| one(&chosen.path, by)));
            }
        }
        found
    }
}

/// Why a place cannot be ignored, if it cannot.
fn reason(chosen: &Chosen) -> Option<String> {
    let segments = chosen.path.segments();
    let names: Option<Vec<&str>> = segments.iter().map(Segment::as_field).collect();
    if let Some(names) = names.filter(|_| chosen.inside.is_empty())
        && IDENTITY.contains(&names.as_slice())
    {
        return Some(format!("{} says which object it is, and cannot be ignored", chosen.path));
    }
    match segments {
        [.., Segment::Key(keys), Segment::Field(name)] if keys.contains_key(name) => {
            Some(format!("{name} tells the entries of its list apart; ignore the entry instead"))
        }
        _ => None,
    }
}

/// The list entries that a path leads through, itself excepted.
fn entries_above(path: &Path) -> impl Iterator<Item = Path> + '_ {
    let segments = path.segments();
    (1..segments.len()).filter_map(move |length| {
        let above = segments.get(..length)?;
        matches!(above.last(), Some(Segment::Key(_) | Segment::Value(_) | Segment::Index(_)))
            .then(|| Path(above.to_vec()))
    })
}

#[cfg(test)]
mod tests;
