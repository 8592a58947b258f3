//! StatefulSets and DaemonSets: one after the other, stuck as the real ones are, one on each node.

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::{apply, deployments::annotate, namespace, until, until_all};

fn stateful(image: &str, replicas: i32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "db", "image": image}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]}})
}

fn is_rolled_out(found: &StatefulSet) -> bool {
    let (spec, Some(status)) = (&found.spec, &found.status) else { return false };
    status.observed_generation == found.metadata.generation
        && status.ready_replicas == spec.replicas
        && status.updated_replicas == spec.replicas
        && status.current_revision == status.update_revision
}

fn image(pod: &Pod) -> &str {
    pod.spec.as_ref().unwrap().containers[0].image.as_deref().unwrap()
}

pub async fn an_ordered_set_starts_in_order_with_claims(client: Client) {
    let name = namespace(&client, "ordered-set").await;
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &name);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &name);
    let mut body = stateful("db:1", 3);
    body["spec"]["template"]["metadata"]["annotations"] =
        json!({"sandbox.cleat.dev/fate": "stuck"});
    apply(&sets, "db", &body).await;
    until(&pods, "db-0", "running", |pod| {
        pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"))
    })
    .await;
    for held in ["db-1", "db-2"] {
        assert!(pods.get_opt(held).await.unwrap().is_none(), "{held} waits for db-0");
    }
    // As each becomes ready, the next one comes.
    for (ready, next) in [("db-0", "db-1"), ("db-1", "db-2")] {
        annotate(&pods, ready, "sandbox.cleat.dev/fate", "ready").await;
        until(&pods, next, "there", |_| true).await;
    }
    annotate(&pods, "db-2", "sandbox.cleat.dev/fate", "ready").await;
    until(&sets, "db", "rolled out", is_rolled_out).await;
    for number in 0..3 {
        let claim = format!("data-db-{number}");
        until(&claims, &claim, "bound", |claim| {
            claim.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Bound"))
        })
        .await;
        let pod = pods.get(&format!("db-{number}")).await.unwrap();
        assert_eq!(pod.labels()["statefulset.kubernetes.io/pod-name"], pod.name_any());
        let volumes = pod.spec.unwrap().volumes.unwrap();
        assert!(volumes.iter().any(|volume| {
            volume.persistent_volume_claim.as_ref().is_some_and(|source| source.claim_name == claim)
        }));
    }
}

pub async fn a_stuck_update_stays_until_its_pod_is_deleted(client: Client) {
    let name = namespace(&client, "stuck-set").await;
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &name);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let revisions: Api<ControllerRevision> = Api::namespaced(client.clone(), &name);
    apply(&sets, "db", &stateful("db:1", 2)).await;
    until(&sets, "db", "rolled out", is_rolled_out).await;
    apply(&sets, "db", &stateful("db:crash", 2)).await;
    until(&pods, "db-1", "crashing", |pod| image(pod) == "db:crash" && restarts(pod) > 0).await;
    let first = pods.get("db-0").await.unwrap();
    assert_eq!(image(&first), "db:1", "the update goes on only past a ready pod");
    // The good template again: the real controller does not touch the broken pod.
    apply(&sets, "db", &stateful("db:1", 2)).await;
    let reverted = until(&sets, "db", "observed", |found| {
        found.status.as_ref().is_some_and(|status| {
            status.observed_generation == found.metadata.generation
                && status.current_revision == status.update_revision
        })
    })
    .await;
    assert_eq!(reverted.status.unwrap().ready_replicas, Some(1));
    let broken = pods.get("db-1").await.unwrap();
    assert_eq!(image(&broken), "db:crash");
    pods.delete("db-1", &DeleteParams::default()).await.unwrap();
    until(&sets, "db", "rolled out", is_rolled_out).await;
    assert_eq!(image(&pods.get("db-1").await.unwrap()), "db:1");
    let kept = revisions.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(kept.len(), 2, "an old template takes its old revision again");
    assert_eq!(kept.iter().map(|one| one.revision).max(), Some(Some(3)));
}

pub async fn a_partition_holds_the_rest_back(client: Client) {
    let name = namespace(&client, "partition").await;
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &name);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let with_partition = |image: &str, partition: i32| {
        let mut body = stateful(image, 3);
        body["spec"]["podManagementPolicy"] = json!("Parallel");
        body["spec"]["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
        body
    };
    apply(&sets, "db", &with_partition("db:1", 0)).await;
    until(&sets, "db", "rolled out", is_rolled_out).await;
    apply(&sets, "db", &with_partition("db:2", 2)).await;
    until(&sets, "db", "updated above the partition", |found| {
        let status = found.status.as_ref().unwrap();
        status.updated_replicas == Some(1) && status.ready_replicas == Some(3)
    })
    .await;
    assert_eq!(image(&pods.get("db-2").await.unwrap()), "db:2");
    // A pod below the partition comes back as it was.
    let before = pods.get("db-0").await.unwrap().uid();
    pods.delete("db-0", &DeleteParams::default().grace_period(0)).await.unwrap();
    until(&pods, "db-0", "another pod", |pod| pod.uid() != before).await;
    assert_eq!(image(&pods.get("db-0").await.unwrap()), "db:1");
    apply(&sets, "db", &with_partition("db:2", 0)).await;
    until(&sets, "db", "rolled out", is_rolled_out).await;
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| &status.container_statuses).flatten();
    statuses.map(|status| status.restart_count).max().unwrap_or_default()
}

fn daemon(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}},
                "spec": {"containers": [{"name": "app", "image": image}]}}}})
}

pub async fn a_daemon_runs_on_every_node(client: Client) {
    let name = namespace(&client, "daemon").await;
    let nodes: Api<Node> = Api::all(client.clone());
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), &name);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let done = |found: &DaemonSet| {
        let Some(status) = &found.status else { return false };
        status.observed_generation == found.metadata.generation
            && status.desired_number_scheduled > 0
            && status.number_available == Some(status.desired_number_scheduled)
            && status.updated_number_scheduled == Some(status.desired_number_scheduled)
    };
    for image in ["agent:1", "agent:2"] {
        apply(&sets, "agent", &daemon(image)).await;
        until(&sets, "agent", "rolled out", done).await;
        let count = nodes.list(&ListParams::default()).await.unwrap().items.len();
        let pods = until_all(&pods, "one pod a node", |pods| pods.len() == count).await;
        let mut places: Vec<String> =
            pods.iter().map(|pod| pod.spec.clone().unwrap().node_name.unwrap()).collect();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), count);
        assert!(pods.iter().all(|pod| self::image(pod) == image));
    }
}
