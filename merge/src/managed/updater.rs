//! Ownership worked out from what a write changed (structured-merge-diff's `merge.Updater`).
//!
//! Managers are compared in the version their fields are of. Without knowledge of how versions
//! convert, an object is taken to be the same in all versions of its kind, apart from `apiVersion`,
//! which is what custom resources without a conversion webhook do.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::identity::managed_fields;
use super::{Identity, Managers, Operation, Owned, decode};
use crate::apply::ApplyError;
use crate::fields::FieldSet;
use crate::object::GroupVersionKind;
use crate::path::Path;
use crate::reset;
use crate::schema::{Schemas, TypeRef};
use crate::typed::{self, Comparison};

/// How many Update managers an object may have before the oldest are put together.
const MOST_UPDATERS: usize = 10;
/// The name the oldest are put together under.
const ANCIENT: &str = "ancient-changes";
/// Who owns what was there before the first apply.
pub(super) const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// One kind's schema in all its versions.
pub(crate) struct Updater<'a> {
    schemas: &'a Schemas,
    gvk: Option<GroupVersionKind>,
    /// Fields a write to this resource or subresource cannot change.
    ignored: FieldSet,
}

/// Ownership taken from others by a write, by their identity.
pub(crate) type Taken = BTreeMap<Identity, FieldSet>;

impl<'a> Updater<'a> {
    pub fn new(schemas: &'a Schemas, object: &Value, subresource: Option<&str>) -> Self {
        let gvk = GroupVersionKind::of(object);
        let ignored = reset::fields(schemas, gvk.as_ref(), subresource);
        Self { schemas, gvk, ignored }
    }

    pub fn schemas(&self) -> &'a Schemas {
        self.schemas
    }

    pub fn root(&self) -> TypeRef<'a> {
        self.schemas.root_or_deduced(self.gvk.as_ref())
    }

    pub fn api_version(&self) -> String {
        self.gvk.as_ref().map(GroupVersionKind::api_version).unwrap_or_default()
    }

    pub fn ignored(&self) -> &FieldSet {
        &self.ignored
    }

    /// The kind's root at a version a manager used. `None` if a built-in group no longer has it: such
    /// entries are dropped. An error if a definition no longer has it, as on a server.
    pub fn root_at(&self, api_version: &str) -> Result<Option<TypeRef<'a>>, ApplyError> {
        let Some(gvk) = &self.gvk else {
            return Ok(Some(self.root()));
        };
        if gvk.api_version() == api_version || !self.schemas.knows(gvk) {
            return Ok(Some(self.root()));
        }
        let other = GroupVersionKind::new(api_version, &gvk.kind);
        match self.schemas.root(&other) {
            Some(root) => Ok(Some(root)),
            None if self.schemas.is_custom(gvk) => {
                Err(ApplyError::VersionGone { api_version: api_version.to_owned() })
            }
            None => Ok(None),
        }
    }

    /// Bring the sets of all managers up to the schema as it is now.
    pub fn reconcile(&self, managers: &mut Managers) -> Result<(), ApplyError> {
        for owned in managers.values_mut() {
            if let Some(root) = self.root_at(&owned.api_version)?
                && let Some(fields) = typed::reconcile(root, &owned.fields)
            {
                owned.fields = fields;
            }
        }
        Ok(())
    }

    /// Take from all other managers what changed between two objects, and what is gone. With `force`
    /// not set, what others own and would lose is the error.
    pub fn take(
        &self,
        before: &Value,
        after: &Value,
        managers: &mut Managers,
        me: &Identity,
        force: bool,
    ) -> Result<Comparison, TakeError> {
        let mine = typed::compare(self.root(), before, after).without(&self.ignored);
        let own_version = self.api_version();
        let mut by_version: BTreeMap<String, Comparison> = BTreeMap::new();
        let mut taken = Taken::new();
        let mut gone = Taken::new();
        let mut forgotten = Vec::new();
        for (identity, owned) in managers.iter().filter(|(identity, _)| *identity != me) {
            let is_own = owned.api_version == own_version;
            if !is_own && !by_version.contains_key(&owned.api_version) {
                let Some(root) = self.root_at(&owned.api_version)? else {
                    forgotten.push(identity.clone());
                    continue;
                };
                let compared = typed::compare(root, before, after).without(&self.ignored);
                by_version.insert(owned.api_version.clone(), compared);
            }
            let other = by_version.get(&owned.api_version);
            let compared = if is_own { &mine } else { other.unwrap_or(&mine) };
            let lost = owned.fields.intersection(&compared.modified);
            let lost = lost.union(&owned.fields.intersection(&compared.added));
            if !lost.is_empty() {
                taken.insert(identity.clone(), lost);
            }
            if !compared.removed.is_empty() {
                gone.insert(identity.clone(), compared.removed.clone());
            }
        }
        if !force && !taken.is_empty() {
            return Err(TakeError::Taken(taken));
        }
        for identity in forgotten {
            managers.remove(&identity);
        }
        for (identity, fields) in taken.iter().chain(&gone) {
            if let Some(owned) = managers.get_mut(identity) {
                owned.fields = owned.fields.difference(fields);
            }
        }
        managers.retain(|_, owned| !owned.fields.is_empty());
        Ok(mine)
    }

    /// `Updater.Update` for a manager that writes by other means than apply, with the manager's
    /// earlier fields kept (`managedFieldsUpdater`).
    pub fn update(
        &self,
        before: &Value,
        after: &Value,
        managers: &mut Managers,
        me: &Identity,
        time: &str,
    ) -> Result<(), ApplyError> {
        self.reconcile(managers)?;
        let this_write = Identity::new("current-operation", Operation::Update, "", None);
        let changed = match self.take(before, after, managers, &this_write, true) {
            Ok(changed) => changed,
            Err(TakeError::Other(error)) => return Err(error),
            // Cannot happen with force; nothing was taken then.
            Err(TakeError::Taken(_)) => Comparison::default(),
        };
        let fields = changed.modified.union(&changed.added).recursive_difference(&self.ignored);
        let fields = strip(&fields);
        if !fields.is_empty() {
            let earlier = managers.remove(me).map(|owned| owned.fields).unwrap_or_default();
            let owned = Owned {
                fields: fields.union(&earlier),
                api_version: self.api_version(),
                time: Some(time.to_owned()),
            };
            managers.insert(me.clone(), owned);
        }
        Ok(())
    }
}

/// Why fields could not be taken.
pub(crate) enum TakeError {
    /// Others own them.
    Taken(Taken),
    Other(ApplyError),
}

impl From<ApplyError> for TakeError {
    fn from(error: ApplyError) -> Self {
        Self::Other(error)
    }
}

/// A set without what nobody owns: names, and what the system writes (`stripMetaManager`).
pub(crate) fn strip(fields: &FieldSet) -> FieldSet {
    fields.difference(&SYSTEM)
}

static SYSTEM: LazyLock<FieldSet> = LazyLock::new(|| {
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut all = FieldSet::of(["apiVersion", "kind", "metadata"].map(|name| Path::fields([name])));
    for name in metadata {
        all.insert(Path::fields(["metadata", name]).segments());
    }
    all
});

/// The managers after a write that is no apply; `None` if nobody is to own anything.
pub(super) fn after_update(
    schemas: &Schemas,
    live: Option<&Value>,
    new: &Value,
    manager: &str,
    subresource: Option<&str>,
    time: &str,
) -> Option<Managers> {
    let of_live = || live.and_then(|live| decode(live).ok()).unwrap_or_default();
    let mut managers = if subresource.is_some() {
        of_live()
    } else if is_cleared(new) {
        Managers::new()
    } else {
        decode(new).ok().filter(|managers| !managers.is_empty()).unwrap_or_else(of_live)
    };
    // An object that nobody manages stays so until it is applied (`skipNonAppliedManager`).
    if managers.is_empty() && live.is_some() {
        return None;
    }
    let mut updater = Updater::new(schemas, new, subresource);
    if live.is_none() {
        updater.ignored = updater.ignored.union(&reset::added_later(updater.gvk.as_ref()));
    }
    let before = live.cloned().unwrap_or_else(|| reset::blank(updater.root(), new));
    let me = Identity::new(manager, Operation::Update, &updater.api_version(), subresource);
    let new = &schemas.declared(new);
    let unreadable = |object: &Value| !typed::validate(updater.root(), object).is_empty();
    if unreadable(new) || unreadable(&before) {
        return None;
    }
    updater.update(&before, new, &mut managers, &me, time).ok()?;
    cap(&mut managers);
    Some(managers)
}

/// An empty list of managedFields, or one with one empty entry, is how a writer clears them.
fn is_cleared(new: &Value) -> bool {
    match managed_fields(new).map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

/// What stood before the first apply belongs to a manager of its own.
pub(crate) fn take_over(
    updater: &Updater<'_>,
    live: &Value,
    managers: &mut Managers,
    subresource: Option<&str>,
    time: &str,
) -> Result<(), ApplyError> {
    let blank = reset::blank(updater.root(), live);
    let version = updater.api_version();
    let before = Identity::new(BEFORE_FIRST_APPLY, Operation::Update, &version, subresource);
    updater.update(&blank, live, managers, &before, time)
}

/// `capUpdateManagers`: when there are too many Update managers, the oldest of one version are put
/// together.
fn cap(managers: &mut Managers) {
    let mut updaters: Vec<(Option<String>, String, Identity)> = managers
        .iter()
        .filter(|(identity, _)| identity.operation == Operation::Update)
        .map(|(identity, owned)| (owned.time.clone(), identity.text(), identity.clone()))
        .collect();
    if updaters.len() <= MOST_UPDATERS {
        return;
    }
    updaters.sort();
    let mut count = updaters.len();
    let mut first_of_version: BTreeMap<String, Identity> = BTreeMap::new();
    for (_, _, identity) in updaters {
        if count <= MOST_UPDATERS {
            break;
        }
        let Some(version) = managers.get(&identity).map(|owned| owned.api_version.clone()) else {
            continue;
        };
        let Some(first) = first_of_version.get(&version).cloned() else {
            first_of_version.insert(version, identity);
            continue;
        };
        let bucket = Identity::new(ANCIENT, Operation::Update, &version, None);
        if !managers.contains_key(&bucket)
            && let Some(owned) = managers.remove(&first)
        {
            managers.insert(bucket.clone(), owned);
        }
        let Some(merged) = managers.remove(&identity) else {
            continue;
        };
        if let Some(owned) = managers.get_mut(&bucket) {
            owned.fields = owned.fields.union(&merged.fields);
            owned.time = merged.time;
        }
        count -= 1;
    }
}
