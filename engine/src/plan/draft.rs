//! Classifies every desired object, and puts it in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use merge::object::{resource_version, uid};
use merge::{GroupVersionKind, Manifest, ObjectId};
use serde_json::Value;

use super::standing::Standing;
use super::surroundings::Surroundings;
use super::{
    Action, Draft, Inputs, Plan, Rank, Refusal, Step, Wave, checks, irreversible, order, prune,
    refusal,
};
use crate::diff::Verdict;
use crate::policy::Adoption;

/// Makes a plan, unchecked.
pub fn draft(inputs: &Inputs<'_>) -> Draft {
    let around = Surroundings::of(inputs);
    let mut refusals = checks::duplicates(inputs.desired);
    let mut places: BTreeMap<i32, BTreeMap<u8, Vec<Step>>> = BTreeMap::new();
    let mut irreversible = Vec::new();
    let mut seen = BTreeSet::new();
    for manifest in inputs.desired {
        if !seen.insert(&manifest.id) {
            continue;
        }
        let live = inputs.live.get(&manifest.id).map(AsRef::as_ref);
        let step = step(inputs, &around, manifest, live);
        refusals.extend(checks::of_step(inputs, &around, &step, live));
        irreversible.extend(irreversible::of_step(&step, live));
        // An unreadable wave is refused above; where it would stand does not matter.
        let wave = order::wave(&manifest.body).unwrap_or_default();
        places.entry(wave).or_default().entry(order::rank(&manifest.id)).or_default().push(step);
    }
    let (prunes, withheld) = prune::find(inputs);
    irreversible.extend(prunes.iter().filter_map(irreversible::of_prune));
    refusal::sort(&mut refusals);
    let waves = places.into_iter().map(|(number, ranks)| wave(number, ranks)).collect();
    Draft { plan: Plan { waves, prunes, withheld, irreversible }, refusals }
}

/// The step of one object, when what is live of it has changed since the plan was made; every reason
/// against it, if there are any. `None` if the object is not wanted.
pub fn step_anew(inputs: &Inputs<'_>, id: &ObjectId) -> Result<Option<Step>, Vec<Refusal>> {
    let Some(manifest) = inputs.desired.iter().find(|manifest| manifest.id == *id) else {
        return Ok(None);
    };
    let around = Surroundings::of(inputs);
    let live = inputs.live.get(id).map(AsRef::as_ref);
    let step = step(inputs, &around, manifest, live);
    let refusals = checks::of_step(inputs, &around, &step, live);
    if refusals.is_empty() { Ok(Some(step)) } else { Err(refusals) }
}

fn wave(number: i32, ranks: BTreeMap<u8, Vec<Step>>) -> Wave {
    let ranks = ranks.into_values().map(|mut steps| {
        steps.sort_by(|one, two| order::key(&one.manifest.id).cmp(&order::key(&two.manifest.id)));
        Rank { steps }
    });
    Wave { number, ranks: ranks.collect() }
}

fn step(
    inputs: &Inputs<'_>,
    around: &Surroundings<'_>,
    manifest: &Manifest,
    live: Option<&Value>,
) -> Step {
    let standing = Standing::of(inputs, around, manifest);
    let Standing { comparison, foreign, vouched, .. } = standing;
    let outgoing = Arc::new(comparison.outgoing());
    let mut diff = standing.diff();
    let action = match (live, foreign, inputs.policy.adoption, &diff.verdict) {
        (None, ..) => Action::Create,
        (Some(_), true, Adoption::Observe, _) => Action::Observe,
        (Some(_), true, Adoption::Adopt | Adoption::Refuse, _) => Action::Adopt,
        (Some(_), false, _, Verdict::InSync) => Action::Unchanged,
        (Some(_), false, ..) => Action::Update,
    };
    if !action.writes() {
        diff.handover = None;
    }
    let around = inputs.cluster.server.around(&manifest.gvk);
    let settled = live
        .filter(|_| matches!(action, Action::Unchanged | Action::Update) && !vouched)
        .map(|live| comparison.settled(live).within(around));
    Step {
        manifest: manifest.clone(),
        settled,
        action,
        outgoing,
        diff,
        live_uid: live.and_then(uid).map(str::to_owned),
        live_version: live.and_then(resource_version).map(str::to_owned),
    }
}

/// The kind an autoscaler's target names, as an identity.
pub(super) fn target(autoscaler: &Value) -> Option<ObjectId> {
    let gvk = GroupVersionKind::of(autoscaler)?;
    if gvk.group != "autoscaling" || gvk.kind != "HorizontalPodAutoscaler" {
        return None;
    }
    let target = autoscaler.pointer("/spec/scaleTargetRef")?;
    let text = |field: &str| target.get(field).and_then(Value::as_str);
    let of = GroupVersionKind::new(text("apiVersion").unwrap_or_default(), text("kind")?);
    Some(ObjectId {
        group: of.group,
        kind: of.kind,
        namespace: merge::object::namespace(autoscaler).map(str::to_owned),
        name: text("name")?.to_owned(),
    })
}
