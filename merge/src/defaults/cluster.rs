//! Namespaces, secrets, limits, nodes and definitions of custom resources.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Fields, list_is_empty, map_at, map_made, map_of, set_absent, set_empty, text_of};

/// `SetDefaults_Namespace`, `SetDefaults_NamespaceStatus`, and the finalizer of
/// `namespaceStrategy.PrepareForCreate`.
pub(super) fn namespace(object: &mut Fields, creating: bool) {
    if let Some(metadata) = map_made(object, "metadata") {
        let name = text_of(metadata, "name").to_owned();
        if !name.is_empty()
            && let Some(labels) = map_made(metadata, "labels")
        {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
        }
    }
    if let Some(status) = map_made(object, "status") {
        set_empty(status, "phase", "Active");
    }
    if creating && let Some(spec) = map_made(object, "spec") {
        set_absent(spec, "finalizers", Vec::<Value>::new());
        if let Some(Value::Array(finalizers)) = spec.get_mut("finalizers")
            && !finalizers.iter().any(|finalizer| finalizer == "kubernetes")
        {
            finalizers.push("kubernetes".into());
        }
    }
}

/// `SetDefaults_Secret`.
pub(super) fn secret(object: &mut Fields) {
    set_empty(object, "type", "Opaque");
    move_string_data(object);
}

/// `Convert_v1_Secret_To_core_Secret`: `stringData` overwrites `data` and is never stored.
pub(crate) fn move_string_data(object: &mut Fields) {
    if let Some(Value::Object(texts)) = object.remove("stringData")
        && !texts.is_empty()
        && let Some(data) = map_made(object, "data")
    {
        for (key, text) in texts {
            let bytes = text.as_str().unwrap_or_default();
            data.insert(key, STANDARD.encode(bytes).into());
        }
    }
}

/// `SetDefaults_LimitRangeItem`: limits default to the maximum, requests to the limit or the minimum.
pub(super) fn limit_range_item(object: &mut Fields) {
    if text_of(object, "type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")]
    {
        let Some(amounts) = map_of(object, from).filter(|amounts| !amounts.is_empty()).cloned()
        else {
            continue;
        };
        if let Some(target) = map_made(object, to) {
            for (resource, amount) in amounts {
                set_absent(target, &resource, amount);
            }
        }
    }
}

/// The plugin `TaintNodesByCondition`: nothing is scheduled to a node before it is ready.
pub(super) fn new_node(object: &mut Fields) {
    const NOT_READY: &str = "node.kubernetes.io/not-ready";
    let Some(spec) = map_made(object, "spec") else { return };
    set_absent(spec, "taints", Vec::<Value>::new());
    if let Some(Value::Array(taints)) = spec.get_mut("taints")
        && !taints.iter().any(|taint| taint.get("key") == Some(&json!(NOT_READY)))
    {
        taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
    }
}

/// `SetDefaults_NodeStatus`.
pub(super) fn node_status(object: &mut Fields) {
    if let Some(capacity) = object.get("capacity").cloned() {
        set_absent(object, "allocatable", capacity);
    }
}

/// `SetDefaults_CustomResourceDefinition`.
pub(super) fn definition(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_absent(spec, "conversion", json!({"strategy": "None"}));
    if let Some(names) = map_at(spec, "names") {
        let kind = text_of(names, "kind").to_owned();
        set_empty(names, "singular", kind.to_lowercase());
        if !kind.is_empty() {
            set_empty(names, "listKind", format!("{kind}List"));
        }
    }
    let stored =
        spec.get("versions").and_then(Value::as_array).into_iter().flatten().find_map(|version| {
            let is_stored = version.get("storage").and_then(Value::as_bool) == Some(true);
            is_stored.then(|| version.get("name").cloned()).flatten()
        });
    if let (Some(stored), Some(status)) = (stored, map_made(object, "status"))
        && list_is_empty(status, "storedVersions")
    {
        status.insert("storedVersions".to_owned(), json!([stored]));
    }
}
