//! What a fresh process asks of a server to compare a thousand objects, from the proxy's log: lists and
//! discovery while nothing changed; one look at the index of schemas when something did, and their
//! documents once.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking and prints its figures")]

use std::path::Path;

use anyhow::{Context as _, ensure};
use http::Method;
use serde_json::json;
use tests::many;
use tests::program::Program;
use tests::proxy::Seen;
use tests::shop::Shop;
use tests::stage::Stage;

const OBJECTS: usize = 1000;

const NAMESPACE: &str = "unchanged";

/// What a comparison asked.
#[derive(Debug, Default)]
struct Asked {
    /// Lists, watches and discovery.
    reads: usize,
    /// The index of schemas.
    indexes: usize,
    /// Documents of schemas.
    documents: usize,
    /// All else, which there must not be.
    others: Vec<Seen>,
}

impl Asked {
    fn of(seen: &[Seen]) -> Self {
        let mut asked = Self::default();
        for request in seen.iter().filter(|request| request.from_cleat) {
            match request.path.as_str() {
                _ if request.method != Method::GET => asked.others.push(request.clone()),
                "/openapi/v3" => asked.indexes += 1,
                path if path.starts_with("/openapi/") => asked.documents += 1,
                _ if request.is_get_of_one() => asked.others.push(request.clone()),
                _ => asked.reads += 1,
            }
        }
        asked
    }
}

struct Case<'a> {
    stage: &'a Stage,
    program: Program,
    shop: Shop,
}

impl Case<'_> {
    /// Runs a verb in a process of its own, which must end with a code.
    async fn run(&self, verb: &str, code: i32) -> anyhow::Result<Asked> {
        self.stage.proxy.clear();
        let kubeconfig = self.stage.kubeconfig().display().to_string();
        let repository = self.shop.path();
        let flags = [
            verb,
            "--repo",
            &repository,
            "--revision",
            "main",
            "--app",
            "shop",
            "--namespace",
            NAMESPACE,
            "--kubeconfig",
            &kubeconfig,
        ];
        let ended = self.program.run(flags).await?.expect(code)?;
        ensure!(code != 0 || verb != "diff" || ended.stdout.is_empty(), "{}", ended.said());
        let asked = Asked::of(&self.stage.proxy.seen());
        tests::say(&format!("{}: {verb}, exit {code}: {asked:?}", self.stage.server));
        ensure!(asked.others.is_empty(), "{verb} asked more than lists: {:#?}", asked.others);
        Ok(asked)
    }

    fn schemas(&self) -> std::path::PathBuf {
        self.stage.folder().join(".cache/cleat/schemas")
    }
}

fn files(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    Ok(entries.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?)
}

async fn compared(stage: &Stage) -> anyhow::Result<()> {
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
    let mut shop = Shop::new(&stage.folder().join("unchanged.git"), NAMESPACE)?;
    shop.write("many.yaml", &many::manifests(NAMESPACE, OBJECTS));
    shop.commit("a thousand")?;
    let mut apply = shop.apply(&stage.kubeconfig());
    apply.extend(["--preflight".to_owned(), "local".to_owned()]);
    program.run(&apply).await?.expect(0)?;
    let case = Case { stage, program, shop };

    for verb in ["diff", "plan"] {
        let asked = case.run(verb, 0).await?;
        ensure!(asked.indexes == 0 && asked.documents == 0, "schemas of nothing: {asked:?}");
    }
    let _ = std::fs::remove_dir_all(case.schemas());
    for verb in ["diff", "plan"] {
        let asked = case.run(verb, 0).await?;
        ensure!(asked.indexes == 0 && asked.documents == 0, "without a cache: {asked:?}");
        ensure!(asked.reads < 30, "more than a list a kind: {asked:?}");
    }

    // Somebody changes one of them.
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/o0");
    stage.patch(&path, "somebody", &json!({"data": {"key": "another"}})).await?;
    let first = case.run("diff", 1).await?;
    ensure!(first.indexes == 1 && first.documents > 0, "{first:?}");
    for verb in ["diff", "plan"] {
        let asked = case.run(verb, 1).await?;
        ensure!(asked.indexes == 1 && asked.documents == 0, "read again: {asked:?}");
    }
    // What has become of the cache is never an error.
    let kept = files(&case.schemas())?;
    ensure!(kept.len() == first.documents, "{kept:?}");
    for (number, file) in kept.iter().enumerate() {
        let content = std::fs::read(file)?;
        let (half, _) = content.split_at(content.len() / 2);
        let spoilt: &[u8] = if number % 2 == 0 { b"no schemas" } else { half };
        std::fs::write(file, spoilt)?;
    }
    let asked = case.run("diff", 1).await?;
    ensure!(asked.documents == first.documents, "damaged ones are read again: {asked:?}");
    let asked = case.run("diff", 1).await?;
    ensure!(asked.documents == 0, "and kept again: {asked:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_unchanged_objects_are_compared_by_lists_alone() {
    for stage in Stage::each("a thousand unchanged objects").await.unwrap() {
        if let Err(error) = compared(&stage).await {
            panic!("{}: {error:?}", stage.server);
        }
    }
}
