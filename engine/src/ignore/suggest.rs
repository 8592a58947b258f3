//! The other way round: given changes, the narrowest rule that hides them, and what else it would
//! hide now.
//!
//! A rule is proposed, and tried: the objects are compared again with it. What is said of a rule is
//! what was seen, so a rule that hides more than it should says so, and one that hides nothing is
//! never proposed.

use std::collections::BTreeSet;

use merge::ObjectId;
use merge::path::Path;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::spell::{self, Keys};
use super::{RuleSpec, Rules};
use crate::diff::{Blame, Change, Comparison, ObjectDiff, diff};

/// Managers by which people write. A rule for one would hide whatever anybody does next.
const PEOPLES: [&str; 2] = ["kubectl", "Mozilla"];

/// An object that was compared.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    /// Which.
    pub id: &'a ObjectId,
    /// What was compared, and by which rules.
    pub comparison: Comparison<'a>,
    /// What was found.
    pub diff: &'a ObjectDiff,
}

/// A rule that hides changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// The object it is for.
    pub id: ObjectId,
    /// The changes it is meant to hide.
    #[serde(serialize_with = "texts")]
    pub hides: Vec<Path>,
    /// The rule.
    pub rule: RuleSpec,
    /// What else it would hide now.
    pub also_hides: Vec<Hidden>,
}

/// A change that a rule would hide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hidden {
    /// In which object.
    pub id: ObjectId,
    /// Which.
    pub path: Path,
}

fn texts<S: Serializer>(paths: &[Path], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(ToString::to_string))
}

/// The rules that hide these changes of an object: one for each manager that alone made several of
/// them and nothing else that differs, and one for each other change. A change that no rule can hide
/// has none.
pub fn suggest(object: &Examined<'_>, wanted: &[Path], all: &[Examined<'_>]) -> Vec<Suggestion> {
    let mut left: BTreeSet<&Path> = wanted.iter().collect();
    let mut found = Vec::new();
    for manager in managers(&object.diff.changes) {
        let theirs: Vec<&Change> =
            object.diff.changes.iter().filter(|it| involves(it, manager)).collect();
        let alone = theirs.iter().all(|it| sole(it) == Some(manager) && left.contains(&it.path));
        if theirs.len() < 2 || !alone {
            continue;
        }
        let hides: Vec<Path> = theirs.into_iter().map(|it| it.path.clone()).collect();
        let rule =
            RuleSpec { managed_fields_managers: vec![manager.to_owned()], ..exactly(object.id) };
        if let Some(tried) = tried(rule, &hides, object, all).filter(|it| it.also_hides.is_empty())
        {
            left.retain(|path| !hides.contains(path));
            found.push(tried);
        }
    }
    for change in &object.diff.changes {
        if left.contains(&change.path) {
            found.extend(narrowest(&change.path, object, all));
        }
    }
    found
}

/// The rule that hides a change and as little else as can be.
fn narrowest(path: &Path, object: &Examined<'_>, all: &[Examined<'_>]) -> Option<Suggestion> {
    let mut best: Option<Suggestion> = None;
    // The field itself, or where that cannot be written, what it is a part of.
    for length in (1..=path.segments().len()).rev() {
        let chosen = Path(path.segments().get(..length).unwrap_or_default().to_vec());
        for rule in written(&chosen, object.id) {
            let Some(tried) = tried(rule, std::slice::from_ref(path), object, all) else {
                continue;
            };
            if tried.also_hides.is_empty() {
                return Some(tried);
            }
            if best.as_ref().is_none_or(|best| tried.also_hides.len() < best.also_hides.len()) {
                best = Some(tried);
            }
        }
    }
    best
}

/// The ways to write a rule for a field.
fn written(path: &Path, id: &ObjectId) -> Vec<RuleSpec> {
    let named = exactly(id);
    let expression = |text: String| {
        // Names with a glob's letters cannot be selected by, but compared with.
        let text = if named.name.is_some() {
            text
        } else {
            format!("select(.metadata.name == {}) | {text}", json!(id.name))
        };
        RuleSpec { jq_path_expressions: vec![text], ..named.clone() }
    };
    if let Some(pointer) = spell::pointer(path).filter(|_| named.name.is_some()) {
        return vec![RuleSpec { json_pointers: vec![pointer], ..named }];
    }
    [Keys::Stated, Keys::Defaulted]
        .into_iter()
        .filter_map(|keys| spell::expression(path, keys))
        .map(expression)
        .collect()
}

/// A rule for one object, without anything it ignores.
fn exactly(id: &ObjectId) -> RuleSpec {
    let plain = !super::selector::is_glob(&id.name);
    RuleSpec {
        group: id.group.clone(),
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: plain.then(|| id.name.clone()),
        ..RuleSpec::default()
    }
}

/// What a rule does to what differs now; `None` if it does not hide what it is meant to.
fn tried(
    rule: RuleSpec,
    hides: &[Path],
    object: &Examined<'_>,
    all: &[Examined<'_>],
) -> Option<Suggestion> {
    let alone = Rules::parse(&json!([rule])).ok()?;
    let mut hidden = hidden(object, &alone);
    for path in hides {
        let place = hidden.iter().position(|it| it == path)?;
        hidden.remove(place);
    }
    let of = |id: &ObjectId, path: Path| Hidden { id: id.clone(), path };
    let mut also_hides: Vec<Hidden> = hidden.into_iter().map(|path| of(object.id, path)).collect();
    for other in all.iter().filter(|it| it.id != object.id) {
        if alone.for_object(other.id).next().is_some() {
            also_hides.extend(self::hidden(other, &alone).into_iter().map(|it| of(other.id, it)));
        }
    }
    Some(Suggestion { id: object.id.clone(), hides: hides.to_vec(), rule, also_hides })
}

/// The changes of an object that are no changes with one rule more.
fn hidden(object: &Examined<'_>, rule: &Rules) -> Vec<Path> {
    let rules = object.comparison.ignore.and(rule);
    let with = diff(&Comparison { ignore: &rules, ..object.comparison });
    let stays = |change: &Change| with.changes.iter().any(|it| it.path == change.path);
    let gone = object.diff.changes.iter().filter(|it| !stays(it));
    gone.map(|change| change.path.clone()).collect()
}

/// The managers that hold what differs, in order.
fn managers(changes: &[Change]) -> BTreeSet<&str> {
    changes.iter().filter_map(sole).collect()
}

/// The one manager that holds a live value, if it writes by itself.
fn sole(change: &Change) -> Option<&str> {
    let Blame::Holders(holders) = &change.blame else { return None };
    let [holder] = holders.as_slice() else { return None };
    let manager = holder.manager.as_str();
    let ours = manager == crate::application::MANAGER;
    (!ours && !PEOPLES.iter().any(|it| manager.starts_with(it))).then_some(manager)
}

fn involves(change: &Change, manager: &str) -> bool {
    match &change.blame {
        Blame::Holders(holders) => holders.iter().any(|it| it.manager == manager),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
