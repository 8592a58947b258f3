//! StatefulSets.
//!
//! The order of questions is that of `StatefulSetStatusViewer.Status` of kubectl and of
//! `statefulsetConditions` in kstatus. What blocks an ordered update is read from
//! `updateStatefulSet` of `pkg/controller/statefulset/stateful_set_control.go`: a pod that is not
//! running and ready is waited for, for ever, even if it is of a revision that was taken back
//! (documentation: "Forced rollback").

use merge::object::{label, name};
use serde_json::Value;

use super::container::Role;
use super::trouble::{Trouble, TroubleClass};
use super::{Health, Related, pods, read, workload};

const HASH: &str = "controller-revision-hash";

pub(super) fn assess(set: &Value, related: &Related<'_>) -> Health {
    let wanted = read::wanted_replicas(set);
    let count = |field| read::count(set, &["status", field]);
    let revisions = Revisions::of(set);
    let troubles = || troubles(set, related, &revisions);
    if count("replicas") > wanted {
        let more = count("replicas") - wanted;
        return workload::incomplete(format!("pods still to go: {more}"), troubles());
    }
    let slow = read::count(set, &["spec", "minReadySeconds"]) > 0;
    let field = if slow { "availableReplicas" } else { "readyReplicas" };
    if count(field) < wanted {
        return workload::incomplete(
            format!("{} of {wanted} pods ready", count(field)),
            troubles(),
        );
    }
    if revisions.on_delete {
        let old = wanted - count("updatedReplicas");
        let message = match old {
            1.. if revisions.differ() => format!(
                "{wanted} of {wanted} pods ready; {old} are updated when they are deleted (OnDelete)"
            ),
            _ => format!("{wanted} of {wanted} pods ready"),
        };
        return Health::healthy(message);
    }
    let to_update = (wanted - revisions.partition).max(0);
    if revisions.differ() && count("updatedReplicas") < to_update {
        let message = format!("{} of {to_update} pods updated", count("updatedReplicas"));
        return workload::incomplete(message, troubles());
    }
    if revisions.partition > 0 && revisions.differ() {
        let message = format!("{to_update} of {wanted} pods updated, as its partition says");
        return Health::healthy(message);
    }
    Health::healthy(format!("{wanted} of {wanted} pods ready"))
}

/// Which pods are meant to be of which revision.
struct Revisions<'a> {
    current: Option<&'a str>,
    update: Option<&'a str>,
    partition: i64,
    on_delete: bool,
    ordered: bool,
}

impl<'a> Revisions<'a> {
    fn of(set: &'a Value) -> Self {
        let strategy = ["spec", "updateStrategy"];
        let partition = ["spec", "updateStrategy", "rollingUpdate", "partition"];
        let kind = read::at(set, &strategy).and_then(|it| read::text(it, &["type"]));
        Self {
            current: read::text(set, &["status", "currentRevision"]),
            update: read::text(set, &["status", "updateRevision"]),
            partition: read::count(set, &partition),
            on_delete: kind == Some("OnDelete"),
            ordered: read::text(set, &["spec", "podManagementPolicy"]) != Some("Parallel"),
        }
    }

    fn differ(&self) -> bool {
        self.current != self.update
    }

    /// Whether a pod is of the revision that is meant for its ordinal.
    fn is_meant(&self, pod: &Value) -> bool {
        let hash = label(pod, HASH);
        let below = ordinal(pod).is_some_and(|ordinal| ordinal < self.partition);
        hash == self.update || hash.is_none() || (below && hash == self.current)
    }

    /// Whether a pod is waited for that will be replaced, but only once it is ready.
    fn is_stuck(&self, pod: &Value) -> bool {
        self.ordered
            && !self.on_delete
            && self.update.is_some()
            && !self.is_meant(pod)
            && !pods::is_ready(pod)
            && !pods::is_failed(pod)
    }
}

fn troubles(set: &Value, related: &Related<'_>, revisions: &Revisions<'_>) -> Vec<Trouble> {
    let owned = || pods::owned_by(set, related.pods);
    let meant = owned().filter(|pod| revisions.is_meant(pod));
    let mut troubles = pods::troubles(meant, Role::Service);
    let stuck = owned().filter(|pod| revisions.is_stuck(pod));
    troubles.extend(stuck.filter_map(|pod| {
        let words = match pods::pod_troubles(pod, Role::Service).into_iter().next() {
            Some(trouble) => trouble.message,
            None => "not ready".to_owned(),
        };
        let hash = label(pod, HASH).unwrap_or_default();
        let message = format!(
            "of the earlier revision {hash}, blocks the update and is not replaced until it is \
             deleted: {words}"
        );
        pods::of(pod, TroubleClass::StuckPod, message)
    }));
    troubles
}

fn ordinal(pod: &Value) -> Option<i64> {
    name(pod)?.rsplit_once('-')?.1.parse().ok()
}
