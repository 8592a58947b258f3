//! Volumes of a pod spec (`ValidateVolumes`, `validateVolumeSource`).

use std::collections::BTreeSet;

use super::causes::{At, Causes};
use super::names;

/// The sources in the order in which the server looks at them: the second one found is the one it
/// reports.
const SOURCES: [&str; 29] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
];

/// Judges the volumes; the names of those that are right are what containers may mount.
pub(super) fn check<'a>(volumes: &At<'a>, causes: &mut Causes) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for volume in volumes.items() {
        let before = causes.0.len();
        source(&volume, causes);
        let name = volume.field("name");
        if name.text().is_empty() {
            causes.required(&name.path, "");
        } else {
            causes.invalid_text(&name.path, name.text(), names::dns_label(name.text()));
        }
        if found.contains(name.text()) {
            causes.duplicate(&name.path, name.text());
        }
        if causes.0.len() == before {
            found.insert(name.text());
        }
    }
    found
}

fn source(volume: &At<'_>, causes: &mut Causes) {
    let mut sources = SOURCES.iter().map(|source| volume.field(source)).filter(At::is_set);
    let Some(first) = sources.next() else {
        return causes.required(&volume.path, "must specify a volume type");
    };
    inside(&first, causes);
    for other in sources {
        causes.forbidden(&other.path, "may not specify more than 1 volume type");
    }
}

/// The name of what is mounted, which every source needs.
fn inside(source: &At<'_>, causes: &mut Causes) {
    let needed = match source.path.rsplit('.').next() {
        Some("hostPath") => "path",
        Some("secret") => "secretName",
        Some("configMap") => "name",
        Some("persistentVolumeClaim") => "claimName",
        Some("csi") => "driver",
        _ => return,
    };
    let needed = source.field(needed);
    if needed.text().is_empty() {
        causes.required(&needed.path, "");
    }
}
