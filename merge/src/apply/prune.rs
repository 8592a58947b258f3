//! What a manager applied last time and does not apply now goes, unless somebody else owns it
//! (`Updater.prune`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::ApplyError;
use crate::fields::FieldSet;
use crate::managed::{Managers, Owned, Updater};
use crate::schema::TypeRef;
use crate::typed::{field_set, remove_items, with_named_fields};

/// The merged object without what the manager gave up. `managers` already holds its new set.
pub(super) fn prune(
    updater: &Updater<'_>,
    merged: Value,
    managers: &Managers,
    last: Option<&Owned>,
) -> Result<Value, ApplyError> {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return Ok(merged);
    };
    // What is still owned stays, and so does all below it: mostly nothing was given up.
    let kept = |owned: &Owned| {
        owned.api_version == last.api_version && last.fields.is_subset(&owned.fields)
    };
    if managers.values().any(kept) {
        return Ok(merged);
    }
    let Some(root) = updater.root_at(&last.api_version)? else {
        return Ok(merged);
    };
    let last_fields = with_named_fields(Some(root), &last.fields);
    let without = remove_items(root, &merged, &last_fields);
    let pruned = add_back_owned(updater, &merged, without, managers, &last.api_version)?;
    // What is gone now but was not the manager's own to give up comes back.
    let before = with_named_fields(Some(root), &field_set(root, &merged));
    let after = with_named_fields(Some(root), &field_set(root, &pruned));
    Ok(remove_items(root, &merged, &before.difference(&after).intersection(&last_fields)))
}

/// What is still owned by anybody, in any version, comes back (`addBackOwnedItems`). The version of
/// the manager's last apply goes first.
fn add_back_owned(
    updater: &Updater<'_>,
    merged: &Value,
    mut pruned: Value,
    managers: &Managers,
    first: &str,
) -> Result<Value, ApplyError> {
    let mut by_version: BTreeMap<&str, FieldSet> = BTreeMap::new();
    for owned in managers.values() {
        let set = by_version.entry(owned.api_version.as_str()).or_default();
        *set = set.union(&owned.fields);
    }
    let at_first = by_version.remove(first);
    let ordered = at_first.map(|set| (first, set)).into_iter().chain(by_version);
    for (version, owned) in ordered {
        if let Some(root) = updater.root_at(version)? {
            pruned = add_back(root, merged, &pruned, &owned);
        }
    }
    Ok(pruned)
}

fn add_back(root: TypeRef<'_>, merged: &Value, pruned: &Value, owned: &FieldSet) -> Value {
    let named = |set: &FieldSet| with_named_fields(Some(root), set);
    let all = named(&field_set(root, merged));
    let kept = named(&field_set(root, pruned)).union(&named(owned));
    remove_items(root, merged, &all.difference(&kept))
}
