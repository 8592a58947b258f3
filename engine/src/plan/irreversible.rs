//! What a plan does that no rollback undoes. It is said before it is done.

use merge::Manifest;
use merge::path::Path;
use serde_json::Value;

use super::prune::{Prune, needs_approval};
use super::{Action, Irreversible, Step};

/// What carrying out a step cannot be undone of.
pub(super) fn of_step(step: &Step, live: Option<&Value>) -> Vec<Irreversible> {
    if !step.action.writes() {
        return Vec::new();
    }
    let body = &step.manifest.body;
    let mut found = match (step.manifest.id.group.as_str(), step.manifest.id.kind.as_str()) {
        ("batch", "Job") if step.action == Action::Create => {
            vec!["the job runs; what it does stays done".to_owned()]
        }
        ("", "PersistentVolumeClaim") => grown(step).into_iter().collect(),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => stored(body, live),
        ("", "ConfigMap" | "Secret") => sealed(body, live).into_iter().collect(),
        _ => Vec::new(),
    };
    if step.action == Action::Adopt {
        found.push("it becomes ours; a rollback lets go of it as it is then".to_owned());
    }
    found.into_iter().map(|what| named(&step.manifest, what)).collect()
}

/// What a deletion takes with it.
pub(super) fn of_prune(prune: &Prune) -> Option<Irreversible> {
    needs_approval(&prune.id).then(|| {
        let what = match prune.id.kind.as_str() {
            "Namespace" => "everything in the namespace is deleted with it",
            "CustomResourceDefinition" => "every object of the kind is deleted with it",
            _ => "its data may be deleted with it",
        };
        Irreversible { id: prune.id.clone(), what: what.to_owned() }
    })
}

fn named(manifest: &Manifest, what: String) -> Irreversible {
    Irreversible { id: manifest.id.clone(), what }
}

/// A claim can grow and never shrink (`ValidatePersistentVolumeClaimUpdate`).
fn grown(step: &Step) -> Option<String> {
    let size = Path::fields(["spec", "resources", "requests", "storage"]);
    let change = step.diff.changes.iter().find(|change| change.path == size)?;
    let text = |size: &Value| size.as_str().map_or_else(|| size.to_string(), str::to_owned);
    let (before, after) = (text(change.before.as_ref()?), text(change.after.as_ref()?));
    Some(format!("the claim grows from {before} to {after}; a claim never shrinks"))
}

/// The API server remembers every version it stored objects in, and refuses a definition that no
/// longer has one of them (`status.storedVersions`).
fn stored(body: &Value, live: Option<&Value>) -> Vec<String> {
    let Some(live) = live else { return Vec::new() };
    let known: Vec<&str> = live
        .pointer("/status/storedVersions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let versions = body.pointer("/spec/versions").and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("storage").and_then(Value::as_bool) == Some(true))
        .filter_map(|version| version.get("name").and_then(Value::as_str))
        .filter(|name| !known.contains(name))
        .map(|name| format!("objects are stored as {name} from now on, and the definition must keep that version"))
        .collect()
}

/// `immutable: true` cannot be taken back, only deleted with its object.
fn sealed(body: &Value, live: Option<&Value>) -> Option<String> {
    let is = |object: &Value| object.get("immutable").and_then(Value::as_bool) == Some(true);
    (is(body) && live.is_some_and(|live| !is(live)))
        .then(|| "it becomes immutable; only deleting it undoes that".to_owned())
}
