//! A thousand objects of many kinds, from the server's own request log: one write an object and a
//! little bookkeeping the first time, nothing but lists the second.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking and prints its figures")]

use std::collections::BTreeMap;

use anyhow::ensure;
use sandbox::{Cluster, Verb};
use tests::many;
use tests::program::Program;
use tests::shop::Shop;
use tests::stage::Stage;

const OBJECTS: usize = 1000;

const NAMESPACE: &str = "a-thousand";

/// Whatever is kept of an application may not cost more writes than this, however many objects it has.
const BOOKKEEPING: usize = 12;

/// Requests by what they cost.
type Tally = BTreeMap<&'static str, usize>;

fn count(tally: &Tally, what: &str) -> usize {
    tally.get(what).copied().unwrap_or(0)
}

/// What the proxy saw of cleat since it was cleared.
fn seen_by_the_proxy(stage: &Stage) -> Tally {
    let mut tally = Tally::new();
    for request in stage.proxy.seen().iter().filter(|request| request.from_cleat) {
        let what = match request {
            dry if dry.is_dry_run() => "dry run",
            write if write.is_write() && write.is_bookkeeping() => "bookkeeping write",
            write if write.is_write() => "object write",
            get if get.is_get_of_one() => "get of one",
            _ => "list, watch, discovery",
        };
        *tally.entry(what).or_insert(0) += 1;
    }
    tally
}

/// What the sandbox's own log has of cleat after a request's number.
fn seen_by_the_server(cluster: &Cluster, after: u64) -> Tally {
    let mut tally = Tally::new();
    let requests = cluster.requests_after(after);
    for request in requests.iter().filter(|request| request.user_agent.starts_with("cleat/")) {
        let record = request.field_manager.as_deref() == Some("cleat-records")
            || request.name.as_deref().is_some_and(|name| name.starts_with("cleat."));
        let what = match request.verb {
            verb if verb.is_write() && request.dry_run => "dry run",
            verb if verb.is_write() && record => "bookkeeping write",
            verb if verb.is_write() => "object write",
            Verb::Get => "get of one",
            _ => "list, watch, discovery",
        };
        *tally.entry(what).or_insert(0) += 1;
    }
    tally
}

/// Runs a command to its end and says what it cost; the sandbox's own log must agree.
async fn cost(stage: &Stage, program: &Program, command: &[String]) -> anyhow::Result<Tally> {
    stage.proxy.clear();
    let last = |cluster: &Cluster| cluster.requests().last().map_or(0, |request| request.seq);
    let before = stage.cluster.as_ref().map(last);
    program.run(command).await?.expect(0)?;
    let tally = seen_by_the_proxy(stage);
    if let (Some(cluster), Some(before)) = (&stage.cluster, before) {
        let own = seen_by_the_server(cluster, before);
        ensure!(own == tally, "the server's own log has {own:?}, the proxy's {tally:?}");
    }
    Ok(tally)
}

async fn thousand(stage: &Stage) -> anyhow::Result<()> {
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
    let mut shop = Shop::new(&stage.folder().join("many.git"), NAMESPACE)?;
    let text = many::manifests(NAMESPACE, OBJECTS);
    shop.write("many.yaml", &text);
    shop.commit("a thousand")?;
    let total = OBJECTS + 5;
    let apply = |preflight: &str| {
        let mut command = shop.apply(&stage.kubeconfig());
        command.extend(["--preflight".to_owned(), preflight.to_owned()]);
        command
    };

    let first = cost(stage, &program, &apply("local")).await?;
    tests::say(&format!("{}: {total} objects, first apply: {first:?}", stage.server));
    ensure!(count(&first, "object write") <= total, "more than one write an object: {first:?}");
    ensure!(count(&first, "bookkeeping write") <= BOOKKEEPING, "bookkeeping: {first:?}");

    for preflight in ["local", "server"] {
        let again = cost(stage, &program, &apply(preflight)).await?;
        tests::say(&format!("{}: run again, {preflight} preflight: {again:?}", stage.server));
        for what in ["object write", "bookkeeping write", "dry run", "get of one"] {
            ensure!(count(&again, what) == 0, "an unchanged application cost a {what}: {again:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_objects_cost_one_write_each_and_then_nothing() {
    for stage in Stage::each("a thousand objects").await.unwrap() {
        if let Err(error) = thousand(&stage).await {
            panic!("{}: {error:?}", stage.server);
        }
    }
}
