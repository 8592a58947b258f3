//! Claims: `pvcConditions` of kstatus; `Lost` is final (`pkg/controller/volume/persistentvolume`).
//!
//! A class with `volumeBindingMode: WaitForFirstConsumer` makes no volume before a pod uses the claim
//! (<https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode>). The claim
//! does not say which mode its class has, and a class may be hidden from who may see the claim. So a
//! pending claim is waited for only once a pod uses it: to wait before that would hold up the very
//! pods it waits for.

use merge::object::{name, namespace};
use serde_json::Value;

use super::trouble::TroubleClass;
use super::{Health, Related, pods, read};

pub(super) fn assess(claim: &Value, related: &Related<'_>) -> Health {
    match read::text(claim, &["status", "phase"]) {
        Some("Bound") => Health::healthy("bound"),
        Some("Lost") => {
            let volume = read::text(claim, &["spec", "volumeName"]).unwrap_or("it was bound to");
            let message = format!("lost: the volume {volume} is gone");
            Health::troubled(Vec::from_iter(pods::of(claim, TroubleClass::Degraded, message)))
        }
        _ => match related.pods.iter().find(|pod| uses(pod, claim)) {
            Some(pod) => {
                let pod = name(pod).unwrap_or("a pod");
                Health::progressing(format!(
                    "not bound: no volume fits yet, and {pod} waits for it"
                ))
            }
            None => {
                Health::suspended("not bound: waits for its first consumer, no pod uses it yet")
            }
        },
    }
}

/// Whether a pod needs a claim, now or soon: one that has ended or is going asks for no volume.
fn uses(pod: &Value, claim: &Value) -> bool {
    let ended = matches!(read::text(pod, &["status", "phase"]), Some("Succeeded" | "Failed"));
    !ended
        && !pods::is_leaving(pod)
        && namespace(pod) == namespace(claim)
        && name(claim).is_some_and(|claim| claims_of(pod).any(|it| it == claim))
}

/// The names of the claims a pod uses, in its own namespace: those its volumes name, and those made
/// for its ephemeral volumes (`VolumeClaimName` of `k8s.io/component-helpers/storage/ephemeral`).
pub fn claims_of(pod: &Value) -> impl Iterator<Item = String> + '_ {
    read::list(pod, &["spec", "volumes"]).iter().filter_map(|volume| {
        let named = read::text(volume, &["persistentVolumeClaim", "claimName"]);
        named.map(str::to_owned).or_else(|| {
            read::at(volume, &["ephemeral"])?;
            Some(format!("{}-{}", name(pod)?, read::text(volume, &["name"])?))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Status, assess};
    use super::*;
    use serde_json::json;

    fn claim(phase: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "web-1-data", "namespace": "shop", "uid": "c"},
            "spec": {"storageClassName": "any"}, "status": {"phase": phase}})
    }

    fn pod(namespace: &str, phase: &str, volume: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-1", "namespace": namespace, "uid": "p"},
            "spec": {"volumes": [{"name": "scratch", "emptyDir": {}}, volume]},
            "status": {"phase": phase}})
    }

    #[test]
    fn a_pending_claim_is_waited_for_once_a_pod_uses_it() {
        let named = json!({"name": "x", "persistentVolumeClaim": {"claimName": "web-1-data"}});
        let ephemeral = json!({"name": "data", "ephemeral": {"volumeClaimTemplate": {}}});
        let other = json!({"name": "x", "persistentVolumeClaim": {"claimName": "other"}});
        let mut leaving = pod("shop", "Pending", &named);
        leaving["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
        let table = [
            ("nobody", "Pending", None, Status::Suspended),
            ("nobody, new", "", None, Status::Suspended),
            ("a pod", "Pending", Some(pod("shop", "Pending", &named)), Status::Progressing),
            (
                "its own pod",
                "Pending",
                Some(pod("shop", "Pending", &ephemeral)),
                Status::Progressing,
            ),
            ("another's pod", "Pending", Some(pod("shop", "Pending", &other)), Status::Suspended),
            ("another place's", "Pending", Some(pod("blog", "Pending", &named)), Status::Suspended),
            ("a pod that ended", "Pending", Some(pod("shop", "Failed", &named)), Status::Suspended),
            ("a pod that goes", "Pending", Some(leaving), Status::Suspended),
            ("a running pod", "Bound", Some(pod("shop", "Running", &named)), Status::Healthy),
            ("nobody, bound", "Bound", None, Status::Healthy),
            ("nobody, lost", "Lost", None, Status::Degraded),
            ("a pod, lost", "Lost", Some(pod("shop", "Pending", &named)), Status::Degraded),
        ];
        for (user, phase, pod, expected) in table {
            let pods: Vec<&Value> = pod.iter().collect();
            let related = Related { pods: &pods, ..Related::default() };
            let health = assess(&claim(phase), &related);
            assert_eq!(health.status, expected, "used by {user}: {}", health.message);
        }
    }
}
