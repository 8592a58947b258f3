//! The patch that puts an object's ownership right before it is applied
//! ([`engine::diff::Handover`]), and its dry run.
//!
//! It is one JSON patch. It tests the uid, so that it can never hit another object of the same name,
//! and carries the resourceVersion it was worked out from, so that the server answers 409 if anything
//! has been written since. kubectl migrates its own entries in the same way (`csaupgrade`).

use std::collections::BTreeSet;

use engine::application::MANAGER;
use http::Method;
use merge::ObjectId;
use serde_json::{Value, json};

use crate::client::{Call, Client, RequestError};
use crate::discovery::Resource;

/// The content type of a JSON patch.
const JSON_PATCH: &str = "application/json-patch+json";

/// An object as it was when its new ownership was worked out.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'a> {
    /// The object.
    pub id: &'a ObjectId,
    /// Its uid.
    pub uid: &'a str,
    /// Its resourceVersion.
    pub version: &'a str,
}

impl Patch<'_> {
    /// Gives the object these managedFields; the answer is the object as the server has it then. Sent
    /// twice, the second is refused, for the first has given the object another version.
    pub async fn send(
        &self,
        client: &Client,
        resource: &Resource,
        managed_fields: &[Value],
    ) -> Result<Value, RequestError> {
        client.call(self.call(resource, managed_fields)).await
    }

    fn call(&self, resource: &Resource, managed_fields: &[Value]) -> Call {
        let mut patch = self.pinned();
        patch
            .push(json!({"op": "add", "path": "/metadata/managedFields", "value": managed_fields}));
        Call::send(
            format!("hand over {}", self.id),
            Method::PATCH,
            self.uri(resource, ""),
            JSON_PATCH,
            &Value::Array(patch),
        )
        .repeatable()
    }

    /// Whether the server would take the object as an apply after the patch is predicted to make it.
    /// A dry run of that apply could not tell: what it would have to remove is not ours yet.
    pub async fn try_outcome(
        &self,
        client: &Client,
        resource: &Resource,
        live: &Value,
        predicted: &Value,
    ) -> Result<Value, RequestError> {
        client.call(self.outcome_call(resource, live, predicted)).await
    }

    fn outcome_call(&self, resource: &Resource, live: &Value, predicted: &Value) -> Call {
        // Not pinned to the version: that a status has moved on since says nothing about the outcome.
        let mut patch = vec![self.same_object()];
        patch.extend(differing(live, predicted, "", &["metadata", "status"]));
        let empty = json!({});
        let metadata = |object: &Value| object.get("metadata").unwrap_or(&empty).clone();
        patch.extend(differing(&metadata(live), &metadata(predicted), "/metadata", &SERVERS_OWN));
        let uri = self.uri(resource, "&fieldValidation=Strict&dryRun=All");
        Call::send(
            format!("dry-run {}", self.id),
            Method::PATCH,
            uri,
            JSON_PATCH,
            &Value::Array(patch),
        )
        .repeatable()
    }

    fn pinned(&self) -> Vec<Value> {
        let version = json!(self.version);
        vec![
            self.same_object(),
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
        ]
    }

    fn same_object(&self) -> Value {
        json!({"op": "test", "path": "/metadata/uid", "value": self.uid})
    }

    fn uri(&self, resource: &Resource, more: &str) -> String {
        let path = resource.path(self.id.namespace.as_deref(), Some(&self.id.name));
        format!("{path}?fieldManager={MANAGER}{more}")
    }
}

/// Metadata that the server writes, or that the patch states already.
const SERVERS_OWN: [&str; 6] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "deletionTimestamp"];

/// The operations that give one object the fields of another, whole fields at a time.
fn differing(one: &Value, two: &Value, at: &str, besides: &[&str]) -> Vec<Value> {
    let (Some(one), Some(two)) = (one.as_object(), two.as_object()) else { return Vec::new() };
    let names: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    let names = names.into_iter().filter(|name| !besides.contains(&name.as_str()));
    names
        .filter(|name| one.get(*name) != two.get(*name))
        .map(|name| {
            let path = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            match two.get(name) {
                Some(value) => json!({"op": "add", "path": path, "value": value}),
                None => json!({"op": "remove", "path": path}),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::GroupVersionKind;

    fn sent(call: Call) -> (String, Value) {
        let (content_type, body) = call.body.unwrap();
        assert_eq!(content_type, JSON_PATCH);
        (call.uri, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_patch_is_pinned_to_what_was_read() {
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "7",
            "labels": {"a": "b"}, "annotations": {"x/y": "z"}}, "data": {"k": "v"}, "status": {}});
        let id = ObjectId::of(&live).unwrap();
        let resource = Resource {
            gvk: GroupVersionKind::new("v1", "ConfigMap"),
            plural: "configmaps".into(),
            namespaced: true,
            verbs: Vec::new(),
        };
        let patch = Patch { id: &id, uid: "u", version: "7" };
        let pins = json!([{"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}]);
        let (uri, ops) = sent(patch.call(&resource, &[json!({"manager": "cleat"})]));
        assert_eq!(uri, "/api/v1/namespaces/shop/configmaps/a?fieldManager=cleat");
        assert_eq!(ops.as_array().unwrap()[..2], pins.as_array().unwrap()[..]);
        assert_eq!(ops[2]["value"], json!([{"manager": "cleat"}]));

        let mut predicted = live.clone();
        predicted["metadata"]["resourceVersion"] = json!("8");
        predicted["metadata"]["labels"] = json!({"a": "c"});
        predicted.as_object_mut().unwrap().remove("data");
        let (uri, ops) = sent(patch.outcome_call(&resource, &live, &predicted));
        assert!(uri.ends_with("&dryRun=All"), "{uri}");
        let rest = json!([{"op": "remove", "path": "/data"},
            {"op": "add", "path": "/metadata/labels", "value": {"a": "c"}}]);
        assert_eq!(ops.as_array().unwrap()[1..], rest.as_array().unwrap()[..]);
    }
}
