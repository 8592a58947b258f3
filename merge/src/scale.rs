//! The scale subresource: replicas of a workload seen as an object of their own, whose owners are the
//! owners of `spec.replicas` (apimachinery's `managedfields.ScaleHandler`).

use serde_json::{Value, json};

use crate::fields::FieldSet;
use crate::managed::{Identity, Managers, Owned, decode, encode, replace};
use crate::object;
use crate::path::Path;

const API_VERSION: &str = "autoscaling/v1";

fn replicas() -> FieldSet {
    FieldSet::of([Path::fields(["spec", "replicas"])])
}

/// The scale of a Deployment, ReplicaSet, ReplicationController or StatefulSet; `None` if the object
/// has no `spec`.
pub fn of(parent: &Value) -> Option<Value> {
    let spec = parent.get("spec")?;
    let mut metadata = serde_json::Map::new();
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object::metadata(parent)?.get(name) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let wanted = spec.get("replicas").cloned().unwrap_or(json!(0));
    let mut status = json!({
        "replicas": parent.pointer("/status/replicas").cloned().unwrap_or(json!(0)),
    });
    if let (Some(selector), Some(fields)) = (spec.get("selector"), status.as_object_mut()) {
        let text = selector_text(selector);
        if !text.is_empty() {
            fields.insert("selector".to_owned(), json!(text));
        }
    }
    let mut scale = json!({
        "apiVersion": API_VERSION,
        "kind": "Scale",
        "metadata": metadata,
        "spec": {"replicas": wanted},
        "status": status,
    });
    let path = Path::fields(["spec", "replicas"]);
    let seen: Managers = decode(parent)
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, owned)| owned.fields.contains(&path))
        .map(|(identity, owned)| {
            (identity, Owned { fields: replicas(), api_version: API_VERSION.to_owned(), ..owned })
        })
        .collect();
    replace(&mut scale, encode(&seen));
    Some(scale)
}

/// The parent with the replicas of a scale that was written, and with their new owners.
pub fn written_back(parent: &Value, scale: &Value) -> Value {
    let mut out = parent.clone();
    let wanted = scale.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
    if let Some(spec) = out.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("replicas".to_owned(), wanted);
    }
    let own_version = parent.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let path = Path::fields(["spec", "replicas"]);
    let mut of_scale = decode(scale).unwrap_or_default();
    let mut managers = Managers::new();
    for (identity, owned) in decode(parent).unwrap_or_default() {
        let as_seen = Identity::new(
            &identity.manager,
            identity.operation,
            API_VERSION,
            Some(identity.subresource.as_str()),
        );
        if !owned.fields.contains(&path) || of_scale.remove(&as_seen).is_some() {
            managers.insert(identity, owned);
            continue;
        }
        let left = owned.fields.difference(&replicas());
        if !left.is_empty() {
            managers.insert(identity, Owned { fields: left, ..owned });
        }
    }
    for identity in of_scale.into_keys() {
        let subresource = Some(identity.subresource.as_str());
        let identity =
            Identity::new(&identity.manager, identity.operation, own_version, subresource);
        let owned = Owned { fields: replicas(), api_version: own_version.to_owned(), time: None };
        managers.insert(identity, owned);
    }
    replace(&mut out, encode(&managers));
    out
}

/// A selector in the one-line form `app=web,tier in (a,b)`.
fn selector_text(selector: &Value) -> String {
    let labels = selector.get("matchLabels").unwrap_or(selector);
    let mut parts: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
        let listed = expression.get("values").and_then(Value::as_array);
        let values: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        match expression.get("operator").and_then(Value::as_str) {
            Some("In") => parts.push(format!("{key} in ({values})")),
            Some("NotIn") => parts.push(format!("{key} notin ({values})")),
            Some("Exists") => parts.push(key.to_owned()),
            Some("DoesNotExist") => parts.push(format!("!{key}")),
            _ => {}
        }
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed::{self, Operation};
    use crate::schema::Schemas;

    fn deployment(owned: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "1", "managedFields": [
                {"manager": "cleat", "operation": "Apply", "apiVersion": "apps/v1",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": owned}}]},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}},
            "status": {"replicas": 1}})
    }

    fn scaled(parent: &Value, replicas: u32) -> Value {
        let view = of(parent).unwrap();
        let mut new = view.clone();
        new["spec"]["replicas"] = json!(replicas);
        managed::update(&Schemas::builtin(), Some(&view), &mut new, "hpa", Some("scale"), "now");
        written_back(parent, &new)
    }

    #[test]
    fn a_scale_shows_replicas_selector_and_their_owner() {
        let view = of(&deployment(&json!({"f:replicas": {}, "f:paused": {}}))).unwrap();
        assert_eq!(view["spec"], json!({"replicas": 2}));
        let status = json!({"replicas": 1, "selector": "app=web,tier in (a,b)"});
        assert_eq!(view["status"], status);
        let owned = managed::owned_by(&view, "cleat", Operation::Apply);
        assert_eq!(owned.to_v1(), json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(of(&json!({"kind": "ConfigMap"})), None);
    }

    #[test]
    fn who_scales_owns_replicas_if_anybody_did() {
        let parent = scaled(&deployment(&json!({"f:replicas": {}, "f:paused": {}})), 5);
        assert_eq!(parent["spec"]["replicas"], json!(5));
        let owned = managed::owned_by(&parent, "cleat", Operation::Apply);
        assert_eq!(owned.to_v1(), json!({"f:spec": {"f:paused": {}}}));
        let entries = managed::entries(&parent);
        let scaler = entries.iter().find(|entry| entry.manager == "hpa").unwrap();
        assert_eq!(scaler.api_version, "apps/v1");
        assert_eq!(scaler.subresource.as_deref(), Some("scale"));
    }

    #[test]
    fn nobody_owns_replicas_if_nobody_did() {
        let parent = scaled(&deployment(&json!({"f:paused": {}})), 5);
        assert_eq!(parent["spec"]["replicas"], json!(5));
        assert_eq!(managed::entries(&parent).len(), 1);
    }
}
