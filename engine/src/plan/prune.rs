//! What Git no longer has: what is deleted, and what is left alone and why.
//!
//! An object is ours to delete only if the inventory recorded it, with the uid the live object still
//! has, and if the live object's own mark names this application and this object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use merge::ObjectId;
use merge::object::{annotation, resource_version, uid};
use serde::Serialize;
use serde_json::Value;

use super::{Inputs, order};
use crate::application::{ApplicationName, Ownership};
use crate::record::Entry;

/// One deletion. It is sent with both preconditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prune {
    /// What is deleted.
    pub id: ObjectId,
    /// The version to delete it through.
    pub api_version: String,
    /// Its uid, recorded and live.
    pub uid: String,
    /// The resourceVersion that was judged.
    pub resource_version: String,
}

/// An object that Git no longer has and that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Which.
    pub id: ObjectId,
    /// Why.
    pub reason: WithheldReason,
}

/// Why an object is left alone that Git no longer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WithheldReason {
    /// Pruning is off.
    PruneOff,
    /// Deleting it deletes more than itself: it needs approval by name.
    NeedsApproval,
    /// More would be deleted at once than the guard allows.
    Guard {
        /// How many would go.
        prunes: usize,
        /// Of how many.
        total: usize,
    },
    /// The source renders to nothing at all, which is more often a mistake than a wish.
    EmptySource,
    /// The object asks to be kept, by this annotation.
    Kept {
        /// The annotation.
        annotation: String,
    },
    /// Another application has it now.
    HandedOver {
        /// Which.
        to: ApplicationName,
    },
    /// It no longer says that it is ours.
    NotOurs,
    /// It was deleted and made anew by somebody else: the uid is another.
    Replaced,
    /// It was there before a revision took it over that never became healthy.
    Adopted,
    /// Git has it in another API group, which is another name for the same object.
    Regrouped,
}

impl WithheldReason {
    /// Whether the inventory keeps the object: it still is ours, and may be pruned another time.
    pub const fn keeps_entry(&self) -> bool {
        match self {
            Self::PruneOff
            | Self::NeedsApproval
            | Self::Guard { .. }
            | Self::EmptySource
            | Self::Kept { .. } => true,
            Self::HandedOver { .. }
            | Self::NotOurs
            | Self::Replaced
            | Self::Adopted
            | Self::Regrouped => false,
        }
    }
}

impl fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PruneOff => f.write_str("pruning is off"),
            Self::NeedsApproval => {
                f.write_str("deleting it deletes what it holds: approve it by name")
            }
            Self::Guard { prunes, total } => {
                write!(f, "{prunes} of {total} objects would go at once: approve it")
            }
            Self::EmptySource => {
                f.write_str("the source renders to nothing, which never deletes anything")
            }
            Self::Kept { annotation } => write!(f, "its annotation {annotation} asks to keep it"),
            Self::HandedOver { to } => write!(f, "it belongs to application {to} now"),
            Self::NotOurs => f.write_str("it no longer says that it belongs to this application"),
            Self::Replaced => f.write_str("somebody deleted it and made it anew"),
            Self::Regrouped => f.write_str("the source has it in another API group"),
            Self::Adopted => f.write_str("it was there before a revision that failed adopted it"),
        }
    }
}

/// Annotations that ask for an object to outlive its manifest, and the part of the value that says
/// so: Argo CD's sync option and Helm's resource policy.
const KEEPERS: [(&str, &str); 2] =
    [("argocd.argoproj.io/sync-options", "Prune=false"), ("helm.sh/resource-policy", "keep")];

/// What Git no longer has: what to delete, in order, and what to leave alone.
pub fn find(inputs: &Inputs<'_>) -> (Vec<Prune>, Vec<Withheld>) {
    let desired: BTreeSet<&ObjectId> = inputs.desired.iter().map(|it| &it.id).collect();
    let stays: BTreeSet<&str> =
        inputs.desired.iter().filter_map(|it| uid(inputs.live.get(&it.id)?)).collect();
    let mut prunes = Vec::new();
    let mut withheld = Vec::new();
    for (id, entry) in &inputs.inventory.entries {
        if desired.contains(id) {
            continue;
        }
        // What does not exist need not be deleted, and what is being deleted need not be asked again.
        let Some(live) = inputs.live.get(id).filter(|live| !is_deleting(live)) else { continue };
        if uid(live).is_some_and(|uid| stays.contains(uid)) {
            withheld.push(Withheld { id: id.clone(), reason: WithheldReason::Regrouped });
            continue;
        }
        match judge(inputs, id, entry, live) {
            Ok(prune) => prunes.push(prune),
            Err(reason) => withheld.push(Withheld { id: id.clone(), reason }),
        }
    }
    if let Some(reason) = guard(inputs, &prunes) {
        let (revoked, others): (Vec<_>, Vec<_>) =
            prunes.into_iter().partition(|prune| inputs.revoked.contains(&prune.id));
        prunes = revoked;
        withheld
            .extend(others.into_iter().map(|it| Withheld { id: it.id, reason: reason.clone() }));
    }
    sort(&mut prunes, inputs);
    withheld.sort_by(|one, two| order::key(&one.id).cmp(&order::key(&two.id)));
    (prunes, withheld)
}

fn judge(
    inputs: &Inputs<'_>,
    id: &ObjectId,
    entry: &Entry,
    live: &Value,
) -> Result<Prune, WithheldReason> {
    match inputs.application.ownership(id, live) {
        Ownership::Ours => {}
        Ownership::Other(to) => return Err(WithheldReason::HandedOver { to }),
        Ownership::Unmarked | Ownership::Stray(_) => return Err(WithheldReason::NotOurs),
    }
    let live_uid = uid(live).unwrap_or_default();
    // An entry without a uid was announced, and then its writer died before the answer was recorded.
    // The mark stands in for it: nobody but that apply writes our mark on this very identity.
    if entry.uid.as_deref().is_some_and(|recorded| recorded != live_uid) {
        return Err(WithheldReason::Replaced);
    }
    if entry.adopted {
        return Err(WithheldReason::Adopted);
    }
    let keeper = KEEPERS.into_iter().find(|(key, wish)| {
        annotation(live, key).is_some_and(|text| text.split(',').any(|part| part.trim() == *wish))
    });
    if let Some((key, wish)) = keeper {
        return Err(WithheldReason::Kept { annotation: format!("{key}: {wish}") });
    }
    if !inputs.policy.prune && !inputs.revoked.contains(id) {
        return Err(WithheldReason::PruneOff);
    }
    if needs_approval(id) && !inputs.approvals.prune.iter().any(|text| names(text, id)) {
        return Err(WithheldReason::NeedsApproval);
    }
    Ok(Prune {
        id: id.clone(),
        api_version: entry.api_version.clone(),
        uid: live_uid.to_owned(),
        resource_version: resource_version(live).unwrap_or_default().to_owned(),
    })
}

/// Why this many deletions may not be made at once. What a failed revision created is not counted:
/// it never was part of anything healthy.
fn guard(inputs: &Inputs<'_>, prunes: &[Prune]) -> Option<WithheldReason> {
    let count = prunes.iter().filter(|prune| !inputs.revoked.contains(&prune.id)).count();
    if count == 0 {
        return None;
    }
    if inputs.desired.is_empty() {
        return Some(WithheldReason::EmptySource);
    }
    let total = inputs.inventory.entries.len();
    let trips = inputs.policy.prune_guard.trips(count, total) && !inputs.approvals.beyond_guard;
    trips.then_some(WithheldReason::Guard { prunes: count, total })
}

/// The reverse of how they were applied: by the wave they had in the bundle that applied them.
fn sort(prunes: &mut [Prune], inputs: &Inputs<'_>) {
    let applied = inputs.previous.map(|bundle| bundle.objects.as_slice()).unwrap_or_default();
    let waves: BTreeMap<&ObjectId, i32> =
        applied.iter().map(|it| (&it.id, order::wave(&it.body).unwrap_or_default())).collect();
    let wave = |prune: &Prune| {
        waves.get(&prune.id).copied().unwrap_or_else(|| {
            inputs.live.get(&prune.id).and_then(|live| order::wave(live).ok()).unwrap_or_default()
        })
    };
    prunes.sort_by(|one, two| {
        let place = |prune: &Prune| (wave(prune), order::rank(&prune.id));
        place(two).cmp(&place(one)).then_with(|| order::key(&one.id).cmp(&order::key(&two.id)))
    });
}

/// Whether the API server is already deleting an object.
pub(super) fn is_deleting(live: &Value) -> bool {
    live.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Kinds whose deletion takes other objects, or data, with it.
pub fn needs_approval(id: &ObjectId) -> bool {
    order::is_definition(id)
        || (id.group.is_empty()
            && matches!(
                id.kind.as_str(),
                "Namespace" | "PersistentVolume" | "PersistentVolumeClaim"
            ))
}

/// Whether a text names an object: `kind/name`, or `kind/namespace/name`; the kind in any case.
fn names(text: &str, id: &ObjectId) -> bool {
    let mut parts = text.split('/');
    let kind = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let full = format!("{}.{}", id.kind, id.group);
    let kind_fits = kind.eq_ignore_ascii_case(&id.kind) || kind.eq_ignore_ascii_case(&full);
    let place_fits = match (id.namespace.as_deref(), rest.as_slice()) {
        (None, [name]) => *name == id.name,
        (Some(namespace), [place, name]) => *place == namespace && *name == id.name,
        _ => false,
    };
    kind_fits && place_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_names_one_object() {
        let claim = ObjectId {
            group: String::new(),
            kind: "PersistentVolumeClaim".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "data".to_owned(),
        };
        for (text, fits) in [
            ("persistentvolumeclaim/shop/data", true),
            ("PersistentVolumeClaim/shop/data", true),
            ("persistentvolumeclaim/data", false),
            ("persistentvolumeclaim/blog/data", false),
            ("persistentvolumeclaim", false),
            ("", false),
            ("namespace/shop", false),
        ] {
            assert_eq!(names(text, &claim), fits, "{text}");
        }
        let shop = ObjectId {
            kind: "Namespace".to_owned(),
            namespace: None,
            name: "shop".to_owned(),
            ..claim
        };
        assert!(names("namespace/shop", &shop));
        assert!(!names("namespace/default/shop", &shop));
    }
}
