//! What rules choose in one object: fields as the schema divides it, and parts of fields that the
//! schema replaces whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use merge::object::annotation;
use merge::path::{Path, Segment};
use serde_json::Value;

use super::By;
use super::step::Step;
use crate::application::OWNED_BY;

/// A place that was chosen in one document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chosen {
    /// The field.
    pub path: Path,
    /// The way on, inside a field that the schema replaces whole. It holds for its document alone:
    /// places in such a list mean nothing in another one.
    pub inside: Vec<Step>,
}

/// What the rules choose in one object, whichever of its sides it is seen from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    fields: BTreeMap<Path, By>,
    unheeded: BTreeSet<String>,
}

impl Selection {
    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Adds a field.
    pub fn choose(&mut self, path: Path, by: By) {
        self.fields.entry(path).or_insert(by);
    }

    /// Notes a rule that could not be heeded.
    pub fn unheeded(&mut self, why: String) {
        self.unheeded.insert(why);
    }

    /// Why rules could not be heeded.
    pub fn reasons(&self) -> Vec<String> {
        self.unheeded.iter().cloned().collect()
    }

    /// The fields, each with what chose it.
    pub fn fields(&self) -> impl Iterator<Item = (&Path, &By)> {
        self.fields.iter()
    }

    /// Keeps the fields that a test passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&Path) -> bool) {
        self.fields.retain(|path, _| keep(path));
    }

    /// What chose a field, or something that it is a part of.
    pub fn covers(&self, path: &Path) -> Option<&By> {
        if *path == mark() {
            return None;
        }
        let segments = path.segments();
        (1..=segments.len()).find_map(|length| {
            self.fields.get(&Path(segments.get(..length).unwrap_or_default().to_vec()))
        })
    }

    /// The fields chosen below a field.
    pub fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = (&'a Path, &'a By)> {
        // Paths are ordered by their segments, so what is below one follows it.
        let range = self.fields.range(path..).take_while(move |(it, _)| it.starts_with(path));
        range.filter(move |(it, _)| *it != path)
    }

    /// An object without what is chosen in it, and without what has become empty by that.
    /// `inside` are the places chosen in this very object.
    pub fn strip<'v>(&self, object: &'v Value, inside: &BTreeSet<Chosen>) -> Cow<'v, Value> {
        if self.fields.is_empty() && inside.is_empty() {
            return Cow::Borrowed(object);
        }
        let mut stripped = object.clone();
        // From the end, so that places in lists stay what they were.
        for chosen in inside.iter().rev() {
            take(&mut stripped, chosen.path.segments(), &chosen.inside);
        }
        for path in self.fields.keys().rev() {
            take(&mut stripped, path.segments(), &[]);
        }
        restore_mark(&mut stripped, object);
        Cow::Owned(stripped)
    }
}

/// Our mark says whose an object is. No rule hides it, and no rule keeps it from being set.
fn mark() -> Path {
    Path::fields(["metadata", "annotations", OWNED_BY])
}

/// Puts our mark back as another form of the object has it.
pub(crate) fn restore_mark(object: &mut Value, from: &Value) {
    let Some(text) = annotation(from, OWNED_BY) else { return };
    let map = |it: &mut Value| {
        if it.is_null() {
            *it = Value::Object(serde_json::Map::new());
        }
    };
    let mut here = object;
    for name in ["metadata", "annotations"] {
        let Some(fields) = here.as_object_mut() else { return };
        here = fields.entry(name).or_insert(Value::Null);
        map(here);
    }
    if let Some(fields) = here.as_object_mut() {
        fields.insert(OWNED_BY.to_owned(), Value::String(text.to_owned()));
    }
}

/// Takes a place out of a value. True if the value has become empty by that.
pub(crate) fn take(here: &mut Value, segments: &[Segment], inside: &[Step]) -> bool {
    let Some((first, rest)) = segments.split_first() else { return take_inside(here, inside) };
    let last = rest.is_empty() && inside.is_empty();
    match (here, first) {
        (Value::Object(fields), Segment::Field(name)) => {
            let Some(child) = fields.get_mut(name) else { return false };
            if last || take(child, rest, inside) {
                fields.remove(name);
                return fields.is_empty();
            }
        }
        (Value::Array(items), segment) => {
            let Some(place) = place_of(items, segment) else { return false };
            let emptied =
                items.get_mut(place).is_some_and(|child| last || take(child, rest, inside));
            if emptied {
                items.remove(place);
                return items.is_empty();
            }
        }
        _ => {}
    }
    false
}

fn take_inside(here: &mut Value, steps: &[Step]) -> bool {
    let Some((first, rest)) = steps.split_first() else { return false };
    match (here, first) {
        (Value::Object(fields), Step::Field(name)) => {
            let Some(child) = fields.get_mut(name) else { return false };
            if rest.is_empty() || take_inside(child, rest) {
                fields.remove(name);
                return fields.is_empty();
            }
        }
        (Value::Array(items), Step::Index(place)) => {
            let Some(child) = items.get_mut(*place) else { return false };
            if rest.is_empty() || take_inside(child, rest) {
                items.remove(*place);
                return items.is_empty();
            }
        }
        _ => {}
    }
    false
}

/// The place of an entry in its list.
fn place_of(items: &[Value], segment: &Segment) -> Option<usize> {
    // Each entry alone, so that nothing is copied to look for it.
    let alone = Path(vec![match segment {
        Segment::Index(place) => return (*place < items.len()).then_some(*place),
        Segment::Field(_) => return None,
        entry => entry.clone(),
    }]);
    items.iter().position(|item| alone.find(&Value::Array(vec![item.clone()])).is_some())
}
