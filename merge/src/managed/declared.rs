//! What an entry's manager declared, as far as that can be known.
//!
//! | entry | declared is |
//! |---|---|
//! | by Apply | all of it |
//! | by Update, of a manager that applies client-side | what is in kubectl's annotation, and the annotation |
//! | by Update, of any other | what is not the server's default |
//!
//! A field that has the value the server would give it anyway may be taken for a default or for
//! declared: removing it makes no difference. A default that follows from what was declared and would
//! not come of the new body (`imagePullPolicy` of `:latest`, `rollingUpdate` once the type is Recreate) goes
//! with what was declared, else it would stay behind for ever.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, Operation, Updater, strip};
use crate::defaults;
use crate::fields::FieldSet;
use crate::object::{self, GroupVersionKind};
use crate::path::{Path, Segment, compare_values};
use crate::schema::{Schemas, TypeRef};
use crate::typed;

/// Where a client-side apply keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Managers that apply client-side, and keep the annotation.
const CLIENT_SIDE: &[&str] =
    &["kubectl-client-side-apply", "argocd-controller", "argocd-application-controller"];

/// What is known about declarations on one object.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    schemas: &'a Schemas,
    live: &'a Value,
    body: &'a Value,
    /// The annotation's configuration, if there is one that can be read.
    applied: Option<Value>,
    /// What it states.
    last_applied: FieldSet,
    /// Whether it says what Update entries declared. A server keeps it in step with what `kubectl`
    /// applies server-side, and then it does not.
    client_side: bool,
}

impl<'a> Declared<'a> {
    /// `body` is what is to be applied, `entries` are those of the live object.
    pub fn new(
        updater: &Updater<'a>,
        live: &'a Value,
        body: &'a Value,
        entries: &[&Entry],
    ) -> Self {
        let applied = last_applied(live);
        let last_applied = applied.as_ref().map(|applied| {
            let version = applied.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            let root = updater.root_at(version).ok().flatten().unwrap_or_else(|| updater.root());
            stated(root, applied)
        });
        let by_kubectl = |entry: &&Entry| {
            entry.manager == "kubectl"
                && entry.operation == Operation::Apply
                && entry.subresource.is_none()
        };
        Self {
            schemas: updater.schemas(),
            live,
            body,
            client_side: applied.is_some() && !entries.iter().any(by_kubectl),
            applied,
            last_applied: last_applied.unwrap_or_default(),
        }
    }

    /// What the annotation declares.
    pub fn last_applied(&self) -> &FieldSet {
        &self.last_applied
    }

    /// What an entry's manager declared, of what it owns, with the defaults that go with it.
    pub fn by(&self, root: TypeRef<'_>, entry: &Entry) -> FieldSet {
        let owned = typed::reconcile(root, &entry.fields);
        let owned = owned.as_ref().unwrap_or(&entry.fields);
        if entry.operation == Operation::Apply {
            return owned.clone();
        }
        let applied = self.applied.as_ref().filter(|_| self.client_side && is_client_side(entry));
        let (said, mut declared) = if let Some(applied) = applied {
            let mut declared = self.last_applied.clone();
            declared.insert(annotation().segments());
            (applied.clone(), declared)
        } else {
            let said = self.without_defaults(root, owned);
            let declared = typed::field_set(root, &said);
            (said, declared)
        };
        for path in self.left_behind(said, &owned.difference(&declared)) {
            declared.insert(path.segments());
        }
        owned.intersection(&declared)
    }

    /// Of the fields that nobody declared: the defaults that come of what was said, and would not come
    /// of the new body.
    fn left_behind(&self, said: Value, undeclared: &FieldSet) -> Vec<Path> {
        let (theirs, ours) = (self.filled(said), self.filled(self.body.clone()));
        let is_same = |path: &Path, other: &Value| match (path.find(self.live), path.find(other)) {
            (Some(one), Some(two)) => compare_values(one, two).is_eq(),
            _ => false,
        };
        let mut leaves = undeclared.leaves();
        leaves.retain(|path| is_same(path, &theirs) && !is_same(path, &ours));
        leaves
    }

    /// An object as the server would store it.
    fn filled(&self, mut object: Value) -> Value {
        identify(self.live, &mut object);
        defaults::fill(&mut object);
        self.schemas.settle_custom(&mut object);
        object
    }

    /// The owned part of the object, without the fields that the server's defaults would bring back as
    /// they are. Fields of one name are tried together, and each name on what the ones before have left,
    /// so that defaults that depend on others are found whatever the order.
    fn without_defaults(&self, root: TypeRef<'_>, owned: &FieldSet) -> Value {
        let mut kept = typed::keep_items(root, self.live, &with_keys(owned));
        identify(self.live, &mut kept);
        for group in by_name(owned) {
            let tried = FieldSet::of(group.iter().cloned());
            let filled = self.filled(typed::remove_items(root, &kept, &tried));
            let comes_back = |path: &Path| match (path.find(&kept), path.find(&filled)) {
                (Some(one), Some(two)) => compare_values(one, two).is_eq(),
                _ => false,
            };
            let defaulted = FieldSet::of(group.into_iter().filter(comes_back));
            if !defaulted.is_empty() {
                kept = typed::remove_items(root, &kept, &defaulted);
            }
        }
        drop_nulls(&mut kept);
        kept
    }
}

/// The field of the annotation.
pub(super) fn annotation() -> Path {
    Path::fields(["metadata", "annotations", LAST_APPLIED])
}

fn is_client_side(entry: &Entry) -> bool {
    CLIENT_SIDE.contains(&entry.manager.as_str()) || entry.fields.contains(&annotation())
}

/// The configuration in an object's annotation, if it is one of this object.
fn last_applied(live: &Value) -> Option<Value> {
    let applied: Value = serde_json::from_str(object::annotation(live, LAST_APPLIED)?).ok()?;
    let (its, ours) = (GroupVersionKind::of(&applied)?, GroupVersionKind::of(live)?);
    let same = its.kind == ours.kind && object::name(&applied) == object::name(live);
    // A copy brings along what was said of the original.
    let namespace = object::namespace(&applied);
    let same = same && (namespace.is_none() || namespace == object::namespace(live));
    same.then_some(applied)
}

/// What a configuration states. A Secret's `stringData` is stored as `data`.
fn stated(root: TypeRef<'_>, applied: &Value) -> FieldSet {
    let mut set = typed::field_set(root, applied);
    if applied.get("kind").and_then(Value::as_str) == Some("Secret") {
        let mut stored = applied.clone();
        if let Some(fields) = stored.as_object_mut() {
            defaults::move_string_data(fields);
        }
        set = set.union(&typed::field_set(root, &stored));
    }
    strip(&set)
}

/// What lost all it held became null: nothing is declared there.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Give a part of an object what makes it that stored object: defaulting asks for it.
pub(super) fn identify(live: &Value, part: &mut Value) {
    let Some(whole) = live.as_object() else {
        return;
    };
    let pick = |from: &Map<String, Value>, names: &[&str]| -> Map<String, Value> {
        let found = names.iter().filter_map(|name| from.get_key_value(*name));
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let mut fields = match part.take() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    if let Some(own) = object::metadata(live) {
        metadata.extend(pick(own, &["name", "namespace", "uid"]));
    }
    fields.extend(pick(whole, &["apiVersion", "kind"]));
    fields.insert("metadata".to_owned(), Value::Object(metadata));
    *part = Value::Object(fields);
}

/// The set with the key fields of every list entry on the way to a member: without them an entry
/// cannot be told from others.
pub(super) fn with_keys(set: &FieldSet) -> FieldSet {
    let mut out = FieldSet::new();
    for (segment, member, below) in set.entries() {
        let mut below = with_keys(below);
        if let Segment::Key(fields) = segment {
            for name in fields.keys() {
                below.insert(&[Segment::field(name)]);
            }
        }
        out.put(segment.clone(), member, below);
    }
    out
}

/// The innermost fields of a set, grouped by their last two names.
fn by_name(set: &FieldSet) -> Vec<Vec<Path>> {
    let mut groups: BTreeMap<Vec<String>, Vec<Path>> = BTreeMap::new();
    for path in set.leaves() {
        let names = path.segments().iter().rev().filter_map(Segment::as_field).take(2);
        groups.entry(names.map(str::to_owned).collect()).or_default().push(path);
    }
    groups.into_values().collect()
}
