//! The workload controllers bring a server to life: the same scenarios against the sandbox and
//! against a real kube-apiserver, all at once, each in a namespace of its own.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking and say what they measured"
)]

mod scenarios;

use std::time::Duration;

use futures::FutureExt as _;
use kube::Client;
use sandbox::workloads::{self, Settings};
use sandbox::{Cluster, Options};
use tests::control_plane::ControlPlane;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workloads_live_on_the_sandbox() {
    let cluster = Cluster::new(&Options::default());
    let client = Client::new(cluster.service(), "default");
    play("sandbox", client, Settings::for_sandbox()).await;
}

/// As if the sandbox were a bare server: the controllers end namespaces and collect garbage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workloads_live_on_a_sandbox_without_controllers() {
    let cluster = Cluster::new(&Options { controllers: false, ..Options::default() });
    let client = Client::new(cluster.service(), "default");
    play("bare sandbox", client, Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workloads_live_on_a_real_server() -> anyhow::Result<()> {
    let Some(assets) = ControlPlane::assets("workloads live on a real server") else {
        return Ok(());
    };
    let control_plane = ControlPlane::start(&assets).await?;
    play("real server", control_plane.client().await?, Settings::default()).await;
    Ok(())
}

/// Runs the controllers and every scenario beside each other; fails with all that failed.
async fn play(server: &str, client: Client, settings: Settings) {
    let stop = CancellationToken::new();
    let controllers = tokio::spawn(workloads::run(client.clone(), settings, stop.child_token()));
    let plays = scenarios::all(&client).into_iter().map(|(name, scenario)| async move {
        let played = tokio::spawn(scenario).map(|played| played.is_ok());
        let timely = tokio::time::timeout(Duration::from_secs(60), played).await;
        (name, timely.unwrap_or_default())
    });
    let results = futures::future::join_all(plays).await;
    stop.cancel();
    controllers.await.unwrap().unwrap();
    let failed: Vec<&str> =
        results.iter().filter(|(_, passed)| !passed).map(|(name, _)| *name).collect();
    tests::say(&format!(
        "{server}: {} of {} scenarios hold",
        results.len() - failed.len(),
        results.len()
    ));
    assert!(failed.is_empty(), "on the {server}: {failed:?}");
}

/// What the controllers cost: many Deployments from nothing to available.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_workloads_come_up_in_seconds() {
    let cluster = Cluster::new(&Options::default());
    let client = Client::new(cluster.service(), "default");
    let stop = CancellationToken::new();
    let settings = Settings { events: false, ..Settings::for_sandbox() };
    let controllers = tokio::spawn(workloads::run(client.clone(), settings, stop.child_token()));
    let took = scenarios::many(&client, 300).await;
    tests::say(&format!("300 Deployments available after {took:?}"));
    stop.cancel();
    controllers.await.unwrap().unwrap();
    assert!(took < Duration::from_secs(60), "{took:?}");
}
