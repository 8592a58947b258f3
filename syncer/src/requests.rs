//! The writes of a run: server-side applies and deletions, with what they must carry so that they can
//! only ever hit the object that was decided about.
//!
//! An apply of an existing object carries its uid: 409 if it is gone, 422 if another bears its name.
//! An apply that is to create carries a resourceVersion that no object has: it creates, and
//! leaves alone what somebody else has made since. A deletion carries uid and resourceVersion.

use std::time::Duration;

use engine::application::{ApplicationName, MANAGER, Ownership};
use http::Method;
use merge::{GroupVersionKind, ObjectId};
use serde_json::{Value, json};

use crate::client::{Call, Client, RequestError, Status, Why};
use crate::discovery::{Discovery, Resource};

/// The content type of an apply. JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// A resourceVersion that no object ever has: etcd counts from 1, and that is the empty store. An apply
/// that carries it creates a missing object, and answers 409 for one that exists.
const NEVER: &str = "1";

/// How long a kind may take to be served after its definition says that it is established.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// How often a deletion is tried on an object that others keep changing.
const DELETE_ATTEMPTS: u32 = 5;

/// One apply.
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a> {
    /// The object.
    pub id: &'a ObjectId,
    /// The body.
    pub body: &'a Value,
    /// The uid of the live object; `None` to create.
    pub uid: Option<&'a str>,
    /// The resourceVersion that the live object must still have, if that matters. Never without a uid:
    /// on a missing object it would create it.
    pub version: Option<&'a str>,
    /// Whether the server only says what it would do.
    pub dry_run: bool,
}

impl Apply<'_> {
    /// The request for it.
    pub fn call(&self, resource: &Resource) -> Call {
        let mut uri = resource.path(self.id.namespace.as_deref(), Some(&self.id.name));
        uri.push_str("?fieldManager=");
        uri.push_str(MANAGER);
        if self.uid.is_some() {
            uri.push_str("&force=true");
        }
        uri.push_str("&fieldValidation=Strict");
        if self.dry_run {
            uri.push_str("&dryRun=All");
        }
        let verb = if self.dry_run { "dry-run" } else { "apply" };
        let mut body = self.body.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            match self.uid {
                Some(uid) => metadata.insert("uid".to_owned(), Value::String(uid.to_owned())),
                // A dry run stores nothing; what has come about meanwhile is for the apply to meet.
                None if self.dry_run => None,
                None => metadata.insert("resourceVersion".to_owned(), Value::String(NEVER.into())),
            };
            if let (Some(_), Some(version)) = (self.uid, self.version) {
                metadata.insert("resourceVersion".to_owned(), Value::String(version.to_owned()));
            }
        }
        Call::send(format!("{verb} {}", self.id), Method::PATCH, uri, APPLY, &body).repeatable()
    }

    /// Sends it; the answer is the object as the server has it now.
    pub async fn send(&self, client: &Client, resource: &Resource) -> Result<Value, RequestError> {
        client.call(self.call(resource)).await
    }
}

/// Creates an object. One that exists already was made by an earlier attempt whose answer was lost, or
/// with the records, if it carries the application's mark; then it is updated. If it does not, it is
/// somebody else's, made since the plan was.
pub async fn create(
    client: &Client,
    resource: &Resource,
    application: &ApplicationName,
    id: &ObjectId,
    body: &Value,
) -> Result<Value, RequestError> {
    let apply = Apply { id, body, uid: None, version: None, dry_run: false };
    let exists = match apply.send(client, resource).await {
        Err(error) if error.is(409) => error,
        other => return other,
    };
    let path = resource.path(id.namespace.as_deref(), Some(&id.name));
    let live = match client.call(Call::get(format!("read {id}"), path)).await {
        Ok(live) => live,
        // It was gone again, so the conflict was about something else.
        Err(error) if error.is(404) => return Err(exists),
        Err(error) => return Err(error),
    };
    match merge::object::uid(&live) {
        Some(uid) if application.ownership(id, &live) == Ownership::Ours => {
            Apply { uid: Some(uid), ..apply }.send(client, resource).await
        }
        _ => {
            let message = "somebody else has made it since the plan was made; run again to see \
                           how it differs"
                .to_owned();
            let (code, reason) = (409, "AlreadyExists".to_owned());
            let status = Status { code, reason, message, ..Status::default() };
            Err(RequestError::new(format!("create {id}"), Why::Answered(Box::new(status))))
        }
    }
}

/// Deletes an object as it is known. If it has changed since, it is looked at again, and deleted as
/// long as it is the same one and still says that it is the application's.
pub async fn delete(
    client: &Client,
    resource: &Resource,
    application: &ApplicationName,
    id: &ObjectId,
    uid: &str,
    version: &str,
) -> Result<(), RequestError> {
    let path = resource.path(id.namespace.as_deref(), Some(&id.name));
    let mut version = version.to_owned();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": version},
        });
        let call =
            Call::send(format!("delete {id}"), Method::DELETE, &path, "application/json", &options);
        match client.call(call.repeatable()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is(404) => return Ok(()),
            Err(error) if error.is(409) && attempts < DELETE_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
        let live = match client.call(Call::get(format!("read {id}"), &path)).await {
            Ok(live) => live,
            Err(error) if error.is(404) => return Ok(()),
            Err(error) => return Err(error),
        };
        if merge::object::uid(&live) != Some(uid) {
            // What was to be deleted is gone; what bears its name now is not ours to judge.
            return Ok(());
        }
        if application.ownership(id, &live) != Ownership::Ours {
            let why = "it no longer carries the mark of this application".to_owned();
            return Err(RequestError::new(format!("delete {id}"), Why::Garbled(why)));
        }
        merge::object::resource_version(&live).unwrap_or_default().clone_into(&mut version);
    }
}

/// Deletes a pod by its uid alone: whatever has become of it meanwhile, that pod must go.
pub async fn delete_pod(client: &Client, pod: &ObjectId, uid: &str) -> Result<(), RequestError> {
    let resource = Resource {
        gvk: GroupVersionKind::new("v1", "Pod"),
        plural: "pods".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    };
    let options =
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
    let path = resource.path(pod.namespace.as_deref(), Some(&pod.name));
    let call =
        Call::send(format!("delete {pod}"), Method::DELETE, path, "application/json", &options);
    match client.call(call.repeatable()).await {
        Ok(_) => Ok(()),
        Err(error) if error.is(404) || error.is(409) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Waits until a kind is served whose definition has just been established: the API server takes it
/// up a moment after it says so.
pub async fn wait_served(
    client: &Client,
    discovery: &mut Discovery,
    gvk: &GroupVersionKind,
) -> Result<Resource, RequestError> {
    let asking = async {
        let mut wait = Duration::from_millis(20);
        loop {
            match discovery.refresh(client, gvk).await {
                Err(error) if !error.is(404) && !error.is(503) => return Err(error),
                _ => {}
            }
            if let Some(resource) = discovery.resource(gvk) {
                return Ok(resource.clone());
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(500));
        }
    };
    match tokio::time::timeout(SERVED_WITHIN, asking).await {
        Ok(served) => served,
        Err(_) => Err(RequestError::new(
            format!("find the kind {gvk}"),
            Why::Garbled(
                "the server does not serve it, although its definition is established".to_owned(),
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Resource {
        Resource {
            gvk: GroupVersionKind::new("v1", "ConfigMap"),
            plural: "configmaps".into(),
            namespaced: true,
            verbs: Vec::new(),
        }
    }

    fn body() -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
               "metadata": {"name": "a", "namespace": "shop"}, "data": {"k": "v"}})
    }

    #[test]
    fn an_update_carries_the_uid_and_forces() {
        let (body, id) = (body(), ObjectId::of(&body()).unwrap());
        let apply = Apply { id: &id, body: &body, uid: Some("u"), version: None, dry_run: false };
        let call = apply.call(&maps());
        assert_eq!(
            call.uri,
            "/api/v1/namespaces/shop/configmaps/a?fieldManager=cleat&force=true&fieldValidation=Strict"
        );
        let (content_type, sent) = call.body.unwrap();
        assert_eq!(content_type, "application/apply-patch+yaml");
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["metadata"]["uid"], "u");
        assert!(call.repeatable);
    }

    #[test]
    fn a_creation_touches_nothing_that_exists_and_a_dry_run_says_so() {
        let (body, id) = (body(), ObjectId::of(&body()).unwrap());
        let apply = Apply { id: &id, body: &body, uid: None, version: None, dry_run: true };
        let call = apply.call(&maps());
        assert_eq!(
            call.uri,
            "/api/v1/namespaces/shop/configmaps/a?fieldManager=cleat&fieldValidation=Strict&dryRun=All"
        );
        assert_eq!(call.what, "dry-run configmap/a in shop");
        let version = |call: Call| {
            let sent: Value = serde_json::from_slice(&call.body.unwrap().1).unwrap();
            sent["metadata"]["resourceVersion"].clone()
        };
        assert_eq!(version(call), Value::Null, "a rival may have created it since the plan");
        assert_eq!(version(Apply { dry_run: false, ..apply }.call(&maps())), NEVER);
    }
}
