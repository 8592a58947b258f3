//! Ctrl-C. Wherever it comes, a run begins nothing more, waits for what is under way, says what was and
//! what was not applied, and exits with 130; the same command then completes. A second Ctrl-C ends it
//! where it stands.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use serde_json::Value;
use tests::program::{Ended, Program, finish};
use tests::proxy::{Hook, Moment, Seen, Then};
use tests::shop::Shop;
use tests::stage::Stage;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// How many runs are interrupted at once; each has a cluster of its own.
const AT_ONCE: usize = 4;

/// How long a test waits for something that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Sends a signal; when this returns, it has been delivered.
fn send(signal: &str, pid: u32) {
    let sent = Command::new("/bin/kill").args([signal, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {pid}");
}

fn program(stage: &Stage) -> Program {
    Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder())
}

/// The objects of the shop's first revision: how they are told, and where they are.
fn objects(namespace: &str) -> [(&'static str, String); 5] {
    let below = |place: &str| format!("/{place}/{namespace}").replace("//", "/");
    let of = |group: &str, plural: &str, name: &str| {
        format!("{group}/namespaces/{namespace}/{plural}/{name}")
    };
    [
        ("Namespace", below("api/v1/namespaces")),
        ("ConfigMap", of("/api/v1", "configmaps", "settings")),
        ("Secret", of("/api/v1", "secrets", "db")),
        ("StatefulSet", of("/apis/apps/v1", "statefulsets", "db")),
        ("Deployment", of("/apis/apps/v1", "deployments", "web")),
    ]
}

fn kinds(outcome: &Value, of: &str) -> BTreeSet<String> {
    let ids = outcome[of].as_array().unwrap_or_else(|| panic!("no {of} in {outcome}"));
    ids.iter().map(|id| id["kind"].as_str().unwrap().to_owned()).collect()
}

/// The last line of `-o json`, which must tell of the interruption, and tell the truth.
async fn told_truly(stage: &Stage, shop: &Shop, ended: &Ended) -> anyhow::Result<Value> {
    let outcome = ended.json_lines()?.pop().context("nothing was told")?;
    ensure!(outcome["kind"] == "outcome", "the last line is no outcome: {}", ended.said());
    ensure!(outcome["outcome"] == "interrupted", "not interrupted: {}", ended.said());
    let (applied, not_applied) = (kinds(&outcome, "applied"), kinds(&outcome, "notApplied"));
    for (kind, path) in objects(shop.namespace()) {
        // The namespace is made ahead of its apply where the records need it, by another manager.
        let object = stage.find(&path).await?.unwrap_or_default();
        let mut owners = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        let is_applied = owners.any(|entry| entry["manager"] == "cleat");
        ensure!(
            applied.contains(kind) == is_applied && not_applied.contains(kind) != is_applied,
            "{kind} is {}applied, but this was told: {}",
            if is_applied { "" } else { "not " },
            ended.said()
        );
    }
    Ok(outcome)
}

/// The same command, run again, completes.
async fn completes(stage: &Stage, shop: &Shop) -> anyhow::Result<()> {
    stage.proxy.on_request(None);
    program(stage).run(shop.apply(&stage.kubeconfig())).await?.expect(0)?;
    for (kind, path) in objects(shop.namespace()) {
        ensure!(stage.find(&path).await?.is_some(), "{kind} is not there in the end");
    }
    stage.proxy.clear();
    program(stage).run(shop.apply(&stage.kubeconfig())).await?.expect(0)?;
    let writes: Vec<_> = stage.proxy.seen().into_iter().filter(Seen::is_write).collect();
    ensure!(writes.is_empty(), "there was something left to do: {writes:#?}");
    Ok(())
}

/// Starts an apply that is sent a signal when a request comes by, before it passes or after.
fn interrupted_at(
    stage: &Stage,
    shop: &Shop,
    moment: Moment,
    is_it: impl Fn(&Seen) -> bool + Send + Sync + 'static,
) -> anyhow::Result<Child> {
    let child = Arc::new(Mutex::new(None));
    let done = AtomicBool::new(false);
    let pid = Arc::clone(&child);
    let hook: Hook = Arc::new(move |seen, at| {
        if at == moment && seen.from_cleat && is_it(seen) && !done.swap(true, Ordering::SeqCst) {
            // The child is started while this lock is held, so there is a pid.
            send("-INT", pid.lock().unwrap().unwrap());
        }
        Then::Go
    });
    let mut pid = child.lock().unwrap();
    stage.proxy.on_request(Some(hook));
    let child = program(stage).spawn(shop.apply(&stage.kubeconfig()))?;
    *pid = child.id();
    Ok(child)
}

fn is_apply_of(seen: &Seen, plural: &str) -> bool {
    seen.is_write() && seen.path.contains(&format!("/{plural}/")) && !seen.is_bookkeeping()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_wave() {
    for stage in Stage::each("an interrupted wave").await.unwrap() {
        let mut shop = Shop::new(&stage.folder().join("shop.git"), "interrupted-wave").unwrap();
        shop.commit("first").unwrap();
        let database = |seen: &Seen| is_apply_of(seen, "statefulsets");
        let child = interrupted_at(&stage, &shop, Moment::After, database).unwrap();
        let ended = finish(child).await.unwrap().expect(130).unwrap();
        let outcome = told_truly(&stage, &shop, &ended).await.unwrap();
        let expected = ["ConfigMap", "Namespace", "Secret", "StatefulSet"].map(str::to_owned);
        assert_eq!(kinds(&outcome, "applied"), BTreeSet::from(expected));
        assert_eq!(kinds(&outcome, "notApplied"), BTreeSet::from(["Deployment".to_owned()]));
        completes(&stage, &shop).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_what_was_applied_and_what_was_not() {
    let stage = Stage::sandbox().await.unwrap();
    let mut shop = Shop::new(&stage.folder().join("shop.git"), "shop").unwrap();
    // The gate of the second wave never opens.
    shop.web("1.0-stuck");
    shop.commit("first").unwrap();
    let mut command = shop.apply(&stage.kubeconfig());
    command.truncate(command.len() - 2);
    let mut child = program(&stage).spawn(command).unwrap();
    let pid = child.id().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let reading = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("applied  deployment.apps/web in shop") {
                // Other schedulers stop a job by this one.
                send("-TERM", pid);
            }
            told.push(line);
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the program did not stop");
    finish(child).await.unwrap().expect(130).unwrap();
    let end = told.iter().position(|line| line.ends_with("run it again to complete")).unwrap();
    assert_eq!(
        told[end..],
        [
            "shop/shop was interrupted; run it again to complete",
            "applied: 5",
            "  namespace/shop",
            "  configmap/settings in shop",
            "  secret/db in shop",
            "  statefulset.apps/db in shop",
            "  deployment.apps/web in shop",
            "not applied: 0",
        ],
        "{told:#?}"
    );
    shop.web("1.1");
    shop.commit("second").unwrap();
    completes(&stage, &shop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_time_ends_it_at_once() {
    let stage = Stage::sandbox().await.unwrap();
    let mut shop = Shop::new(&stage.folder().join("shop.git"), "shop").unwrap();
    shop.commit("first").unwrap();
    // The database's apply is held back until the test lets it go.
    let (held, holding) = mpsc::channel::<()>();
    let (release, released) = mpsc::channel::<()>();
    let doors = Mutex::new((held, released));
    let hook: Hook = Arc::new(move |seen, at| {
        if at == Moment::Before && seen.from_cleat && is_apply_of(seen, "statefulsets") {
            // What else this worker has to do goes to another meanwhile.
            tokio::task::block_in_place(|| {
                let doors = doors.lock().unwrap();
                let _ = doors.0.send(());
                let _ = doors.1.recv_timeout(DEADLINE);
            });
        }
        Then::Go
    });
    stage.proxy.on_request(Some(hook));
    let mut child = program(&stage).spawn(shop.apply(&stage.kubeconfig())).unwrap();
    let pid = child.id().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let waiting = tokio::task::spawn_blocking(move || holding.recv_timeout(DEADLINE));
    waiting.await.unwrap().expect("the database is applied");

    send("-INT", pid);
    let stopping = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let note: Value = serde_json::from_str(&line).unwrap();
            if note["kind"] == "stopping" {
                return Some(note);
            }
        }
        None
    };
    let stopping = tokio::time::timeout(DEADLINE, stopping).await.unwrap();
    let stopping = stopping.expect("the first Ctrl-C says that it is heard");
    assert!(
        stopping["message"].as_str().unwrap().contains("once more does not wait"),
        "{stopping}"
    );
    assert!(child.try_wait().unwrap().is_none(), "it waits for what is under way");
    send("-INT", pid);
    let ended = finish(child).await.unwrap().expect(130).unwrap();
    assert_eq!(lines.next_line().await.unwrap(), None, "it ends where it stands");
    assert_eq!(ended.stderr, "");
    release.send(()).unwrap();
    completes(&stage, &shop).await.unwrap();
}

/// Interrupts the n-th request of a first apply. `false` if the run had come to its end by then.
async fn at_request(number: usize, moment: Moment) -> anyhow::Result<bool> {
    let stage = Stage::sandbox().await?;
    let mut shop = Shop::new(&stage.folder().join("shop.git"), "shop")?;
    shop.commit("first")?;
    let child = interrupted_at(&stage, &shop, moment, move |seen| seen.number == number)?;
    let ended = finish(child).await?;
    let stopped = ended.code == Some(130);
    if stopped {
        told_truly(&stage, &shop, &ended).await?;
    } else {
        ensure!(ended.code == Some(0), "neither interrupted nor complete: {}", ended.said());
    }
    let seen = stage.proxy.seen();
    let first_write = seen.iter().find(|seen| seen.is_write()).map(|seen| seen.number);
    // Interrupted while it still reads, it does not begin to write. The signal races with the answer
    // it came beside, so what that answer leads to may still go out.
    ensure!(
        !stopped || first_write.is_none_or(|first| first <= number + 1),
        "interrupted at request {number}, it began to write at {first_write:?}: {}",
        ended.said()
    );
    completes(&stage, &shop).await?;
    Ok(stopped)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_request() {
    let stage = Stage::sandbox().await.unwrap();
    let mut shop = Shop::new(&stage.folder().join("shop.git"), "shop").unwrap();
    shop.commit("first").unwrap();
    program(&stage).run(shop.apply(&stage.kubeconfig())).await.unwrap().expect(0).unwrap();
    let calls = stage.proxy.seen().iter().filter(|seen| seen.from_cleat).count();
    drop(stage);

    let points = (1..=calls).flat_map(|number| [(number, Moment::Before), (number, Moment::After)]);
    let results: Vec<_> = futures::stream::iter(points)
        .map(|(number, moment)| async move { (number, moment, at_request(number, moment).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let stopped = results.iter().filter(|(_, _, result)| matches!(result, Ok(true))).count();
    let wrong: Vec<String> = results
        .iter()
        .filter_map(|(number, moment, result)| {
            let error = result.as_ref().err()?;
            Some(format!("call {number}, {moment:?}: {error:?}"))
        })
        .collect();
    tests::say(&format!(
        "interrupted {stopped} of {} times (before and after each of {calls} calls), {} wrong ends",
        results.len(),
        wrong.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Only the last calls of a run come too late to be interrupted.
    assert!(stopped > results.len() / 2, "too few of the runs were interrupted: {stopped}");
}
