//! What surrounds workloads: garbage, orphans, namespaces, Events, and whose hand wrote what.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, ListParams, PropagationPolicy};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::{apply, namespace, until, until_all, until_gone};

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]}}}})
}

async fn available(client: &Client, namespace: &str) -> Api<Deployment> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    apply(&api, "web", &deployment()).await;
    until(&api, "web", "available", |found| {
        found.status.as_ref().is_some_and(|status| status.available_replicas == Some(2))
    })
    .await;
    api
}

pub async fn deletion_collects_what_was_owned(client: Client) {
    for policy in [DeleteParams::background(), DeleteParams::foreground()] {
        let foreground = policy.propagation_policy == Some(PropagationPolicy::Foreground);
        let name = if foreground { "collect-foreground" } else { "collect-background" };
        let name = namespace(&client, name).await;
        let api = available(&client, &name).await;
        api.delete("web", &policy).await.unwrap();
        until_gone(&api, "web").await;
        let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), &name);
        let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
        if foreground {
            let left = sets.list(&ListParams::default()).await.unwrap().items.len();
            assert_eq!(left, 0, "a foreground deletion ends after what it owned");
        }
        until_all(&sets, "without ReplicaSets", <[_]>::is_empty).await;
        until_all(&pods, "without pods", <[_]>::is_empty).await;
    }
}

pub async fn orphans_stay(client: Client) {
    let name = namespace(&client, "orphans").await;
    let api = available(&client, &name).await;
    let orphan = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    api.delete("web", &orphan).await.unwrap();
    until_gone(&api, "web").await;
    let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), &name);
    let left = sets.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].owner_references(), []);
    // The Deployment again: it takes its orphan back.
    let api = available(&client, &name).await;
    let owner = api.get("web").await.unwrap().uid().unwrap();
    let left = sets.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].owner_references()[0].uid, owner);
}

pub async fn a_deleted_namespace_ends(client: Client) {
    let name = namespace(&client, "ends").await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &name);
    until(&accounts, "default", "there", |_| true).await;
    available(&client, &name).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(&name, &DeleteParams::default()).await.unwrap();
    until_gone(&namespaces, &name).await;
}

pub async fn events_tell_what_happened(client: Client) {
    let name = namespace(&client, "events").await;
    available(&client, &name).await;
    let events: Api<Event> = Api::namespaced(client.clone(), &name);
    let wanted = [
        ("Deployment", "ScalingReplicaSet", "Scaled up replica set web-"),
        ("ReplicaSet", "SuccessfulCreate", "Created pod: web-"),
        ("Pod", "Scheduled", "Successfully assigned events/web-"),
        ("Pod", "Pulling", "Pulling image \"app:1\""),
        ("Pod", "Started", "Started container app"),
    ];
    until_all(&events, "told", |events| {
        wanted.iter().all(|(kind, reason, message)| {
            events.iter().any(|event| {
                event.involved_object.kind.as_deref() == Some(kind)
                    && event.reason.as_deref() == Some(reason)
                    && event.message.as_deref().unwrap_or_default().starts_with(message)
            })
        })
    })
    .await;
}

pub async fn each_writer_has_its_name(client: Client) {
    let name = namespace(&client, "writers").await;
    let api = available(&client, &name).await;
    let found = api.get("web").await.unwrap();
    let of = |entries: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry]| {
        let mut list: Vec<(String, String)> = entries
            .iter()
            .map(|entry| {
                (
                    entry.manager.clone().unwrap_or_default(),
                    entry.subresource.clone().unwrap_or_default(),
                )
            })
            .collect();
        list.sort();
        list
    };
    let pair = |manager: &str, subresource: &str| (manager.to_owned(), subresource.to_owned());
    assert_eq!(
        of(found.managed_fields()),
        [pair("cleat", ""), pair("kube-controller-manager", "status")]
    );
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let managers = of(pod.managed_fields());
        assert!(managers.contains(&pair("kube-controller-manager", "")), "{managers:?}");
        assert!(managers.contains(&pair("kubelet", "status")), "{managers:?}");
    }
}
