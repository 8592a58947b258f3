//! What a definition's own status says once it is installed, and what it may not be.

use serde_json::{Map, Value, json};

use crate::registry::items;

/// The finalizer that holds a definition while its objects are deleted.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Writes the status of an installed definition: its names are accepted, it is established, and every
/// storage version so far is remembered.
pub(crate) fn establish(definition: &mut Value, time: &str) {
    let names = accepted_names(definition);
    let mut stored: Vec<Value> =
        items(definition, &["status", "storedVersions"]).cloned().collect();
    let storage = items(definition, &["spec", "versions"])
        .find(|entry| entry.get("storage").and_then(Value::as_bool) == Some(true))
        .and_then(|entry| entry.get("name"));
    if let Some(storage) = storage
        && !stored.contains(storage)
    {
        stored.push(storage.clone());
    }
    let old = definition.pointer("/status/conditions").cloned().unwrap_or_default();
    let condition = |kind: &str, reason: &str, message: &str| {
        let since = old
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry.get("type").and_then(Value::as_str) == Some(kind))
            .and_then(|entry| entry.get("lastTransitionTime"))
            .cloned()
            .unwrap_or_else(|| json!(time));
        json!({"type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": since})
    };
    let conditions = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    if let Value::Object(map) = definition {
        map.insert(
            "status".to_owned(),
            json!({"acceptedNames": names, "conditions": conditions, "storedVersions": stored}),
        );
    }
}

fn accepted_names(definition: &Value) -> Value {
    definition.pointer("/spec/names").cloned().unwrap_or_else(|| json!({}))
}

/// Fills in what a definition leaves out: the singular, the list kind, the conversion.
pub(crate) fn fill(definition: &mut Value) {
    let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) else { return };
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    fill_name(names, "singular", &kind.to_lowercase());
    fill_name(names, "listKind", &format!("{kind}List"));
}

fn fill_name(names: &mut Map<String, Value>, field: &str, default: &str) {
    let given = names.get(field).and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() && default != "List" {
        names.insert(field.to_owned(), json!(default));
    }
}

/// Adds the condition of a definition whose objects are about to be deleted.
pub(crate) fn terminate(definition: &mut Value, time: &str) {
    let condition = json!({
        "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will \
                    begin soon",
        "lastTransitionTime": time,
    });
    let Some(map) = definition.as_object_mut() else { return };
    let status = map.entry("status").or_insert_with(|| json!({}));
    let Some(status) = status.as_object_mut() else { return };
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.push(condition);
    }
}
