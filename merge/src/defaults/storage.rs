//! Persistent volumes, claims, storage classes and drivers.

use serde_json::{Map, Value, json};

use super::{Fields, list_is_empty, map_at, map_made, set_absent, set_empty};

/// `SetDefaults_PersistentVolume`, and the finalizer of the `StorageObjectInUseProtection` plugin.
pub(super) fn volume(object: &mut Fields, creating: bool) {
    if let Some(spec) = map_made(object, "spec") {
        set_empty(spec, "persistentVolumeReclaimPolicy", "Retain");
        set_absent(spec, "volumeMode", "Filesystem");
    }
    if let Some(status) = map_made(object, "status") {
        set_empty(status, "phase", "Pending");
    }
    if creating {
        protect(object, "kubernetes.io/pv-protection");
    }
}

/// The finalizer which the `StorageObjectInUseProtection` plugin gives a new claim.
pub(super) fn protect_claim(object: &mut Fields) {
    protect(object, "kubernetes.io/pvc-protection");
}

fn protect(object: &mut Fields, finalizer: &str) {
    let Some(metadata) = map_made(object, "metadata") else { return };
    set_absent(metadata, "finalizers", Vec::<Value>::new());
    if let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers")
        && !finalizers.iter().any(|present| present == finalizer)
    {
        finalizers.push(finalizer.into());
    }
}

/// `SetDefaults_PersistentVolumeClaim`; also for the claim templates of a StatefulSet.
pub(super) fn claim(object: &mut Fields) {
    if let Some(status) = map_made(object, "status") {
        set_empty(status, "phase", "Pending");
    }
}

/// `SetDefaults_PersistentVolumeClaimSpec`, and `NormalizeDataSources` of the claim's strategy: the
/// two ways of naming a source name the same one.
pub(super) fn claim_spec(object: &mut Fields) {
    set_absent(object, "volumeMode", "Filesystem");
    let set =
        |object: &Fields, field: &str| object.get(field).is_some_and(|value| !value.is_null());
    if set(object, "dataSource") && !set(object, "dataSourceRef") {
        if let Some(source) = object.get("dataSource").cloned() {
            object.insert("dataSourceRef".to_owned(), source);
        }
    } else if set(object, "dataSourceRef") && !set(object, "dataSource") {
        let source = object.get("dataSourceRef").cloned().unwrap_or_default();
        // A source of another namespace has no older spelling.
        if source.get("namespace").is_none_or(Value::is_null) {
            object.insert("dataSource".to_owned(), source);
        }
    }
}

/// `SetDefaults_StorageClass`.
pub(super) fn class(object: &mut Fields) {
    set_absent(object, "reclaimPolicy", "Delete");
    set_absent(object, "volumeBindingMode", "Immediate");
}

/// `SetDefaults_CSIDriver`.
pub(super) fn driver(object: &mut Fields) {
    set_absent(object, "attachRequired", true);
    set_absent(object, "podInfoOnMount", false);
    set_absent(object, "storageCapacity", false);
    set_absent(object, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    set_absent(object, "requiresRepublish", false);
    // On by default since 1.28.
    set_absent(object, "seLinuxMount", false);
    if list_is_empty(object, "volumeLifecycleModes") {
        object.insert("volumeLifecycleModes".to_owned(), json!(["Persistent"]));
    }
}

/// The claim templates of a StatefulSet carry their own version and kind
/// (`Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec`).
pub(super) fn claim_template(template: &mut Fields) {
    template.insert("apiVersion".to_owned(), "v1".into());
    template.insert("kind".to_owned(), "PersistentVolumeClaim".into());
    if map_at(template, "status").is_none() {
        template.insert("status".to_owned(), Map::new().into());
    }
}
