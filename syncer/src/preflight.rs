//! The server's opinion of a plan before its first write: a dry run of every step whose prerequisites
//! exist, all at once, so that every error is told together, with file and line.
//!
//! What needs a namespace or a kind that the plan itself brings is left to the moment its wave opens.
//! A dry run that would change nothing at all turns its step into one that writes nothing.

use engine::plan::{Action, NamespaceState, Plan, Step};
use engine::redact::Redaction;
use merge::{ErrorClass, ObjectId, Origin};
use serde_json::Value;

use crate::client::{Client, RequestError};
use crate::discovery::Discovery;
use crate::handover::Patch;
use crate::live::Live;
use crate::requests::Apply;

/// What the server would refuse.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{origin}: {error}")]
pub struct Refused {
    /// Where the object is written.
    pub origin: Origin,
    /// The object.
    pub id: ObjectId,
    /// The server's answer, the object's secrets masked.
    pub error: RequestError,
}

/// Asks the server about every step that would write. Returns all refusals in the order of the plan;
/// a server that cannot be asked is the error.
pub async fn run(
    client: &Client,
    discovery: &Discovery,
    live: &Live,
    redaction: &Redaction,
    plan: &mut Plan,
) -> Result<Vec<Refused>, RequestError> {
    let steps: Vec<&mut Step> = plan
        .waves
        .iter_mut()
        .flat_map(|wave| &mut wave.ranks)
        .flat_map(|rank| &mut rank.steps)
        .filter(|step| step.action.writes())
        .collect();
    let asked = steps.into_iter().map(|step| async move {
        let answer = ask(client, discovery, live, step).await;
        (step, answer)
    });
    let mut refused = Vec::new();
    for (step, answer) in futures::future::join_all(asked).await {
        match answer {
            None => {}
            Some(Ok(predicted)) => {
                let current = live.objects.get(&step.manifest.id);
                let settled = step.action == Action::Update && step.diff.handover.is_none();
                if settled && current.is_some_and(|current| same(current, &predicted)) {
                    step.action = Action::Unchanged;
                }
            }
            Some(Err(error)) => {
                let live = live.objects.get(&step.manifest.id).map(AsRef::as_ref);
                let wanted: [&Value; 2] = [&step.manifest.body, &step.outgoing];
                let error = error.masked(redaction, wanted.into_iter().chain(live));
                let conclusive = matches!(error.class(), ErrorClass::User | ErrorClass::Conflict)
                    || error.is(403);
                if !conclusive {
                    return Err(error);
                }
                let (origin, id) = (step.manifest.origin.clone(), step.manifest.id.clone());
                refused.push(Refused { origin, id, error });
            }
        }
    }
    Ok(refused)
}

/// The server's answer to a step; `None` if it cannot be asked yet.
async fn ask(
    client: &Client,
    discovery: &Discovery,
    live: &Live,
    step: &Step,
) -> Option<Result<Value, RequestError>> {
    let manifest = &step.manifest;
    let resource = discovery.resource(&manifest.gvk)?;
    if let (Some(namespace), Some(known)) = (&manifest.id.namespace, &live.cluster.namespaces)
        && known.get(namespace) != Some(&NamespaceState::Active)
    {
        return None;
    }
    let id = &manifest.id;
    let uid = step.live_uid.as_deref();
    // With another ownership the apply will do other things than it would do now.
    if step.diff.handover.is_some()
        && let (Some(uid), Some(version)) = (uid, step.live_version.as_deref())
        && let (Some(live), Some(predicted)) = (live.objects.get(id), &step.diff.predicted)
    {
        let patch = Patch { id, uid, version };
        return Some(patch.try_outcome(client, resource, live, predicted.expose()).await);
    }
    let apply = Apply { id, body: &step.outgoing, uid, version: None, dry_run: true };
    Some(apply.send(client, resource).await)
}

/// Whether an answer is the object as it is, ownership included. The server sets the time of our entry
/// anew only where it changes something, but leaves it out of the comparison on purpose.
fn same(live: &Value, predicted: &Value) -> bool {
    let stripped = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            if let Some(Value::Array(entries)) = metadata.get_mut("managedFields") {
                for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                    entry.remove("time");
                }
                entries.sort_by_key(Value::to_string);
            }
        }
        object
    };
    stripped(live) == stripped(predicted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_and_versions_are_no_difference_but_owners_are() {
        let object = |version: &str, time: &str, fields: Value| {
            json!({"metadata": {"name": "a", "resourceVersion": version, "managedFields":
                [{"manager": "cleat", "time": time, "fieldsV1": fields}]}, "data": {"k": "v"}})
        };
        let live = object("1", "2026-01-01T00:00:00Z", json!({"f:data": {}}));
        assert!(same(&live, &object("2", "2026-01-02T00:00:00Z", json!({"f:data": {}}))));
        assert!(!same(&live, &object("1", "2026-01-01T00:00:00Z", json!({}))));
        let mut changed = live.clone();
        changed["data"]["k"] = json!("w");
        assert!(!same(&live, &changed));
    }
}
