//! How many pods each ReplicaSet is to have next: one step of a rolling update or of Recreate, and
//! scaling in proportion. Numbers in, numbers out.

use super::{MAXIMUM, Sets, Sized, Wanted};
use crate::workloads::object;

/// The size a new ReplicaSet starts with (`deploymentutil.NewRSNewReplicas`).
pub(super) fn first_size(wanted: &Wanted<'_>, sets: &Sets<'_>) -> i64 {
    if wanted.recreate {
        wanted.replicas
    } else {
        (wanted.maximum() - sets.total()).clamp(0, wanted.replicas)
    }
}

/// One step towards the new ReplicaSet.
pub(super) fn step(wanted: &Wanted<'_>, sets: &mut Sets<'_>, old_pods_run: bool) {
    if wanted.recreate {
        recreate(wanted, sets, old_pods_run);
    } else {
        roll(wanted, sets);
    }
}

/// All old pods go before the first new one comes (`rolloutRecreate`).
fn recreate(wanted: &Wanted<'_>, sets: &mut Sets<'_>, old_pods_run: bool) {
    let scaled_down = sets.old.iter().any(|set| set.replicas > 0);
    for set in &mut sets.old {
        set.replicas = 0;
    }
    if let Some(new) = sets.new.as_mut().filter(|_| !scaled_down && !old_pods_run) {
        new.replicas = wanted.replicas;
    }
}

/// Up first, as far as the surge allows; then down, as far as availability allows
/// (`rolloutRolling`).
fn roll(wanted: &Wanted<'_>, sets: &mut Sets<'_>) {
    let total = sets.total();
    let Some(new) = sets.new.as_mut() else { return };
    let before = new.replicas;
    if new.replicas >= wanted.replicas {
        new.replicas = wanted.replicas;
    } else {
        let room = (wanted.maximum() - total).clamp(0, wanted.replicas - new.replicas);
        new.replicas += room;
    }
    if new.replicas != before {
        return;
    }
    let (new_replicas, new_available) = (new.replicas, new.available());
    let minimum = wanted.replicas - wanted.unavailable;
    let most = total - minimum - (new_replicas - new_available);
    if most <= 0 {
        return;
    }
    // Old pods that are not available are no loss (`cleanupUnhealthyReplicas`).
    let mut cleaned = 0;
    for set in &mut sets.old {
        let unhealthy = (set.replicas - set.available()).clamp(0, most - cleaned);
        set.replicas -= unhealthy;
        cleaned += unhealthy;
    }
    let available: i64 = sets.all().map(Sized::available).sum();
    let mut surplus = available - minimum;
    for set in &mut sets.old {
        let down = set.replicas.min(surplus).max(0);
        set.replicas -= down;
        surplus -= down;
    }
}

/// The Deployment's own size changed, or it is paused: no rollout, every ReplicaSet in proportion
/// (`deployment.scale`).
pub(super) fn scale(wanted: &Wanted<'_>, sets: &mut Sets<'_>) {
    let active = sets.all().filter(|set| set.replicas > 0).count();
    if active <= 1 {
        let newest = sets.old.iter().map(Sized::revision).max();
        let latest_old = |set: &Sized<'_>| Some(set.revision()) == newest;
        for set in sets.new.iter_mut().chain(&mut sets.old) {
            if set.replicas > 0 {
                set.replicas = wanted.replicas;
                return;
            }
        }
        // None is active: the newest one there is.
        if let Some(new) = sets.new.as_mut() {
            new.replicas = wanted.replicas;
        } else if let Some(old) = sets.old.iter_mut().find(|set| latest_old(set)) {
            old.replicas = wanted.replicas;
        }
        return;
    }
    let saturated = sets
        .new
        .as_ref()
        .is_some_and(|new| new.replicas == wanted.replicas && new.available() == wanted.replicas);
    if saturated {
        for set in &mut sets.old {
            set.replicas = 0;
        }
        return;
    }
    if !wanted.recreate {
        in_proportion(wanted, sets);
    }
}

/// Each active ReplicaSet keeps its share; what rounding leaves goes to the largest.
fn in_proportion(wanted: &Wanted<'_>, sets: &mut Sets<'_>) {
    let allowed = if wanted.replicas > 0 { wanted.maximum() } else { 0 };
    let mut left = allowed - sets.total();
    let upwards = left > 0;
    let mut active: Vec<&mut Sized<'_>> =
        sets.new.iter_mut().chain(&mut sets.old).filter(|set| set.replicas > 0).collect();
    active.sort_by_key(|set| std::cmp::Reverse(set.replicas));
    for set in &mut active {
        let former = object::annotation(set.set, MAXIMUM)
            .and_then(|maximum| maximum.parse::<i64>().ok())
            .filter(|maximum| *maximum > 0)
            .unwrap_or(allowed.max(1));
        let share = (2 * set.replicas * allowed + former) / (2 * former) - set.replicas;
        let change = if upwards { share.clamp(0, left) } else { share.clamp(left, 0) };
        set.replicas += change;
        left -= change;
    }
    if let Some(largest) = active.first_mut() {
        largest.replicas = (largest.replicas + left).max(0);
    }
}
