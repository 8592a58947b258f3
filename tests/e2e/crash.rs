//! kill -9 at every API call of an apply that has three waves and a rollback. Whatever it was doing,
//! the same command run again ends right.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use serde_json::Value;
use tests::program::Program;
use tests::proxy::{Hook, Moment, Seen, Then};
use tests::shop::Shop;
use tests::stage::Stage;

/// How many crashes are tried at once; each has a cluster of its own.
const AT_ONCE: usize = 4;

/// Where the crashes happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// A sandbox for each.
    Sandbox,
    /// One real kube-apiserver, a namespace for each.
    Real,
}

/// One apply to be killed, and the cluster it runs on.
struct Scene {
    stage: Stage,
    shop: Shop,
    program: Program,
}

impl Scene {
    /// The shop's first revision is healthy, and the next, bad one is committed.
    async fn before_the_bad_revision(server: Server, namespace: &str) -> anyhow::Result<Self> {
        let stage = match server {
            Server::Sandbox => Stage::sandbox().await?,
            Server::Real => Stage::real("crashes").await?.context("there is no real server")?,
        };
        let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
        let mut shop = Shop::new(&stage.folder().join("shop.git"), namespace)?;
        shop.commit("first")?;
        program.run(shop.apply(&stage.kubeconfig())).await?.expect(0)?;
        shop.settings("2");
        shop.extra("banner");
        shop.web("2.0-missing");
        shop.commit("bad")?;
        stage.proxy.clear();
        Ok(Self { stage, shop, program })
    }

    async fn find(&self, kind: &str, name: &str) -> anyhow::Result<Option<Value>> {
        let api = if kind == "deployments" { "apis/apps/v1" } else { "api/v1" };
        self.stage.find(&format!("/{api}/namespaces/{}/{kind}/{name}", self.shop.namespace())).await
    }

    async fn web_image(&self) -> anyhow::Result<String> {
        let web = self.find("deployments", "web").await?.context("the web front is gone")?;
        let image = web.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
        Ok(image.unwrap_or_default().to_owned())
    }

    fn command(&self) -> Vec<String> {
        self.shop.apply(&self.stage.kubeconfig())
    }

    /// What must be true in the end, however often the process died: everything is as the first
    /// revision wants it, healthy, and the bad render is quarantined.
    async fn ends_right(&mut self) -> anyhow::Result<()> {
        let image = self.web_image().await?;
        ensure!(image == "registry.example/web:1.0", "the web front runs {image}");
        let web = self.find("deployments", "web").await?.context("the web front is gone")?;
        let status = &web["status"];
        ensure!(
            status["readyReplicas"] == 2
                && status["updatedReplicas"] == 2
                && status["replicas"] == 2,
            "the web front is not healthy: {status}"
        );
        let settings = self.find("configmaps", "settings").await?.context("no settings")?;
        ensure!(settings["data"]["version"] == "1", "settings are {}", settings["data"]);
        let banner = self.find("configmaps", "banner").await?;
        ensure!(banner.is_none(), "what the bad revision created is still there");

        // The bad render is refused now, and nothing is written for the asking.
        self.stage.proxy.clear();
        let refused = self.program.run(self.command()).await?;
        ensure!(refused.code != Some(0), "a quarantined render was accepted: {}", refused.said());
        ensure!(
            refused.said().contains("quarantined"),
            "the refusal does not say that the render is quarantined: {}",
            refused.said()
        );
        let writes: Vec<_> = self.stage.proxy.seen().into_iter().filter(Seen::is_write).collect();
        ensure!(writes.is_empty(), "a refused apply wrote {writes:?}");

        // And the way forward is open.
        self.shop.web("3.0");
        self.shop.commit("good")?;
        self.program.run(self.command()).await?.expect(0)?;
        let image = self.web_image().await?;
        ensure!(image == "registry.example/web:3.0", "the web front runs {image}");
        let banner = self.find("configmaps", "banner").await?;
        ensure!(banner.is_some(), "the next revision wants the banner");
        Ok(())
    }

    /// Starts the apply and kills it at its n-th request; `false` if it ended before that.
    async fn killed_at(&self, number: usize, moment: Moment) -> anyhow::Result<bool> {
        let mut child = self.program.spawn(self.command())?;
        let pid = child.id().context("the child has no pid")?;
        let killed = Arc::new(AtomicBool::new(false));
        let kill = Arc::clone(&killed);
        let hook: Hook = Arc::new(move |seen, at| {
            if !seen.from_cleat || seen.number < number || (seen.number == number && at != moment) {
                return Then::Go;
            }
            if !kill.swap(true, Ordering::SeqCst) {
                // The kernel ends the child before this returns to the proxy.
                let _ =
                    std::process::Command::new("/bin/kill").args(["-9", &pid.to_string()]).status();
            }
            Then::Drop
        });
        self.stage.proxy.on_request(Some(hook));
        tokio::time::timeout(Duration::from_secs(60), child.wait()).await??;
        self.stage.proxy.on_request(None);
        Ok(killed.load(Ordering::SeqCst))
    }
}

async fn crash_at(server: Server, number: usize, moment: Moment) -> anyhow::Result<bool> {
    let namespace = format!("crash-{number}-{moment:?}").to_lowercase();
    let mut scene = Scene::before_the_bad_revision(server, &namespace).await?;
    let killed = scene.killed_at(number, moment).await?;
    if killed {
        let again = scene.program.run(scene.command()).await?;
        ensure!(
            again.code == Some(1),
            "the same command ended otherwise than with 1 (rolled back or refused): {}",
            again.said()
        );
    }
    scene.ends_right().await?;
    Ok(killed)
}

async fn killed_at_each_call(server: Server) -> anyhow::Result<()> {
    let scene = Scene::before_the_bad_revision(server, "uninterrupted").await?;
    let uninterrupted = scene.program.run(scene.command()).await?.expect(1)?;
    let calls = scene.stage.proxy.seen().iter().filter(|seen| seen.from_cleat).count();
    ensure!(uninterrupted.stdout.contains("registry.example/web:2.0-missing"));
    drop(scene);

    let points = (1..=calls).flat_map(|call| [(call, Moment::Before), (call, Moment::After)]);
    let results: Vec<_> = futures::stream::iter(points)
        .map(|(call, moment)| async move { (call, moment, crash_at(server, call, moment).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let killed = results.iter().filter(|(_, _, result)| matches!(result, Ok(true))).count();
    let mut wrong: Vec<String> = results
        .iter()
        .filter_map(|(call, moment, result)| {
            Some(format!("call {call}, {moment:?}: {:?}", result.as_ref().err()?))
        })
        .collect();
    wrong.sort();
    tests::say(&format!(
        "{server:?}: {killed} of {} runs killed (before and after each of {calls} calls), {} wrong ends",
        results.len(),
        wrong.len()
    ));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Timing decides how many requests a run needs; nearly all points must have been reached.
    ensure!(killed * 10 >= results.len() * 9, "too few of the runs were killed: {killed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_api_call_and_run_again_it_ends_right() {
    killed_at_each_call(Server::Sandbox).await.unwrap();
    if Stage::real("crashes").await.unwrap().is_some() {
        killed_at_each_call(Server::Real).await.unwrap();
    }
}
