//! What differs between two objects, field by field, and who is answerable for each.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use merge::managed::{self, Entry, Operation};
use merge::path::{Path, Segment};
use merge::schema::{Schemas, TypeRef};
use merge::{GroupVersionKind, meaning};
use serde_json::{Map, Value};

use super::body::remove;
use super::places::Places;
use super::{Blame, Change, ChangeKind, Comparison, Foreign, Holder, owned, shape};

/// Metadata that every write changes, or that only says who wrote.
pub(super) const BOOKKEEPING: [&str; 3] = ["managedFields", "resourceVersion", "generation"];

/// A DaemonSet's count of its templates. The server raises it with every write that leaves another
/// template behind, be it one that only stands in another order (`daemonSetStrategy.PrepareForUpdate`).
const TEMPLATE_GENERATION: [&str; 3] =
    ["metadata", "annotations", "deprecated.daemonset.template.generation"];

/// An object by meaning, without what no apply decides.
pub(super) fn comparable(schemas: &Schemas, object: &Value) -> Value {
    let mut object = meaning::canonical(schemas, &without_bookkeeping(schemas, object));
    let counter = Path::fields(TEMPLATE_GENERATION);
    if counter.find(&object).is_some() {
        remove(&mut object, &counter);
        let annotations = Path::fields(["metadata", "annotations"]);
        if annotations.find(&object).and_then(Value::as_object).is_some_and(Map::is_empty) {
            remove(&mut object, &annotations);
        }
    }
    // Defaults may give it one.
    if has_status(schemas, &object)
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    object
}

/// A copy without what is not compared: most of what a live object holds.
fn without_bookkeeping(schemas: &Schemas, object: &Value) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let drops_status = has_status(schemas, object);
    let fields = fields.iter().filter(|(name, _)| !(drops_status && *name == "status"));
    let copy = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Object(metadata) if name == "metadata" => {
                let is_kept = |(name, _): &(&String, &Value)| !BOOKKEEPING.contains(&name.as_str());
                let kept = metadata.iter().filter(is_kept);
                kept.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            other => other.clone(),
        };
        (name.clone(), value)
    };
    fields.map(copy).collect()
}

fn has_status(schemas: &Schemas, object: &Value) -> bool {
    GroupVersionKind::of(object).is_some_and(|gvk| schemas.has_status(&gvk))
}

/// What leads from the live object to the predicted one.
pub(super) fn between(comparison: &Comparison<'_>, live: &Value, predicted: &Value) -> Vec<Change> {
    let schemas = comparison.schemas;
    let (one, two) = (comparable(schemas, live), comparable(schemas, predicted));
    let mut found = Vec::new();
    walk(schemas, Some(&one), Some(&two), shape::root(schemas, &two), &Path::root(), &mut found);
    // Something empty that we applied is nothing that could have been removed.
    let previous =
        LazyCell::new(|| comparison.previously_sent().map(|it| meaning::declared(schemas, &it)));
    let was_ours =
        |path: &Path| previous.as_ref().is_some_and(|previous| path.find(previous).is_some());
    // There is one entry a manager, however many fields have changed.
    let entries = if found.is_empty() { Vec::new() } else { managed::entries(live) };
    found
        .into_iter()
        .map(|(path, before, after)| {
            // People read values as they are spelled, not as they are compared.
            let spelled = |whole: &Value, compared: Option<Value>| {
                compared.map(|value| path.find(whole).cloned().unwrap_or(value))
            };
            let (before, after) = (spelled(live, before), spelled(predicted, after));
            let kind = if after.is_some() { ChangeKind::Set } else { ChangeKind::Remove };
            let blame = blame(comparison, &entries, &was_ours, &path, before.is_some());
            Change { path, kind, before, after, blame }
        })
        .collect()
}

fn walk(
    schemas: &Schemas,
    before: Option<&Value>,
    after: Option<&Value>,
    kind: TypeRef<'_>,
    path: &Path,
    found: &mut Vec<(Path, Option<Value>, Option<Value>)>,
) {
    if before == after {
        return;
    }
    let one = before.and_then(|it| shape::parts(schemas, it, kind));
    let two = after.and_then(|it| shape::parts(schemas, it, kind));
    let (Some(one), Some(two)) = (one, two) else {
        found.push((path.clone(), before.cloned(), after.cloned()));
        return;
    };
    // The order of keyed entries means nothing, so a list that only stands in another order yields
    // no change at all.
    let mut pairs: BTreeMap<Segment, (Option<&Value>, Option<&Value>, TypeRef<'_>)> =
        one.into_iter().map(|(segment, it, kind)| (segment, (Some(it), None, kind))).collect();
    for (segment, it, kind) in two {
        pairs.entry(segment).or_insert((None, None, kind)).1 = Some(it);
    }
    for (segment, (one, two, kind)) in pairs {
        walk(schemas, one, two, kind, &path.join(segment), found);
    }
}

/// Who is answerable for a live value, or for there being none.
fn blame(
    comparison: &Comparison<'_>,
    entries: &[Entry],
    was_ours: &dyn Fn(&Path) -> bool,
    path: &Path,
    exists: bool,
) -> Blame {
    if exists {
        let holders = holders(entries, path);
        return if holders.is_empty() { Blame::Nobody } else { Blame::Holders(holders) };
    }
    if was_ours(path) {
        let ours = entries.iter().find(|entry| {
            entry.manager == comparison.manager && entry.operation == Operation::Apply
        });
        return Blame::Removed {
            since: ours.and_then(|entry| entry.time.clone()),
            until: comparison.read_at,
        };
    }
    Blame::Nobody
}

/// The managers that hold a field, something below it, or what it is a part of.
fn holders(entries: &[Entry], path: &Path) -> Vec<Holder> {
    let mut found: Vec<Holder> =
        managed::owners_among(entries, path).into_iter().map(Holder::from).collect();
    found.sort();
    found
}

/// Fields that others hold and that Git does not have. What is written through a subresource is a
/// controller's own business.
pub(super) fn foreign(
    comparison: &Comparison<'_>,
    live: &Value,
    body: &Value,
    changes: &[Change],
) -> Vec<Foreign> {
    if !owned::has_others(live, comparison.manager) {
        return Vec::new();
    }
    let mut paths: BTreeSet<Path> = BTreeSet::new();
    let entries = managed::entries(live);
    for entry in &entries {
        if entry.manager != comparison.manager && entry.subresource.is_none() {
            paths.extend(entry.fields.leaves());
        }
    }
    let paths: BTreeSet<Path> = paths
        .into_iter()
        .filter(|path| path.find(body).is_none() && path.find(live).is_some())
        .map(|path| whole_entry(path, body))
        .collect();
    let changed: Places<'_> = changes.iter().map(|change| &change.path).collect();
    paths
        .into_iter()
        .filter(|path| !changed.hold(path))
        .map(|path| foreign_at(comparison, &entries, path))
        .collect()
}

/// Fields that others hold inside what an apply removes. Who writes into a list entry without applying
/// does not own the entry, and whoever owns it takes all of it away.
pub(super) fn goes_with(
    comparison: &Comparison<'_>,
    live: &Value,
    predicted: &Value,
    changes: &[Change],
) -> Vec<Foreign> {
    let removed = changes.iter().filter(|change| change.kind == ChangeKind::Remove);
    let removed: Places<'_> = removed.map(|change| &change.path).collect();
    if removed.is_empty() {
        return Vec::new();
    }
    let inside = |path: &Path| removed.lie_above(path);
    let entries = managed::entries(live);
    let others = entries
        .iter()
        .filter(|entry| entry.manager != comparison.manager && entry.subresource.is_none());
    let paths: BTreeSet<Path> = others.flat_map(|entry| entry.fields.leaves()).collect();
    paths
        .into_iter()
        .filter(|path| inside(path) && path.find(live).is_some() && path.find(predicted).is_none())
        .map(|path| foreign_at(comparison, &entries, path))
        .collect()
}

fn foreign_at(comparison: &Comparison<'_>, entries: &[Entry], path: Path) -> Foreign {
    let holders = holders(entries, &path).into_iter();
    let holders = holders.filter(|holder| holder.manager != comparison.manager).collect();
    Foreign { path, holders }
}

/// A field inside a list entry that Git does not have at all stands for the whole entry.
fn whole_entry(path: Path, body: &Value) -> Path {
    let segments = path.segments();
    let entry = (1..segments.len()).find_map(|length| {
        let prefix = Path(segments.iter().take(length).cloned().collect());
        let in_list = matches!(prefix.segments().last(), Some(Segment::Key(_)));
        (in_list && prefix.find(body).is_none()).then_some(prefix)
    });
    entry.unwrap_or(path)
}
