//! The scenarios: each makes its namespace, does what a user would, and waits for what must follow.

mod batch;
mod cluster;
mod deployments;
mod sets;

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use deployments::many;

/// How long anything may take; on an idle machine all of it takes a second or two.
const DEADLINE: Duration = Duration::from_secs(45);

type Scenario = (&'static str, BoxFuture<'static, ()>);

/// Every scenario, ready to be run.
pub fn all(client: &Client) -> Vec<Scenario> {
    macro_rules! scenarios {
        ($($module:ident::$name:ident),* $(,)?) => {
            vec![$((
                stringify!($name),
                Box::pin($module::$name(client.clone())) as BoxFuture<'static, ()>,
            )),*]
        };
    }
    scenarios![
        deployments::a_deployment_becomes_available,
        deployments::an_update_rolls_out_and_back,
        deployments::a_missing_image_is_named_and_replaced,
        deployments::a_crash_loop_counts_its_restarts,
        deployments::recreate_stops_the_old_first,
        deployments::scaling_and_pausing,
        deployments::init_containers_come_first,
        sets::an_ordered_set_starts_in_order_with_claims,
        sets::a_stuck_update_stays_until_its_pod_is_deleted,
        sets::a_partition_holds_the_rest_back,
        sets::a_daemon_runs_on_every_node,
        batch::a_job_completes,
        batch::a_job_fails_at_its_limit,
        batch::an_indexed_job_runs_each_index_once,
        cluster::deletion_collects_what_was_owned,
        cluster::orphans_stay,
        cluster::a_deleted_namespace_ends,
        cluster::events_tell_what_happened,
        cluster::each_writer_has_its_name,
    ]
}

/// A fresh namespace.
pub async fn namespace(client: &Client, name: &str) -> String {
    let api: Api<Namespace> = Api::all(client.clone());
    let body = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    api.create(&PostParams::default(), &body).await.unwrap();
    name.to_owned()
}

/// Applies a body by server-side apply, as cleat would.
pub async fn apply<K>(api: &Api<K>, name: &str, body: &Value) -> K
where
    K: Clone + DeserializeOwned + Debug,
{
    let params = PatchParams::apply("cleat").force();
    api.patch(name, &params, &Patch::Apply(body)).await.unwrap()
}

/// Waits until an object is as it should be; fails with what it was at the end.
pub async fn until<K>(api: &Api<K>, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
where
    K: Clone + DeserializeOwned + Debug + Send + Resource + serde::Serialize + 'static,
    K::DynamicType: Default,
{
    let condition = |object: Option<&K>| object.is_some_and(&holds);
    let seen = tokio::time::timeout(DEADLINE, await_condition(api.clone(), name, condition)).await;
    let Ok(found) = seen else {
        let last = serde_json::to_string_pretty(&api.get_opt(name).await.unwrap()).unwrap();
        panic!("{name}: never {what}; at last: {last}");
    };
    found.unwrap().unwrap()
}

/// Waits until an object is gone.
pub async fn until_gone<K>(api: &Api<K>, name: &str)
where
    K: Clone + DeserializeOwned + Debug + Send + Resource + serde::Serialize + 'static,
    K::DynamicType: Default,
{
    let condition = |object: Option<&K>| object.is_none();
    if tokio::time::timeout(DEADLINE, await_condition(api.clone(), name, condition)).await.is_err()
    {
        let last = serde_json::to_string(&api.get_opt(name).await.unwrap()).unwrap();
        panic!("{name}: never gone; at last: {last}");
    }
}

/// Waits until the objects of a namespace are as they should be, looking at each change of them.
pub async fn until_all<K>(api: &Api<K>, what: &str, holds: impl Fn(&[K]) -> bool) -> Vec<K>
where
    K: Clone + DeserializeOwned + Debug + Send + Resource + serde::Serialize + 'static,
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default + Eq + std::hash::Hash + Clone,
{
    use futures::StreamExt as _;
    let changes = kube::runtime::watcher(api.clone(), kube::runtime::watcher::Config::default());
    let mut changes = std::pin::pin!(changes);
    let look = async {
        loop {
            changes.next().await;
            let found = api.list(&ListParams::default()).await.unwrap().items;
            if holds(&found) {
                return found;
            }
        }
    };
    if let Ok(found) = tokio::time::timeout(DEADLINE, look).await {
        return found;
    }
    let found = api.list(&ListParams::default()).await.unwrap().items;
    panic!("never {what}; at last: {}", serde_json::to_string(&found).unwrap());
}

/// The waiting reasons of a pod's containers.
pub fn waiting(pod: &Pod) -> Vec<(String, String)> {
    let status = pod.status.iter();
    status
        .flat_map(|status| {
            status.init_container_statuses.iter().chain(&status.container_statuses).flatten()
        })
        .filter_map(|status| status.state.as_ref()?.waiting.as_ref())
        .map(|waiting| {
            (
                waiting.reason.clone().unwrap_or_default(),
                waiting.message.clone().unwrap_or_default(),
            )
        })
        .collect()
}
