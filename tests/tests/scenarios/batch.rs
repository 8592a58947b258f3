//! Jobs: done, failed, and each index once.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::{apply, namespace, until, until_all};

fn job(image: &str, spec: &Value) -> Value {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "job", "image": image}]}}}});
    for (field, value) in spec.as_object().unwrap() {
        job["spec"][field] = value.clone();
    }
    job
}

fn condition<'a>(job: &'a Job, kind: &str) -> Option<&'a str> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|condition| condition.type_ == kind)?;
    (condition.status == "True").then(|| condition.reason.as_deref().unwrap_or_default())
}

pub async fn a_job_completes(client: Client) {
    let name = namespace(&client, "job-completes").await;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &name);
    let spec = json!({"completions": 3, "parallelism": 2});
    apply(&jobs, "migrate", &job("migrate:1", &spec)).await;
    let done =
        until(&jobs, "migrate", "complete", |job| condition(job, "Complete").is_some()).await;
    let status = done.status.unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(3), None));
    assert!(status.completion_time.is_some());
}

pub async fn a_job_fails_at_its_limit(client: Client) {
    let name = namespace(&client, "job-fails").await;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &name);
    apply(&jobs, "migrate", &job("migrate:crash", &json!({"backoffLimit": 1}))).await;
    let failed = until(&jobs, "migrate", "failed", |job| condition(job, "Failed").is_some()).await;
    assert_eq!(condition(&failed, "Failed"), Some("BackoffLimitExceeded"));
    assert_eq!(failed.status.unwrap().failed, Some(2));
}

pub async fn an_indexed_job_runs_each_index_once(client: Client) {
    let name = namespace(&client, "job-indexed").await;
    let jobs: Api<Job> = Api::namespaced(client.clone(), &name);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &name);
    let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed"});
    apply(&jobs, "migrate", &job("migrate:1", &spec)).await;
    until(&jobs, "migrate", "complete", |job| condition(job, "Complete").is_some()).await;
    let pods = until_all(&pods, "three pods", |pods| pods.len() == 3).await;
    let mut indexes: Vec<String> = pods
        .iter()
        .map(|pod| pod.annotations()["batch.kubernetes.io/job-completion-index"].clone())
        .collect();
    indexes.sort();
    assert_eq!(indexes, ["0", "1", "2"]);
    assert_eq!(jobs.list(&ListParams::default()).await.unwrap().items.len(), 1);
}
