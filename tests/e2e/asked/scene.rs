//! A server with a namespace and the real cleat, and what a verb asked there.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tests::program::{Ended, Program};
use tests::proxy::Seen;
use tests::stage::Stage;

/// A server, and a namespace on it.
pub struct Scene {
    pub stage: Stage,
    pub namespace: &'static str,
    program: Program,
}

/// What a verb said and asked.
pub struct Told {
    pub ended: Ended,
    pub seen: Vec<Seen>,
}

impl Told {
    pub fn dry_runs(&self) -> usize {
        self.seen.iter().filter(|request| request.is_dry_run()).count()
    }
}

impl Scene {
    pub async fn each(test: &str, namespace: &'static str) -> anyhow::Result<Vec<Self>> {
        let mut scenes = Vec::new();
        for stage in Stage::each(test).await? {
            let named = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            stage.create("/api/v1/namespaces", &named).await?;
            let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
            scenes.push(Self { stage, namespace, program });
        }
        Ok(scenes)
    }

    /// Has somebody else define `Widget`, and waits until it is served.
    pub async fn define(&self, group: &str) -> anyhow::Result<()> {
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        self.stage.create(definitions, &definition(group)).await?;
        let served = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            let list = format!("/apis/{group}/v1/namespaces/{}/widgets", self.namespace);
            while self.stage.find(&list).await?.is_none() {
                look.tick().await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(30), served).await.context("not served")?
    }

    /// Runs a verb on objects, which must end with a code.
    pub async fn cleat(&self, line: &str, objects: &[Value], code: i32) -> anyhow::Result<Told> {
        let file = self.stage.folder().join("shop.yaml");
        let stream: Vec<String> = objects.iter().map(|it| format!("---\n{it}\n")).collect();
        std::fs::write(&file, stream.concat())?;
        let kubeconfig = self.stage.kubeconfig().display().to_string();
        let mut args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let file = file.display().to_string();
        let more =
            ["-f", &file, "--app", "shop", "-n", self.namespace, "--kubeconfig", &kubeconfig];
        args.extend(more.map(str::to_owned));
        self.stage.proxy.clear();
        let ended = self.program.run(&args).await?;
        let server = self.stage.server;
        let ended = ended.expect(code).with_context(|| format!("{server}: {line}"))?;
        let seen = self.stage.proxy.seen().into_iter().filter(|request| request.from_cleat);
        Ok(Told { ended, seen: seen.collect() })
    }

    /// Applies objects, which must succeed.
    pub async fn apply(&self, objects: &[Value]) -> anyhow::Result<Told> {
        self.cleat("apply --timeout 30s --bake 0s -o json", objects, 0).await
    }

    /// Runs `diff` and `plan`, which must end with one code and ask for as many dry runs; what `diff`
    /// printed as JSON about the object of this name.
    pub async fn compare(
        &self,
        flags: &str,
        objects: &[Value],
        code: i32,
        dry_runs: usize,
        name: &str,
    ) -> anyhow::Result<Value> {
        let mut found = Value::Null;
        for verb in ["diff", "plan"] {
            let told = self.cleat(&format!("{verb} -o json {flags}"), objects, code).await?;
            let asked = told.dry_runs();
            let server = self.stage.server;
            tests::say(&format!("{server}: {verb} {flags}: exit {code}, {asked} dry runs"));
            ensure!(asked == dry_runs, "{server}: {verb}: {asked} dry runs, not {dry_runs}");
            let report: Value = serde_json::from_str(&told.ended.stdout)?;
            if let Some(objects) = report.get("objects").and_then(Value::as_array) {
                let of_name = objects.iter().find(|it| it["id"]["name"] == *name);
                found = of_name.with_context(|| format!("no {name} in {report}"))?.clone();
            }
        }
        Ok(found)
    }
}

/// The paths of the fields that a comparison says differ.
pub fn paths(found: &Value) -> Vec<&str> {
    let changes = found["changes"].as_array().into_iter().flatten();
    changes.filter_map(|change| change["path"].as_str()).collect()
}

/// A definition of `Widget` in a group of its own, of versions that differ in name alone; `size` has a
/// default.
pub fn definition(group: &str) -> Value {
    let version = |name: &str| {
        json!({"name": name, "served": true, "storage": name == "v1", "schema": {"openAPIV3Schema":
            {"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "size": {"type": "integer", "default": 3},
                "colour": {"type": "string"}, "shape": {"type": "string"}}}}}}})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget",
                "listKind": "WidgetList"},
            "versions": [version("v1"), version("v2")]}})
}

/// A widget called `a`.
pub fn widget(api_version: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": "Widget", "metadata": {"name": "a"}, "spec": spec})
}
