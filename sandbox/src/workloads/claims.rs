//! Storage: each PersistentVolumeClaim gets a volume made for it, at once or, where its class says so,
//! when a pod uses it; and is kept while a pod uses it.
//!
//! Stands in for the binder, a provisioner and the two protection controllers. Volumes of others are
//! left alone.

use serde_json::{Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};

const WRITER: Writer = Writer::Controller("persistentvolume-controller");
const PROVISIONER: &str = "sandbox.cleat.dev/local";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

/// Whether a claim may be mounted.
pub(super) fn is_bound(claim: &Value) -> bool {
    object::text(claim, "/status/phase") == "Bound"
}

/// The claims a pod mounts.
pub(super) fn of_pod(pod: &Value) -> impl Iterator<Item = &str> {
    object::list(pod, "/spec/volumes")
        .iter()
        .map(|volume| object::text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
}

/// Whether the class of a claim makes no volume before a pod uses the claim. A class that does not
/// exist makes it at once, so that manifests written for another cluster's classes run here.
pub(super) fn waits_for_consumer(class: Option<&Value>) -> bool {
    class.is_some_and(|it| object::text(it, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// One look at a claim: make its volume, bind it, say so; let it go when nothing uses it. `waits` is
/// whether it waits for its first consumer.
pub(super) fn reconcile(claim: &Value, has_volume: bool, is_used: bool, waits: bool) -> Plan {
    let mut plan = Plan::default();
    if object::is_deleted(claim) {
        if object::has_finalizer(claim, CLAIM_PROTECTION) && !is_used {
            let body = object::without_finalizer(claim, CLAIM_PROTECTION);
            plan.write(WRITER, Write::Replace { kind: Kind::PersistentVolumeClaim, body });
        }
        return plan;
    }
    if object::text(claim, "/spec/volumeName").is_empty() {
        if waits && !is_used {
            let why = "waiting for first consumer to be created before binding";
            plan.note(WRITER, "WaitForFirstConsumer", why.to_owned());
            return plan;
        }
        let name = format!("pvc-{}", object::uid(claim));
        if !has_volume {
            plan.write(
                WRITER,
                Write::Create {
                    kind: Kind::PersistentVolume,
                    namespace: String::new(),
                    body: volume(claim, &name),
                },
            );
        }
        plan.note(
            WRITER,
            "ProvisioningSucceeded",
            format!("Successfully provisioned volume {name}"),
        );
        let mut body = claim.clone();
        object::set_spec(&mut body, "volumeName", json!(name));
        object::set_metadata(&mut body, "annotations", "pv.kubernetes.io/bind-completed", "yes");
        object::set_metadata(
            &mut body,
            "annotations",
            "pv.kubernetes.io/bound-by-controller",
            "yes",
        );
        plan.write(WRITER, Write::Replace { kind: Kind::PersistentVolumeClaim, body });
        return plan;
    }
    let mut status = claim.get("status").cloned().unwrap_or_else(|| json!({}));
    object::set(&mut status, "phase", json!("Bound"));
    object::set(&mut status, "accessModes", json!(claim.pointer("/spec/accessModes")));
    object::set(&mut status, "capacity", json!(claim.pointer("/spec/resources/requests")));
    plan.status(WRITER, Kind::PersistentVolumeClaim, claim, status);
    plan
}

/// One look at a volume: bound while its claim is there; gone, if it was made here, afterwards.
pub(super) fn reconcile_volume(volume: &Value, claim: Option<&Value>) -> Plan {
    let mut plan = Plan::default();
    if object::annotation(volume, PROVISIONED_BY) != Some(PROVISIONER) {
        return plan;
    }
    let claimed =
        claim.is_some_and(|claim| object::uid(claim) == object::text(volume, "/spec/claimRef/uid"));
    if claimed {
        let mut status = volume.get("status").cloned().unwrap_or_else(|| json!({}));
        object::set(&mut status, "phase", json!("Bound"));
        plan.status(WRITER, Kind::PersistentVolume, volume, status);
    } else if !object::is_deleted(volume) {
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::PersistentVolume, volume),
                uid: object::uid(volume).to_owned(),
                grace: None,
            },
        );
    } else if object::has_finalizer(volume, VOLUME_PROTECTION) {
        let body = object::without_finalizer(volume, VOLUME_PROTECTION);
        plan.write(WRITER, Write::Replace { kind: Kind::PersistentVolume, body });
    }
    plan
}

fn volume(claim: &Value, name: &str) -> Value {
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": claim.pointer("/spec/resources/requests"),
            "accessModes": claim.pointer("/spec/accessModes"),
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": format!("/var/lib/sandbox/{name}"), "type": ""},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": object::namespace(claim), "name": object::name(claim),
                "uid": object::uid(claim)},
        },
    });
    for field in ["storageClassName", "volumeMode"] {
        if let Some(value) = claim.pointer(&format!("/spec/{field}")) {
            object::set_spec(&mut volume, field, value.clone());
        }
    }
    volume
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Value {
        json!({"metadata": {"name": "data-db-0", "namespace": "shop", "uid": "c",
                "finalizers": [CLAIM_PROTECTION]},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"}})
    }

    #[test]
    fn a_claim_gets_a_volume_then_is_bound_and_then_stays() {
        let plan = reconcile(&claim(), false, false, false);
        let [(_, Write::Create { body: volume, .. }), (_, Write::Replace { body: named, .. })] =
            plan.writes.as_slice()
        else {
            panic!("{plan:?}")
        };
        assert_eq!(volume["spec"]["claimRef"]["uid"], json!("c"));
        assert_eq!(named["spec"]["volumeName"], volume["metadata"]["name"]);
        let plan = reconcile(named, true, false, true);
        let [(_, Write::ReplaceStatus { body: bound, .. })] = plan.writes.as_slice() else {
            panic!("{plan:?}")
        };
        assert!(is_bound(bound));
        assert_eq!(bound["status"]["capacity"], json!({"storage": "1Gi"}));
        assert_eq!(reconcile(bound, true, false, true), Plan::default());
    }

    #[test]
    fn a_claim_whose_class_says_so_waits_for_its_first_consumer() {
        let class = |mode: &str| json!({"metadata": {"name": "local"}, "volumeBindingMode": mode});
        assert!(waits_for_consumer(Some(&class("WaitForFirstConsumer"))));
        assert!(!waits_for_consumer(Some(&class("Immediate"))));
        assert!(!waits_for_consumer(None));
        assert!(reconcile(&claim(), false, false, true).writes.is_empty());
        assert_eq!(
            reconcile(&claim(), false, true, true),
            reconcile(&claim(), false, false, false)
        );
    }

    #[test]
    fn a_claim_in_use_is_kept_and_its_volume_goes_with_it() {
        let mut deleted = claim();
        deleted["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
        assert_eq!(reconcile(&deleted, true, true, false), Plan::default());
        let plan = reconcile(&deleted, true, false, false);
        assert!(matches!(plan.writes.as_slice(), [(_, Write::Replace { body, .. })]
            if body["metadata"]["finalizers"] == json!([])));

        let volume = volume(&claim(), "pvc-c");
        let plan = reconcile_volume(&volume, None);
        assert!(matches!(plan.writes.as_slice(), [(_, Write::Delete { .. })]));
        let mut other = claim();
        other["metadata"]["uid"] = json!("another");
        assert_eq!(reconcile_volume(&volume, Some(&other)).writes, plan.writes);
    }
}
