//! Volumes of a pod and the sources that have defaults of several fields.

use serde_json::Map;

use super::{Fields, set_absent, set_empty};

/// `SetDefaults_Volume`: a volume without a source is an empty directory.
pub(super) fn volume(object: &mut Fields) {
    let has_source = object.iter().any(|(name, value)| name != "name" && !value.is_null());
    if !has_source {
        object.insert("emptyDir".to_owned(), Map::new().into());
    }
}

/// `SetDefaults_RBDVolumeSource`, `SetDefaults_RBDPersistentVolumeSource`.
pub(super) fn rbd(object: &mut Fields) {
    set_empty(object, "pool", "rbd");
    set_empty(object, "user", "admin");
    set_empty(object, "keyring", "/etc/ceph/keyring");
}

/// `SetDefaults_AzureDiskVolumeSource`.
pub(super) fn azure_disk(object: &mut Fields) {
    set_absent(object, "cachingMode", "ReadWrite");
    set_absent(object, "kind", "Shared");
    set_absent(object, "fsType", "ext4");
    set_absent(object, "readOnly", false);
}
