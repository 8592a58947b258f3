//! Deployments: to available, from one template to another, into trouble and out of it.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::{apply, namespace, until, until_all, waiting};

fn deployment(image: &str, replicas: i32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": image,
                    "ports": [{"name": "http", "containerPort": 8080}]}]}}}})
}

fn is_complete(found: &Deployment) -> bool {
    let (spec, Some(status)) = (&found.spec, &found.status) else { return false };
    status.observed_generation == found.metadata.generation
        && status.updated_replicas == spec.replicas
        && status.available_replicas == spec.replicas
        && status.replicas == spec.replicas
        && reason(found, "Progressing") == "NewReplicaSetAvailable"
}

fn reason(found: &Deployment, kind: &str) -> String {
    let conditions = found.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.type_.as_deref() == Some(kind))
        .find_map(|condition| condition.reason.clone())
        .unwrap_or_default()
}

struct Shop {
    deployments: Api<Deployment>,
    sets: Api<ReplicaSet>,
    pods: Api<Pod>,
    services: Api<Service>,
    endpoints: Api<Endpoints>,
}

async fn shop(client: &Client, name: &str) -> Shop {
    let name = namespace(client, name).await;
    Shop {
        deployments: Api::namespaced(client.clone(), &name),
        sets: Api::namespaced(client.clone(), &name),
        pods: Api::namespaced(client.clone(), &name),
        services: Api::namespaced(client.clone(), &name),
        endpoints: Api::namespaced(client.clone(), &name),
    }
}

impl Shop {
    async fn rolled_out(&self, image: &str, replicas: i32) -> Deployment {
        apply(&self.deployments, "web", &deployment(image, replicas)).await;
        until(&self.deployments, "web", "complete", is_complete).await
    }

    async fn sets(&self) -> Vec<(String, i32, String)> {
        let sets = self.sets.list(&ListParams::default()).await.unwrap();
        let mut sets: Vec<_> = sets
            .into_iter()
            .map(|set| {
                let revision = set.annotations()["deployment.kubernetes.io/revision"].clone();
                (set.name_any(), set.spec.replicas.unwrap(), revision)
            })
            .collect();
        sets.sort_by(|one, other| one.2.cmp(&other.2));
        sets
    }
}

pub async fn a_deployment_becomes_available(client: Client) {
    let shop = shop(&client, "becomes-available").await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}});
    apply(&shop.services, "web", &service).await;
    let found = shop.rolled_out("app:1", 3).await;
    assert_eq!(found.annotations()["deployment.kubernetes.io/revision"], "1");
    assert_eq!(reason(&found, "Available"), "MinimumReplicasAvailable");
    let sets = shop.sets().await;
    assert_eq!(sets.len(), 1);
    for pod in shop.pods.list(&ListParams::default()).await.unwrap() {
        let hash = &pod.labels()["pod-template-hash"];
        assert_eq!(sets[0].0, format!("web-{hash}"));
        assert!(pod.name_any().starts_with(&sets[0].0));
        assert!(pod.spec.unwrap().node_name.is_some());
        assert!(pod.status.unwrap().pod_ip.is_some());
    }
    until(&shop.endpoints, "web", "three addresses", |found| {
        let subsets = found.subsets.iter().flatten();
        subsets.flat_map(|subset| subset.addresses.iter().flatten()).count() == 3
    })
    .await;
}

pub async fn an_update_rolls_out_and_back(client: Client) {
    let shop = shop(&client, "rolls-out-and-back").await;
    shop.rolled_out("app:1", 4).await;
    let first = shop.sets().await;
    shop.rolled_out("app:2", 4).await;
    let second = shop.sets().await;
    assert_eq!(second.len(), 2);
    assert_eq!((second[0].0.as_str(), second[0].1), (first[0].0.as_str(), 0));
    assert_eq!((second[1].1, second[1].2.as_str()), (4, "2"));
    let back = shop.rolled_out("app:1", 4).await;
    assert_eq!(back.annotations()["deployment.kubernetes.io/revision"], "3");
    let third = shop.sets().await;
    assert_eq!(third.len(), 2, "the old ReplicaSet is used again: {third:?}");
    assert_eq!(third[1], (first[0].0.clone(), 4, "3".to_owned()));
}

pub async fn a_missing_image_is_named_and_replaced(client: Client) {
    let shop = shop(&client, "missing-image").await;
    shop.rolled_out("app:1", 2).await;
    let mut bad = deployment("registry.example/shop/app:2-missing", 2);
    bad["spec"]["progressDeadlineSeconds"] = json!(2);
    apply(&shop.deployments, "web", &bad).await;
    until_all(&shop.pods, "a pod whose image is missing", |pods| {
        pods.iter().flat_map(waiting).any(|(reason, message)| {
            reason == "ImagePullBackOff" && message.contains("registry.example/shop/app:2-missing")
        })
    })
    .await;
    let late = until(&shop.deployments, "web", "past its deadline", |found| {
        reason(found, "Progressing") == "ProgressDeadlineExceeded"
    })
    .await;
    assert_eq!(late.status.unwrap().available_replicas, Some(2), "the old pods serve on");
    shop.rolled_out("app:1", 2).await;
    until_all(&shop.pods, "no pod with a missing image", |pods| {
        pods.len() == 2 && pods.iter().all(|pod| waiting(pod).is_empty())
    })
    .await;
}

pub async fn a_crash_loop_counts_its_restarts(client: Client) {
    let shop = shop(&client, "crash-loop").await;
    apply(&shop.deployments, "web", &deployment("app:crash", 1)).await;
    until_all(&shop.pods, "in a crash loop with three restarts", |pods| {
        pods.iter().any(|pod| {
            let statuses = pod.status.iter().flat_map(|status| &status.container_statuses);
            let restarts = statuses.flatten().map(|status| status.restart_count).max();
            restarts >= Some(3)
                && waiting(pod).iter().any(|(reason, message)| {
                    reason == "CrashLoopBackOff"
                        && message.contains("restarting failed container=app")
                })
        })
    })
    .await;
    let found = shop.deployments.get("web").await.unwrap();
    assert_eq!(reason(&found, "Available"), "MinimumReplicasUnavailable");
}

pub async fn recreate_stops_the_old_first(client: Client) {
    let shop = shop(&client, "recreate").await;
    let body = |image: &str| {
        let mut body = deployment(image, 2);
        body["spec"]["strategy"] = json!({"type": "Recreate"});
        body
    };
    apply(&shop.deployments, "web", &body("app:1")).await;
    until(&shop.deployments, "web", "complete", is_complete).await;
    apply(&shop.deployments, "web", &body("app:2")).await;
    until(&shop.deployments, "web", "complete", is_complete).await;
    // Every new pod is younger than the end of every old one: both were never there at once.
    let pods = shop.pods.list(&ListParams::default()).await.unwrap();
    let images = |pod: &Pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap();
    assert!(pods.iter().all(|pod| images(pod) == "app:2"));
}

pub async fn scaling_and_pausing(client: Client) {
    let shop = shop(&client, "scaling").await;
    shop.rolled_out("app:1", 1).await;
    shop.rolled_out("app:1", 5).await;
    shop.rolled_out("app:1", 2).await;
    assert_eq!(shop.sets().await.len(), 1, "scaling makes no new ReplicaSet");
    let mut paused = deployment("app:2", 2);
    paused["spec"]["paused"] = json!(true);
    apply(&shop.deployments, "web", &paused).await;
    until(&shop.deployments, "web", "paused", |found| {
        reason(found, "Progressing") == "DeploymentPaused"
            && found.status.as_ref().unwrap().observed_generation == found.metadata.generation
    })
    .await;
    assert_eq!(shop.sets().await.len(), 1);
    shop.rolled_out("app:2", 2).await;
    assert_eq!(shop.sets().await.len(), 2);
}

pub async fn init_containers_come_first(client: Client) {
    let shop = shop(&client, "init-containers").await;
    let mut body = deployment("app:1", 1);
    body["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "migrate", "image": "migrate:crash"}]);
    apply(&shop.deployments, "web", &body).await;
    let stuck = until_all(&shop.pods, "held by its init container", |pods| {
        pods.iter().any(|pod| {
            let waiting = waiting(pod);
            waiting.iter().any(|(reason, _)| reason == "CrashLoopBackOff")
                && waiting.iter().any(|(reason, _)| reason == "PodInitializing")
        })
    })
    .await;
    assert_eq!(stuck[0].status.as_ref().unwrap().phase.as_deref(), Some("Pending"));
    body["spec"]["template"]["spec"]["initContainers"][0]["image"] = json!("migrate:1");
    apply(&shop.deployments, "web", &body).await;
    until(&shop.deployments, "web", "complete", is_complete).await;
}

/// Creates so many Deployments and waits until each is available; says how long that took.
pub async fn many(client: &Client, count: usize) -> Duration {
    let name = namespace(client, "many").await;
    let api: Api<Deployment> = Api::namespaced(client.clone(), &name);
    #[allow(clippy::disallowed_methods, reason = "a figure for the log")]
    let started = Instant::now();
    for number in 0..count {
        let mut body = deployment("app:1", 1);
        body["metadata"]["name"] = json!(format!("web-{number}"));
        body["spec"]["selector"]["matchLabels"]["app"] = json!(format!("web-{number}"));
        body["spec"]["template"]["metadata"]["labels"]["app"] = json!(format!("web-{number}"));
        api.create(&PostParams::default(), &serde_json::from_value(body).unwrap()).await.unwrap();
    }
    for number in 0..count {
        until(&api, &format!("web-{number}"), "complete", is_complete).await;
    }
    started.elapsed()
}

/// Changes one annotation of a pod while it lives.
pub async fn annotate(pods: &Api<Pod>, name: &str, key: &str, value: &str) {
    let patch = json!({"metadata": {"annotations": {key: value}}});
    pods.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}
