//! Ownership handed over: what predecessors declared becomes ours, so that our next apply removes what
//! Git does not have.
//!
//! An entry of a predecessor by *Apply* is what it declared. One by *Update* is more: whoever creates
//! an object owns its defaults too. So it is cut to what was declared (see `declared`); the rest
//! belongs to nobody afterwards. What stood [before the first apply](BEFORE_FIRST_APPLY) keeps all but
//! what predecessors are known to have declared, since nobody can tell whose the rest is.
//!
//! client-go's `csaupgrade` renames entries instead: defaults become ours, and entries in other versions
//! are lost. Both are avoided here. Entries of all other managers, and of subresources, stay as they
//! are, byte for byte.

use std::borrow::Cow;

use serde_json::Value;

use super::declared::{self, Declared};
use super::identity::{self, managed_fields};
use super::updater::BEFORE_FIRST_APPLY;
use super::{Entry, Identity, Operation, Owned, Updater};
use crate::apply::{Apply, ApplyError, apply};
use crate::defaults;
use crate::fields::FieldSet;
use crate::schema::{Schemas, TypeRef};
use crate::typed;

/// Who writes objects that may be taken over, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Predecessor {
    /// The field manager's name.
    pub manager: Cow<'static, str>,
    /// How it writes.
    pub operation: Operation,
}

impl Predecessor {
    /// A manager that applies server-side.
    pub const fn applies(manager: &'static str) -> Self {
        Self { manager: Cow::Borrowed(manager), operation: Operation::Apply }
    }

    /// A manager that creates, replaces or patches.
    pub const fn updates(manager: &'static str) -> Self {
        Self { manager: Cow::Borrowed(manager), operation: Operation::Update }
    }
}

/// The managers that write whole manifests somebody declared: kubectl's commands that do, Helm 3 (which
/// updates) and 4 (which applies), Argo CD and Flux. Not the commands that change a field of what is
/// there, such as `kubectl edit`: what they wrote is drift, not a declaration. `kubectl-last-applied` is
/// whom kubectl gives its annotation to when an object comes to be applied server-side (client-go's
/// `csaupgrade`, and `FieldManagerLastAppliedAnnotation` of kubectl's apply).
pub const PREDECESSORS: &[Predecessor] = &[
    Predecessor::updates("kubectl-client-side-apply"),
    Predecessor::updates("kubectl-create"),
    Predecessor::updates("kubectl-replace"),
    Predecessor::applies("kubectl"),
    Predecessor::applies("kubectl-last-applied"),
    Predecessor::updates("helm"),
    Predecessor::applies("helm"),
    Predecessor::updates("argocd-controller"),
    Predecessor::updates("argocd-application-controller"),
    Predecessor::applies("argocd-controller"),
    Predecessor::applies("kustomize-controller"),
    Predecessor::updates("helm-controller"),
    Predecessor::applies("helm-controller"),
];

/// Who takes over from whom.
#[derive(Debug, Clone, Copy)]
pub struct Takeover<'a> {
    /// The field manager that takes over; it applies server-side.
    pub manager: &'a str,
    /// Who is succeeded.
    pub predecessors: &'a [Predecessor],
}

/// One entry that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// The predecessor's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// What it declared, with the defaults that go with it. It owns them no more.
    pub fields: FieldSet,
}

/// Ownership as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// The whole new `metadata.managedFields`.
    pub managed_fields: Vec<Value>,
    /// What was handed over, by whom.
    pub handed_over: Vec<HandedOver>,
}

/// The managedFields of `live` with what predecessors declared handed over to `takeover.manager`;
/// `None` if there is nothing to hand over. `body` is what is going to be applied, `time` the time of
/// the new entry. The result is fit to replace the list of this very resourceVersion, and no other.
pub fn migrate(
    schemas: &Schemas,
    live: &Value,
    body: &Value,
    takeover: &Takeover<'_>,
    time: &str,
) -> Option<Migration> {
    let updater = Updater::new(schemas, body, None);
    let listed = managed_fields(live).map(Vec::as_slice).unwrap_or_default();
    let mut places: Vec<Place<'_>> = listed.iter().map(|raw| Place::new(raw, takeover)).collect();
    if places.is_empty() {
        return unmanaged(&updater, live, body, takeover, time);
    }
    let version = target_version(&updater, &places);
    let target = updater.root_at(&version).ok().flatten()?;
    let declared = Declared::new(&updater, live, body, &places_of(&places));
    let mut handed_over = Vec::new();
    let mut ours = FieldSet::new();
    for place in &mut places {
        if place.role != Role::Predecessor {
            continue;
        }
        let Some(entry) = &place.entry else {
            continue;
        };
        let root = updater.root_at(&entry.api_version).ok().flatten().unwrap_or(target);
        let fields = declared.by(root, entry);
        let same_version = entry.api_version == version;
        let moved = if same_version { fields.clone() } else { standing(target, &fields) };
        // What the target version does not have stays where it is; so does an Apply's other part.
        place.left = fields.difference(&moved);
        ours = ours.union(&moved);
        if !moved.is_empty() || place.left.is_empty() {
            let (manager, operation) = (entry.manager.clone(), entry.operation);
            handed_over.push(HandedOver { manager, operation, fields: moved });
        }
    }
    let known = ours.union(declared.last_applied());
    for place in places.iter_mut().filter(|place| place.role == Role::BeforeFirstApply) {
        let Some(entry) = &place.entry else {
            continue;
        };
        let moved = entry.fields.intersection(&known);
        place.left = entry.fields.difference(&moved);
        if !moved.is_empty() {
            let (manager, operation) = (entry.manager.clone(), entry.operation);
            ours = ours.union(&moved);
            handed_over.push(HandedOver { manager, operation, fields: moved });
        }
    }
    if handed_over.is_empty() {
        return None;
    }
    let mine = places.iter().find(|place| place.role == Role::Ours);
    let before = mine.and_then(|place| place.entry.as_ref()).map(|entry| &entry.fields);
    let fields = before.map_or_else(|| ours.clone(), |before| before.union(&ours));
    let mut managed_fields = Vec::new();
    if !fields.is_empty() {
        managed_fields.push(our_entry(takeover.manager, fields, version, time));
    }
    managed_fields.extend(places.iter().filter_map(Place::kept));
    // With no entry at all a server would take everything for what stood before the first apply.
    (!managed_fields.is_empty()).then_some(Migration { managed_fields, handed_over })
}

impl Migration {
    /// What an apply of `body` by `manager` removes from `live` once this is in place: what was declared
    /// and is neither in the body nor held by another manager.
    pub fn removed(
        &self,
        schemas: &Schemas,
        live: &Value,
        body: &Value,
        manager: &str,
    ) -> Result<FieldSet, ApplyError> {
        let mut migrated = live.clone();
        identity::replace(&mut migrated, self.managed_fields.clone());
        let request = Apply {
            live: Some(&migrated),
            body,
            manager,
            force: true,
            subresource: None,
            time: "",
        };
        let finish = |object: &mut Value| {
            defaults::fill(object);
            defaults::update(live, object);
        };
        let mut after = apply(schemas, &request, &finish)?;
        for object in [&mut migrated, &mut after] {
            identity::replace(object, Vec::new());
        }
        let root = Updater::new(schemas, body, None).root();
        Ok(typed::compare(root, &migrated, &after).removed)
    }
}

/// What an entry is to the takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Predecessor,
    BeforeFirstApply,
    Ours,
    Other,
}

/// One entry of the list on its way.
struct Place<'a> {
    raw: &'a Value,
    entry: Option<Entry>,
    role: Role,
    /// What a predecessor keeps.
    left: FieldSet,
}

impl<'a> Place<'a> {
    fn new(raw: &'a Value, takeover: &Takeover<'_>) -> Self {
        let entry = identity::read_entry(raw).ok();
        let role = entry.as_ref().map_or(Role::Other, |entry| role(entry, takeover));
        Self { raw, entry, role, left: FieldSet::new() }
    }

    /// The entry as it stays in the list, if it does.
    fn kept(&self) -> Option<Value> {
        match self.role {
            Role::Other => Some(self.raw.clone()),
            Role::Ours => None,
            Role::Predecessor | Role::BeforeFirstApply if self.left.is_empty() => None,
            Role::Predecessor | Role::BeforeFirstApply => {
                let mut kept = self.raw.clone();
                if let Some(fields) = kept.get_mut("fieldsV1") {
                    *fields = self.left.to_v1();
                }
                Some(kept)
            }
        }
    }
}

fn role(entry: &Entry, takeover: &Takeover<'_>) -> Role {
    let is = |manager: &str, operation| entry.manager == manager && entry.operation == operation;
    if entry.subresource.is_some() {
        Role::Other
    } else if is(takeover.manager, Operation::Apply) {
        Role::Ours
    } else if is(BEFORE_FIRST_APPLY, Operation::Update) {
        Role::BeforeFirstApply
    } else if takeover.predecessors.iter().any(|one| is(&one.manager, one.operation)) {
        Role::Predecessor
    } else {
        Role::Other
    }
}

fn places_of<'a>(places: &'a [Place<'_>]) -> Vec<&'a Entry> {
    places.iter().filter_map(|place| place.entry.as_ref()).collect()
}

/// The version our entry is in: the one it is in already; else the one all predecessors used, if it is
/// still known; else the body's.
fn target_version(updater: &Updater<'_>, places: &[Place<'_>]) -> String {
    let of = |role: Role| {
        places
            .iter()
            .filter(move |place| place.role == role)
            .filter_map(|place| place.entry.as_ref())
            .map(|entry| entry.api_version.as_str())
    };
    let mut theirs = of(Role::Predecessor);
    let first = theirs.next();
    let common = first.filter(|first| theirs.all(|other| other == *first));
    let known = |version: &&str| matches!(updater.root_at(version), Ok(Some(_)));
    of(Role::Ours)
        .next()
        .or(common)
        .filter(known)
        .map_or_else(|| updater.api_version(), str::to_owned)
}

/// The part of a set whose fields another version of the kind has too.
fn standing(at: TypeRef<'_>, fields: &FieldSet) -> FieldSet {
    let mut out = FieldSet::new();
    for (segment, member, below) in fields.entries() {
        let child = match segment.as_field() {
            Some(name) => at.child(name),
            None => at.element(),
        };
        if let Some(child) = child {
            out.put(segment.clone(), member, standing(child, below));
        }
    }
    out
}

/// An object without managedFields: the first apply would take all of it for what stood before. What
/// kubectl's annotation declares is known, and becomes ours.
fn unmanaged(
    updater: &Updater<'_>,
    live: &Value,
    body: &Value,
    takeover: &Takeover<'_>,
    time: &str,
) -> Option<Migration> {
    let root = updater.root();
    let declared = Declared::new(updater, live, body, &[]);
    let mut bare = live.clone();
    identity::replace(&mut bare, Vec::new());
    let mut known = declared.last_applied().clone();
    if known.is_empty() {
        return None;
    }
    known.insert(declared::annotation().segments());
    let fields = super::strip(&typed::field_set(root, &bare).intersection(&known));
    let entry = our_entry(takeover.manager, fields.clone(), updater.api_version(), time);
    let manager = BEFORE_FIRST_APPLY.to_owned();
    let handed = HandedOver { manager, operation: Operation::Update, fields };
    Some(Migration { managed_fields: vec![entry], handed_over: vec![handed] })
}

fn our_entry(manager: &str, fields: FieldSet, api_version: String, time: &str) -> Value {
    let identity = Identity::new(manager, Operation::Apply, "", None);
    identity::entry(&identity, &Owned { fields, api_version, time: Some(time.to_owned()) })
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
