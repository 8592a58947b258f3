//! kill -9 at every API call of an apply that has three waves and a rollback. Whatever it was doing,
//! the same command run again ends right.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use serde_json::Value;
use tests::program::{Ended, Program, finish};
use tests::proxy::{Hook, Moment, Then};
use tests::shop::Shop;
use tests::stage::Stage;

/// How many crashes are tried at once; each has a cluster of its own.
const AT_ONCE: usize = 4;

const NAMESPACE: &str = "shop";
const SETTINGS: &str = "/api/v1/namespaces/shop/configmaps/settings";
const BANNER: &str = "/api/v1/namespaces/shop/configmaps/banner";
const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

/// A stage in which the shop's first revision is healthy and the next, bad one is committed.
async fn stage_before_the_bad_revision() -> anyhow::Result<(Stage, Shop, Program)> {
    let stage = Stage::sandbox().await?;
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
    let mut shop = Shop::new(&stage.folder().join("shop.git"), NAMESPACE)?;
    shop.commit("first")?;
    program.run(shop.apply(&stage.kubeconfig())).await?.expect(0)?;
    shop.settings("2");
    shop.extra("banner");
    shop.web("2.0-missing");
    shop.commit("bad")?;
    stage.proxy.clear();
    Ok((stage, shop, program))
}

/// What must be true in the end, however often the process died: everything is as the first revision
/// wants it, healthy, and the bad render is quarantined exactly once.
async fn ends_right(stage: &Stage, shop: &mut Shop, program: &Program) -> anyhow::Result<()> {
    let image = |object: Option<&Value>| {
        object.and_then(|web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"].as_str().map(str::to_owned)
        })
    };
    let web = stage.find(WEB).await?;
    ensure!(
        image(web.as_ref()).as_deref() == Some("registry.example/web:1.0"),
        "the web front runs {:?}",
        image(web.as_ref())
    );
    let status = &web.context("web is gone")?["status"];
    ensure!(
        status["readyReplicas"] == 2 && status["updatedReplicas"] == 2 && status["replicas"] == 2,
        "the web front is not healthy: {status}"
    );
    let settings = stage.find(SETTINGS).await?.context("settings are gone")?;
    ensure!(settings["data"]["version"] == "1", "settings are {}", settings["data"]);
    let banner = stage.find(BANNER).await?;
    ensure!(banner.is_none(), "what the bad revision created is still there");

    // The bad render is refused now, and nothing is written for the asking.
    stage.proxy.clear();
    let refused = program.run(shop.apply(&stage.kubeconfig())).await?;
    ensure!(refused.code != Some(0), "a quarantined render was accepted: {}", refused.said());
    ensure!(
        refused.said().contains("quarantined"),
        "the refusal does not say that the render is quarantined: {}",
        refused.said()
    );
    let writes: Vec<_> =
        stage.proxy.seen().into_iter().filter(tests::proxy::Seen::is_write).collect();
    ensure!(writes.is_empty(), "a refused apply wrote {writes:?}");

    // And the way forward is open.
    shop.web("3.0");
    shop.commit("good")?;
    program.run(shop.apply(&stage.kubeconfig())).await?.expect(0)?;
    let web = stage.find(WEB).await?;
    ensure!(image(web.as_ref()).as_deref() == Some("registry.example/web:3.0"));
    let banner = stage.find(BANNER).await?;
    ensure!(banner.is_some(), "the next revision wants the banner");
    Ok(())
}

/// Runs the apply and kills it at its n-th request; `None` if it ended before that.
async fn killed_at(
    stage: &Stage,
    shop: &Shop,
    program: &Program,
    number: usize,
    moment: Moment,
) -> anyhow::Result<Option<Ended>> {
    let mut child = program.spawn(shop.apply(&stage.kubeconfig()))?;
    let pid = child.id().context("the child has no pid")?;
    let hit = Arc::new(AtomicUsize::new(0));
    let kill = Arc::new(Mutex::new(Some(())));
    let counted = Arc::clone(&hit);
    let hook: Hook = Arc::new(move |seen, at| {
        if !seen.from_cleat || seen.number < number {
            return Then::Go;
        }
        if seen.number > number || at == moment {
            if kill.lock().unwrap().take().is_some() {
                counted.store(seen.number, Ordering::SeqCst);
                // The kernel ends the child before this returns to the proxy.
                let _ =
                    std::process::Command::new("/bin/kill").args(["-9", &pid.to_string()]).status();
            }
            return Then::Drop;
        }
        Then::Go
    });
    stage.proxy.on_request(Some(hook));
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await??;
    stage.proxy.on_request(None);
    if hit.load(Ordering::SeqCst) == 0 {
        return Ok(Some(Ended {
            code: status.code(),
            stdout: String::new(),
            stderr: String::new(),
        }));
    }
    Ok(None)
}

async fn crash_at(number: usize, moment: Moment) -> anyhow::Result<bool> {
    let (stage, mut shop, program) = stage_before_the_bad_revision().await?;
    let early = killed_at(&stage, &shop, &program, number, moment).await?;
    let killed = early.is_none();
    if killed {
        let again = finish(program.spawn(shop.apply(&stage.kubeconfig()))?).await?;
        ensure!(
            again.code == Some(1),
            "the same command ended otherwise than with 1 (rolled back or refused): {}",
            again.said()
        );
    }
    ends_right(&stage, &mut shop, &program).await?;
    Ok(killed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_api_call_and_run_again_it_ends_right() {
    let (stage, shop, program) = stage_before_the_bad_revision().await.unwrap();
    let uninterrupted = program.run(shop.apply(&stage.kubeconfig())).await.unwrap();
    let calls = stage.proxy.seen().iter().filter(|seen| seen.from_cleat).count();
    let uninterrupted = uninterrupted.expect(1).unwrap();
    assert!(uninterrupted.stdout.contains("registry.example/web:2.0-missing"));
    drop(stage);

    let points = (1..=calls).flat_map(|number| [(number, Moment::Before), (number, Moment::After)]);
    let results: Vec<_> = futures::stream::iter(points)
        .map(|(number, moment)| async move { (number, moment, crash_at(number, moment).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let killed = results.iter().filter(|(_, _, result)| matches!(result, Ok(true))).count();
    let mut wrong: Vec<String> = results
        .iter()
        .filter_map(|(number, moment, result)| {
            let error = result.as_ref().err()?;
            Some(format!("call {number}, {moment:?}: {error:?}"))
        })
        .collect();
    wrong.sort();
    eprintln!(
        "crash points: {killed} of {} (before and after each of {calls} calls), {} wrong ends",
        results.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(killed >= calls, "too few of the runs were killed: {killed}");
}
