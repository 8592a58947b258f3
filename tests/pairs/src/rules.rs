//! The rules. Each is a sentence that holds for every pair.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use engine::application::{ApplicationName, MANAGER};
use engine::diff::{Change, Comparison, ObjectDiff, Verdict, diff, settled_digest};
use engine::plan::{Approvals, Cluster, Inputs, draft};
use engine::policy::{Adoption, Policy};
use engine::record::{Bundle, Inventory};
use engine::redact::{Redaction, Salt};
use merge::apply::{Apply, ApplyError, apply};
use merge::{Digest, GroupVersionKind, Manifest, ObjectId, Origin, defaults};
use serde_json::Value;

use crate::{Pair, canary, mutate, order, schemas};

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

/// A rule that a pair broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {how}")]
pub struct Broken {
    /// The rule.
    pub rule: &'static str,
    /// What was found instead.
    pub how: String,
}

fn broken(rule: &'static str, how: impl fmt::Debug) -> Broken {
    Broken { rule, how: format!("{how:?}") }
}

/// Tries every rule. A panic is one that needs no name.
pub fn check(pair: &Pair) -> Result<(), Broken> {
    let text = pair.write();
    if canary::is_in(&String::from_utf8_lossy(&text)) {
        return Ok(());
    }
    // What is done to the pair by chance is the same each time it is tried.
    let seed = text
        .iter()
        .fold(0_u64, |sum, byte| sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(*byte)));
    let mut pair = pair.clone();
    canary::plant(&mut pair.desired, 0);
    canary::plant(&mut pair.live, 1);
    if let Some(previous) = &mut pair.previous {
        canary::plant(previous, 2);
    }
    let Pair { desired, live, previous } = &pair;
    let live = Some(live).filter(|live| !live.is_null());
    let previous = previous.as_ref();

    let found = compare(desired, live, previous);
    nothing_leaks(&found)?;
    created_is_in_sync(desired)?;
    predicted_is_in_sync(desired, &found)?;
    if let Some(live) = live {
        what_is_vouched_for_does_not_differ(desired, &found, seed)?;
        what_is_surely_in_sync_is(desired, live, previous)?;
        order_means_nothing(desired, live, previous, &found)?;
    }
    plans_leak_nothing(desired, live, previous)
}

fn compare(desired: &Value, live: Option<&Value>, previous: Option<&Value>) -> ObjectDiff {
    diff(&Comparison { live, previous, ..Comparison::new(desired, schemas(), &REDACTION) })
}

fn paths(found: &ObjectDiff) -> Vec<String> {
    found.changes.iter().map(|change| change.path.to_string()).collect()
}

fn nothing_leaks(found: &ObjectDiff) -> Result<(), Broken> {
    let shown = format!("{found:?} {}", serde_json::to_string(found).unwrap_or_default());
    if canary::is_in(&shown) { Err(broken("a secret leaks from a diff", shown)) } else { Ok(()) }
}

/// Whether a server would store the object: it fits its schema, no rule of its kind refuses it, and no
/// null stands in it.
fn is_storable(object: &Value) -> bool {
    !has_null(object)
        && schemas().check(object).is_empty()
        && merge::validate::create(object).is_empty()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        // The one that servers have stored, in templates.
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name != "creationTimestamp" && has_null(value))
        }
        _ => false,
    }
}

/// Whether a plan would have a manifest applied: it refuses what does not fit its schema, and null for
/// a list's key, of which every apply makes another entry. Of a kind without a schema nobody knows what a
/// server would store.
fn is_applied(desired: &Value) -> bool {
    GroupVersionKind::of(desired).is_some_and(|gvk| schemas().knows(&gvk))
        && schemas().check(desired).is_empty()
}

/// An apply that empties a list of ours leaves none at all; only the next one writes the empty list that
/// is wanted. So does a kube-apiserver.
fn is_of_an_emptied_list(change: &Change) -> bool {
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    change.before.is_none() && change.after.as_ref().is_some_and(is_empty)
}

/// Whether the next apply would be refused for its values: what one type of Service drops as it
/// becomes another may not be given to it again.
fn would_be_refused(found: &ObjectDiff) -> bool {
    let predicted = found.predicted.as_ref();
    predicted.is_some_and(|it| !merge::validate::create(it.expose()).is_empty())
}

/// An object that was just created from a manifest is in sync with it; and what the server made of it,
/// written to a file and applied, changes nothing.
fn created_is_in_sync(desired: &Value) -> Result<(), Broken> {
    let Some(created) = compare(desired, None, None).predicted else { return Ok(()) };
    if !is_storable(created.expose()) || !is_applied(desired) {
        return Ok(());
    }
    let again = compare(desired, Some(created.expose()), Some(desired));
    if again.verdict != Verdict::InSync {
        return Err(broken("a created object differs from its manifest", again));
    }
    let itself = compare(created.expose(), Some(created.expose()), None);
    if !itself.changes.is_empty() {
        return Err(broken("an object differs from itself", itself));
    }
    Ok(())
}

/// A predicted object predicts no change.
fn predicted_is_in_sync(desired: &Value, found: &ObjectDiff) -> Result<(), Broken> {
    let Some(predicted) = found.predicted.as_ref().filter(|it| is_storable(it.expose())) else {
        return Ok(());
    };
    if !is_applied(desired) {
        return Ok(());
    }
    what_is_surely_in_sync_is(desired, predicted.expose(), Some(desired))?;
    let again = compare(desired, Some(predicted.expose()), Some(desired));
    if would_be_refused(&again)
        || (again.changes.iter().all(is_of_an_emptied_list) && again.handover.is_none())
    {
        return Ok(());
    }
    Err(broken("a predicted object predicts a change", (paths(&again), again)))
}

/// While the digest stands that was recorded after our apply, a full comparison finds no change,
/// whatever others have done to the object meanwhile.
fn what_is_vouched_for_does_not_differ(
    desired: &Value,
    found: &ObjectDiff,
    seed: u64,
) -> Result<(), Broken> {
    let Some(predicted) = found.predicted.as_ref().filter(|_| is_applied(desired)) else {
        return Ok(());
    };
    let applied = predicted.expose();
    let recorded = settled_digest(schemas(), applied, desired, None);
    for round in 0..4 {
        let now = mutate::by_others(applied, seed.wrapping_add(round));
        if !is_storable(&now)
            || settled_digest(schemas(), &now, desired, Some(desired)).digest != recorded.digest
        {
            continue;
        }
        what_is_surely_in_sync_is(desired, &now, Some(desired))?;
        let found = compare(desired, Some(&now), Some(desired));
        // Of a kind without a schema nobody knows what a server would have stored.
        let is_known = !matches!(found.verdict, Verdict::AskServer(_)) && !would_be_refused(&found);
        if !found.changes.iter().all(is_of_an_emptied_list) && is_known {
            let how = (paths(&found), found, now.to_string());
            return Err(broken("the digest stands and the object differs", how));
        }
    }
    Ok(())
}

/// Where one walk says that an apply would change nothing, a merge agrees: it is the live object, the
/// ownership record included.
fn what_is_surely_in_sync_is(
    desired: &Value,
    live: &Value,
    previous: Option<&Value>,
) -> Result<(), Broken> {
    let comparison = Comparison {
        live: Some(live),
        previous,
        ..Comparison::new(desired, schemas(), &REDACTION)
    };
    if has_null(live) || !comparison.surely_in_sync() {
        return Ok(());
    }
    let body = comparison.outgoing();
    let request = Apply {
        live: Some(live),
        body: &body,
        manager: MANAGER,
        force: false,
        subresource: None,
        time: "2026-01-01T00:00:00Z",
    };
    let finish = |object: &mut Value| {
        defaults::fill(object);
        defaults::update(live, object);
    };
    match apply(schemas(), &request, &finish) {
        Ok(applied) if in_one_order(&applied) == in_one_order(live) => Ok(()),
        // A server stores no ownership record that it cannot read.
        Err(ApplyError::BadManagedFields { .. }) => Ok(()),
        other => {
            let how = (other.map(|it| it.to_string()), live.to_string());
            Err(broken("surely in sync, but an apply would change the object", how))
        }
    }
}

/// The object with its managedFields in one order: a server sorts them by time, which some lack.
fn in_one_order(object: &Value) -> Value {
    let mut object = object.clone();
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    if let Some(entries) = entries {
        entries.sort_by_cached_key(Value::to_string);
    }
    object
}

/// The order of entries that are told apart by keys, or are a set, changes neither digest nor verdict.
fn order_means_nothing(
    desired: &Value,
    live: &Value,
    previous: Option<&Value>,
    found: &ObjectDiff,
) -> Result<(), Broken> {
    // Of what no server takes, nothing has an order by its schema. What was applied once need not fit
    // any more.
    if !is_storable(live) || !is_applied(desired) {
        return Ok(());
    }
    let turned = |object| order::reversed(schemas(), object);
    let (Some(other_desired), Some(other_live)) = (turned(desired), turned(live)) else {
        return Ok(());
    };
    let other_previous = match previous.map(turned) {
        None => None,
        Some(None) => return Ok(()),
        Some(turned) => turned,
    };
    let one = settled_digest(schemas(), live, desired, previous);
    let other = settled_digest(schemas(), &other_live, &other_desired, other_previous.as_ref());
    if one.digest != other.digest {
        return Err(broken("the order of entries changes the settled digest", (one, other)));
    }
    for (desired, live) in [(&other_desired, live), (desired, &other_live)] {
        let other = compare(desired, Some(live), previous);
        let of = |found: &ObjectDiff| (std::mem::discriminant(&found.verdict), paths(found));
        if of(found) != of(&other) {
            let how = (found, other);
            return Err(broken("the order of entries changes the verdict", how));
        }
    }
    Ok(())
}

/// A plan for the pair can be drafted, and neither it nor what speaks against it shows a secret.
fn plans_leak_nothing(
    desired: &Value,
    live: Option<&Value>,
    previous: Option<&Value>,
) -> Result<(), Broken> {
    let manifest = |body: &Value| Manifest::new(body.clone(), Origin { file: "a".into(), line: 1 });
    let (Some(manifest), previous) = (manifest(desired), previous.and_then(manifest)) else {
        return Ok(());
    };
    let Ok(application) = "shop/web".parse::<ApplicationName>() else { return Ok(()) };
    let mut objects: BTreeMap<ObjectId, Arc<Value>> = BTreeMap::new();
    objects.extend(live.map(|live| (manifest.id.clone(), Arc::new(live.clone()))));
    let bundle = previous.map(|previous| Bundle {
        digest: Digest::of_bytes(b""),
        revision: None,
        objects: vec![previous],
    });
    let desired = [application.marked(&manifest)];
    for adoption in [Adoption::Refuse, Adoption::Adopt] {
        let policy = Policy { adoption, prune: true, ..Policy::default() };
        let drafted = draft(&Inputs {
            desired: &desired,
            live: &objects,
            cluster: &Cluster::default(),
            inventory: &Inventory::default(),
            previous: bundle.as_ref(),
            schemas: schemas(),
            policy: &policy,
            application: &application,
            approvals: &Approvals::default(),
            revoked: &BTreeSet::new(),
            redaction: &REDACTION,
            read_at: None,
        });
        let plan = serde_json::to_string(drafted.plan()).unwrap_or_default();
        let shown = format!("{plan} {:?}", drafted.refusals());
        if canary::is_in(&shown) {
            return Err(broken("a secret leaks from a plan", shown));
        }
    }
    Ok(())
}
