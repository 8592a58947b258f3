//! Applications of very many objects: each is asked about and written once, and records that no longer
//! fit one Secret are read back from several.

#![allow(missing_docs, reason = "an integration test has no public items")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use engine::sync::Outcome;
use merge::Digest;
use serde_json::{Value, json};
use syncer::apply::Request;
use tests::stage::{Stage, request};

/// Text that compresses to no less than half of its length, always the same for the same seed.
fn noise(seed: &str, length: usize) -> String {
    let mut text = String::with_capacity(length + 64);
    for block in 0.. {
        if text.len() >= length {
            break;
        }
        text.push_str(&Digest::of_bytes(format!("{seed} {block}").as_bytes()).to_string());
    }
    text.truncate(length);
    text
}

/// So many objects take longer than the few of other tests.
fn patient(namespace: &str, yaml: &str) -> Request {
    let mut wanted = request(namespace, yaml);
    wanted.policy.timeout = Duration::from_secs(100);
    wanted
}

/// What a run wrote and asked by dry run, by object, records left out.
fn asked(stage: &Stage) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let (mut writes, mut dry_runs) = (BTreeMap::new(), BTreeMap::new());
    for seen in stage.proxy.seen().into_iter().filter(|seen| !seen.is_bookkeeping()) {
        if seen.is_dry_run() {
            *dry_runs.entry(seen.path).or_default() += 1;
        } else if seen.is_write() {
            *writes.entry(seen.path).or_default() += 1;
        }
    }
    (writes, dry_runs)
}

#[tokio::test]
async fn a_thousand_new_objects_are_each_asked_about_once_and_written_once() -> anyhow::Result<()> {
    const OBJECTS: usize = 1000;
    for stage in Stage::each("a thousand new objects").await? {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "preflight"}});
        stage.create("/api/v1/namespaces", &namespace).await?;
        let mut yaml = String::new();
        for number in 0..OBJECTS {
            writeln!(
                yaml,
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: o{number}}}\n\
                 data: {{number: '{number}'}}"
            )?;
        }
        let run = stage.apply(&patient("preflight", &yaml)).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        for (what, requests) in [("write", asked(&stage).0), ("dry run", asked(&stage).1)] {
            assert_eq!(requests.len(), OBJECTS, "{}: objects with a {what}", stage.server);
            let twice: Vec<_> = requests.iter().filter(|(_, count)| **count != 1).collect();
            assert!(twice.is_empty(), "{}: more than one {what}: {twice:?}", stage.server);
        }
    }
    Ok(())
}

/// ConfigMaps with long random names and a Deployment behind them. The first `changed` ConfigMaps have
/// another content than before.
fn sharded(namespace: &str, changed: usize, tag: &str) -> Request {
    const OBJECTS: usize = 2600;
    let mut yaml = format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, annotations: {{cleat.dev/wave: '1'}}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'registry.example/web:{tag}'}}]}}
"
    );
    for number in 0..OBJECTS {
        let name = settings(number);
        let version = if number < changed { 2 } else { 1 };
        let data = noise(&format!("data {number}"), 160);
        let _ = write!(
            yaml,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n\
             data: {{noise: '{data}', version: '{version}'}}\n"
        );
    }
    patient(namespace, &yaml)
}

/// The name of a ConfigMap, almost as long as a name may be.
fn settings(number: usize) -> String {
    format!("s{}", noise(&format!("name {number}"), 240))
}

/// How many Secrets of each sort hold the records of the application.
async fn shards(stage: &Stage, namespace: &str) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let secrets = stage.get(&format!("/api/v1/namespaces/{namespace}/secrets")).await?;
    let secrets = secrets.get("items").and_then(Value::as_array).context("no list")?;
    let mut count = BTreeMap::new();
    for name in secrets.iter().filter_map(merge::object::name) {
        for sort in ["inventory", "bundle"] {
            if name.starts_with(&format!("cleat.shop.{sort}-")) {
                *count.entry(sort).or_default() += 1;
            }
        }
    }
    Ok(count)
}

#[tokio::test]
async fn records_of_several_secrets_carry_a_sync_and_its_rollback() -> anyhow::Result<()> {
    const NAMESPACE: &str = "sharded";
    for stage in Stage::each("records of several Secrets").await? {
        let first = sharded(NAMESPACE, 0, "1");
        let run = stage.apply(&first).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let kept = shards(&stage, NAMESPACE).await?;
        assert!(kept.len() == 2 && kept.values().all(|count| *count > 1), "too small: {kept:?}");

        stage.proxy.clear();
        let again = stage.apply(&first).await;
        assert_eq!(again.report().outcome, Outcome::NoChange, "{}", stage.server);
        assert!(stage.proxy.seen().iter().all(|seen| !seen.is_write()), "{}", stage.server);

        let broken = sharded(NAMESPACE, 25, "2-missing");
        let run = stage.apply(&broken).await;
        let Outcome::RolledBack { to, .. } = &run.report().outcome else {
            panic!("{}: {:#?}", stage.server, run.report());
        };
        assert_eq!(to.digest, first.digest, "{}", stage.server);
        let (writes, _) = asked(&stage);
        assert_eq!(writes.len(), 26, "{}: {writes:#?}", stage.server);
        for number in [0, 24] {
            let name = settings(number);
            let map =
                stage.get(&format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{name}")).await?;
            assert_eq!(map.pointer("/data/version"), Some(&json!("1")), "{}", stage.server);
        }
        let web =
            stage.get(&format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web")).await?;
        let image = web.pointer("/spec/template/spec/containers/0/image");
        assert_eq!(image, Some(&json!("registry.example/web:1")), "{}", stage.server);
        let again = stage.apply(&first).await;
        assert_eq!(again.report().outcome, Outcome::NoChange, "{}", stage.server);
    }
    Ok(())
}
