//! `cleat sandbox` as its users run it: an API of its own with a kubeconfig that only they can read,
//! and the workload controllers alone, which bring any server to life. Ctrl-C ends both cleanly.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::TryStreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tests::control_plane::ControlPlane;
use tests::program::{Ended, Program, finish};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a test waits for something that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running `cleat sandbox` that has said it is ready.
struct Running {
    child: Child,
    /// The line it said it with.
    ready: String,
    _more: Lines<BufReader<ChildStdout>>,
}

impl Running {
    async fn start(home: &Path, args: &[&str]) -> anyhow::Result<Self> {
        let program = Program::new(env!("CARGO_BIN_EXE_cleat"), home);
        let mut child = program.spawn([&["sandbox"], args].concat())?;
        let stdout = child.stdout.take().context("the child's output is read")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(DEADLINE, lines.next_line()).await;
        let Some(ready) = first.context("it does not get ready")?? else {
            anyhow::bail!("it ended at once: {}", finish(child).await?.said());
        };
        Ok(Self { child, ready, _more: lines })
    }

    /// A sandbox of its own and the kubeconfig it wrote.
    async fn with_kubeconfig(home: &Path, more: &[&str]) -> anyhow::Result<(Self, PathBuf)> {
        let kubeconfig = home.join("kubeconfig");
        let text = kubeconfig.to_str().context("a folder with an odd name")?;
        let running = Self::start(home, &[&["--kubeconfig", text], more].concat()).await?;
        Ok((running, kubeconfig))
    }

    /// Ends it as Ctrl-C does.
    async fn interrupt(self) -> anyhow::Result<Ended> {
        let pid = self.child.id().context("it ended before it was interrupted")?;
        let sent = Command::new("/bin/kill").args(["-INT", &pid.to_string()]).status().await?;
        ensure!(sent.success(), "no signal was sent");
        finish(self.child).await
    }
}

async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

async fn make_namespace(client: &Client, name: &str) -> anyhow::Result<()> {
    let namespaces = Api::<Namespace>::all(client.clone());
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    namespaces.patch(name, &PatchParams::apply("test"), &Patch::Apply(&body)).await?;
    Ok(())
}

/// Applies a Deployment of two pods and waits, by watching, until both are available.
async fn deploys(client: &Client, namespace: &str) -> anyhow::Result<()> {
    make_namespace(client, namespace).await?;
    let api = Api::<Deployment>::namespaced(client.clone(), namespace);
    let labels = json!({"app": "web"});
    let body = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "registry.example/web:1.0"}]}}},
    });
    api.patch("web", &PatchParams::apply("test"), &Patch::Apply(&body)).await?;
    let config = watcher::Config::default().fields("metadata.name=web");
    let seen = watcher::watcher(api, config).applied_objects();
    let mut seen = std::pin::pin!(seen);
    let available = async {
        while let Some(deployment) = seen.try_next().await? {
            let status = deployment.status.unwrap_or_default();
            if status.available_replicas == Some(2)
                && status.observed_generation == deployment.metadata.generation
            {
                return Ok(());
            }
        }
        anyhow::bail!("the watch ended")
    };
    tokio::time::timeout(DEADLINE, available).await.context("the Deployment is not available")?
}

async fn requests(client: &Client, query: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!("/debug/requests{query}");
    let answer: Value = client.request(http::Request::get(path).body(Vec::new())?).await?;
    Ok(answer["requests"].as_array().context("no log")?.clone())
}

#[tokio::test]
async fn its_kubeconfig_works_and_is_its_owners_alone() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    // A file that was there before, and was open to everybody, is not left open.
    let path = home.path().join("kubeconfig");
    std::fs::write(&path, "something else, and longer than a kubeconfig".repeat(99))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    let (running, kubeconfig) = Running::with_kubeconfig(home.path(), &[]).await?;
    let mode = std::fs::metadata(&kubeconfig)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(running.ready.starts_with("sandbox ready on http://127.0.0.1:"), "{}", running.ready);
    assert!(running.ready.ends_with(path.to_str().unwrap()), "{}", running.ready);
    deploys(&client(&kubeconfig).await?, "shop").await?;
    running.interrupt().await?.expect(0)?;
    Ok(())
}

#[tokio::test]
async fn its_log_tells_what_was_asked() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let (running, kubeconfig) = Running::with_kubeconfig(home.path(), &["--no-workloads"]).await?;
    let client = client(&kubeconfig).await?;
    make_namespace(&client, "shop").await?;
    let before = requests(&client, "").await?;
    let last = before.last().context("nothing is in the log")?;
    assert_eq!(last["verb"], "apply", "{last}");
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "shop");
    let dry = PatchParams { dry_run: true, ..PatchParams::apply("test") };
    maps.patch("settings", &dry, &Patch::Apply(&settings)).await?;
    assert!(maps.get_opt("settings").await?.is_none(), "a dry run stored something");

    let after = requests(&client, &format!("?after={}", last["seq"])).await?;
    // Asking for the log is not in it.
    let [dry, read] = &after[..] else { anyhow::bail!("two requests were made: {after:#?}") };
    let place = ["resource", "namespace", "name"];
    for (entry, expected) in [
        (dry, json!({"verb": "apply", "dry_run": true, "field_manager": "test", "code": 201})),
        (read, json!({"verb": "get", "dry_run": false, "field_manager": null, "code": 404})),
    ] {
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(entry[field], *value, "{field} of {entry:#}");
        }
        assert_eq!(place.map(|field| &entry[field]), ["configmaps", "shop", "settings"]);
    }
    running.interrupt().await?.expect(0)?;
    Ok(())
}

/// Starts the controllers against a server, lets them bring a Deployment up, and ends them.
async fn workloads_alone(kubeconfig: &Path, namespace: &str) -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let text = kubeconfig.to_str().context("a folder with an odd name")?;
    let running = Running::start(home.path(), &["--workloads-only", "--kubeconfig", text]).await?;
    assert!(running.ready.starts_with("workload controllers ready on http"), "{}", running.ready);
    deploys(&client(kubeconfig).await?, namespace).await?;
    running.interrupt().await?.expect(0)?;
    Ok(())
}

#[tokio::test]
async fn workloads_alone_serve_another_process() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let (server, kubeconfig) = Running::with_kubeconfig(home.path(), &["--no-workloads"]).await?;
    workloads_alone(&kubeconfig, "alone").await?;
    server.interrupt().await?.expect(0)?;
    Ok(())
}

#[tokio::test]
async fn workloads_alone_serve_a_real_server() -> anyhow::Result<()> {
    let Some(assets) = ControlPlane::assets("workloads alone on a real server") else {
        return Ok(());
    };
    let control_plane = ControlPlane::start(&assets).await?;
    workloads_alone(&control_plane.kubeconfig_file(), "alone").await
}

#[tokio::test]
async fn workloads_alone_need_a_server_to_serve() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), home.path());
    for (args, said) in [
        (vec!["--workloads-only"], "--kubeconfig"),
        (vec!["--workloads-only", "--kubeconfig", "/nowhere/kubeconfig"], "/nowhere/kubeconfig"),
    ] {
        let ended = program.run([&["sandbox"], args.as_slice()].concat()).await?.expect(2)?;
        assert!(ended.stderr.contains(said), "{}", ended.said());
    }
    Ok(())
}
