//! How one object of a plan is compared. Plans are made from it, and diffs show it, so that both say
//! the same.

use merge::managed::PREDECESSORS;
use merge::object::uid;
use merge::{Manifest, ObjectId};
use serde_json::Value;

use super::Inputs;
use super::surroundings::Surroundings;
use crate::application::{MANAGER, Ownership};
use crate::diff::{Comparison, ObjectDiff, diff};
use crate::vouch::vouches;

/// One object, ready to be compared.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The object as Git wants it.
    pub manifest: &'a Manifest,
    /// What is compared, and by what.
    pub comparison: Comparison<'a>,
    /// Whether it exists and is not the application's.
    pub foreign: bool,
    /// Whether its record says that nothing happened since our last apply: there is nothing to compare.
    pub vouched: bool,
}

impl<'a> Standing<'a> {
    /// How a desired object stands.
    pub fn of<'b: 'a>(
        inputs: &Inputs<'a>,
        around: &'a Surroundings<'b>,
        manifest: &'a Manifest,
    ) -> Self {
        let live = inputs.live.get(&manifest.id).map(AsRef::as_ref);
        let foreign = live.is_some_and(|live| !is_ours(inputs, &manifest.id, live));
        let comparison = Comparison {
            live,
            // What a render had while an object was not ours was never applied to it.
            previous: around.previous.get(&manifest.id).copied().filter(|_| !foreign),
            autoscaled: around.autoscaled.contains(&manifest.id),
            predecessors: if foreign { PREDECESSORS } else { &[] },
            manager: MANAGER,
            ignore: &inputs.policy.ignore,
            read_at: inputs.read_at,
            ..Comparison::new(&manifest.body, &around.schemas, inputs.redaction)
        };
        let vouched =
            !foreign && live.is_some_and(|live| is_vouched(inputs, &comparison, manifest, live));
        Self { manifest, comparison, foreign, vouched }
    }

    /// What differs. A rule that cannot be heeded is told of an object that is vouched for as well.
    pub fn diff(&self) -> ObjectDiff {
        if self.vouched {
            ObjectDiff { unheeded: self.comparison.unheeded(), ..ObjectDiff::unchanged() }
        } else {
            diff(&self.comparison)
        }
    }
}

/// Whether a live object is this application's: it carries our mark for this very object, or the
/// inventory knows that we had it. An entry without a uid was announced, and its apply never
/// answered: had it reached the server, the object would carry our mark. The mark of another
/// application says no, whatever the inventory says.
pub fn is_ours(inputs: &Inputs<'_>, id: &ObjectId, live: &Value) -> bool {
    match inputs.application.ownership(id, live) {
        Ownership::Ours => true,
        Ownership::Other(_) => false,
        Ownership::Unmarked | Ownership::Stray(_) => {
            let entry = inputs.inventory.entries.get(id);
            // Objects of files have no uid, and what is said to be applied to them was. An adoption was
            // announced with a uid; had its apply reached the server, the object would carry our mark.
            entry.is_some_and(|it| uid(live).is_none() || (it.uid.is_some() && !it.adopted))
                || was_ours_in_another_group(inputs, id, live)
        }
    }
}

/// Whether we had the very same object under another API group, as an Ingress of `extensions` that is
/// one of `networking.k8s.io` too.
fn was_ours_in_another_group(inputs: &Inputs<'_>, id: &ObjectId, live: &Value) -> bool {
    let Some(uid) = uid(live) else { return false };
    inputs.inventory.entries.iter().any(|(other, entry)| {
        entry.uid.as_deref() == Some(uid)
            && (&other.kind, &other.namespace, &other.name) == (&id.kind, &id.namespace, &id.name)
            && inputs.application.ownership(other, live) == Ownership::Ours
    })
}

/// Whether the two hashes of the inventory say that nothing happened since our last apply: neither to
/// what Git wants, nor to what the server has under it.
fn is_vouched(
    inputs: &Inputs<'_>,
    comparison: &Comparison<'_>,
    manifest: &Manifest,
    live: &Value,
) -> bool {
    let entry = inputs.inventory.entries.get(&manifest.id);
    entry.is_some_and(|entry| {
        vouches(entry, manifest, live, &inputs.cluster.server, || comparison.settled(live))
    })
}
