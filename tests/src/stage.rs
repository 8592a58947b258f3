//! A server to run syncs against: the sandbox, or a real kube-apiserver, each with workload
//! controllers, and in front of it a proxy whose log tells what cleat asked.
//!
//! ```text
//! cleat ── proxy (log, hooks) ── server ── workload controllers
//! ```
//!
//! Tests share the real server, so each works in a namespace of its own. Both servers have a
//! StorageClass [`ON_DEMAND`].

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking, which is what their callers want"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use engine::application::ApplicationName;
use engine::plan::{Approvals, Plan};
use engine::policy::Policy;
use engine::redact::{Redaction, Salt};
use engine::sync::Note;
use manifests::{FileSource, RenderOptions};
use merge::schema::Schemas;
use sandbox::workloads::{self, Settings};
use sandbox::{Cluster, Options};
use serde_json::{Value, json};
use syncer::apply::{self, ApplyError, Report, Request, Sink};
use syncer::clock::Clock;
use syncer::{Client, Connection};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::control_plane::ControlPlane;
use crate::proxy::Proxy;

/// A server behind a proxy.
pub struct Stage {
    /// Which server it is, for messages.
    pub server: &'static str,
    /// The proxy in front of it.
    pub proxy: Proxy,
    /// The server itself, for what a test does besides cleat.
    pub direct: kube::Client,
    /// The sandbox, with its own log of requests; `None` for a real server.
    pub cluster: Option<Cluster>,
    folder: tempfile::TempDir,
    _workloads: Option<DropGuard>,
}

/// A class whose claims wait for their first consumer. It is there before the controllers are, which
/// thus know it when they see a claim of it.
pub const ON_DEMAND: &str = "on-demand";

/// The real server and its workload controllers live as long as the test binary.
static REAL: OnceLock<Result<String, String>> = OnceLock::new();

impl Stage {
    /// The sandbox, and a real server where `KUBEBUILDER_ASSETS` names one.
    pub async fn each(test: &str) -> anyhow::Result<Vec<Self>> {
        let mut stages = vec![Self::sandbox().await?];
        stages.extend(Self::real(test).await?);
        Ok(stages)
    }

    /// The sandbox, in this process.
    pub async fn sandbox() -> anyhow::Result<Self> {
        let cluster = Cluster::new(&Options::default());
        let direct = kube::Client::new(cluster.service(), "default");
        let stop = CancellationToken::new();
        create_class(&direct).await?;
        let running = workloads::run(direct.clone(), Settings::for_sandbox(), stop.clone());
        tokio::spawn(running);
        let mut stage = Self::before("the sandbox", direct, Some(stop.drop_guard())).await?;
        stage.cluster = Some(cluster);
        Ok(stage)
    }

    /// The real server that this test binary shares, where `KUBEBUILDER_ASSETS` names one; if not, a
    /// line says that `test` is skipped there.
    pub async fn real(test: &str) -> anyhow::Result<Option<Self>> {
        let Some(assets) = ControlPlane::assets(test) else { return Ok(None) };
        let started =
            tokio::task::spawn_blocking(|| REAL.get_or_init(|| start_real(assets))).await?;
        let kubeconfig = started.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
        let direct = client_of(kubeconfig).await?;
        Self::before("kube-apiserver", direct, None).await.map(Some)
    }

    async fn before(
        server: &'static str,
        direct: kube::Client,
        workloads: Option<DropGuard>,
    ) -> anyhow::Result<Self> {
        let proxy = Proxy::start(direct.clone()).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("kubeconfig"), proxy.kubeconfig())?;
        Ok(Self { server, proxy, direct, cluster: None, folder, _workloads: workloads })
    }

    /// A kubeconfig that leads through the proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A folder that goes with the stage.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of cleat's, through the proxy.
    pub async fn client(&self) -> anyhow::Result<Client> {
        let connection =
            Connection { kubeconfig: Some(self.kubeconfig()), ..Connection::default() };
        Ok(Client::connect(&connection).await?)
    }

    /// Applies manifests as the application `shop` of a namespace.
    pub async fn apply(&self, request: &Request) -> Run {
        self.apply_until(request, |_| false).await
    }

    /// Applies, and interrupts at the first note that a test says.
    pub async fn apply_until(&self, request: &Request, stop: fn(&Note) -> bool) -> Run {
        let client = self.client().await.expect("the proxy's kubeconfig is good");
        let interrupt = CancellationToken::new();
        let mut told = Told { notes: Vec::new(), plans: 0, stop, interrupt: interrupt.clone() };
        let clock = Clock::system();
        let running = apply::run(request, &client, &clock, &mut told, &interrupt);
        let result = tokio::time::timeout(Duration::from_secs(120), running).await;
        let result =
            result.unwrap_or_else(|_| panic!("{}: no end: {:#?}", self.server, told.notes));
        Run { server: self.server, result, notes: told.notes }
    }

    /// What the server has under a path.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = http::Request::get(path).body(Vec::new())?;
        Ok(self.direct.request(request).await?)
    }

    /// What the server has under a path; `None` if it has nothing there.
    pub async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        match self.direct.request(http::Request::get(path).body(Vec::new())?).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes an object by a merge patch, as somebody else.
    pub async fn patch(&self, path: &str, manager: &str, patch: &Value) -> anyhow::Result<Value> {
        self.write(Write::Merge, path, manager, patch).await
    }

    /// Writes an object, as somebody else.
    pub async fn write(
        &self,
        how: Write,
        path: &str,
        manager: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let (path, manager) = (path.to_owned(), manager.to_owned());
        Box::pin(write(self.direct.clone(), how, path, manager, body.clone())).await
    }

    /// Creates an object, as somebody else.
    pub async fn create(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        create(&self.direct, path, object).await
    }
}

/// A write as somebody else does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// A creation, in a collection.
    Create,
    /// A merge patch.
    Merge,
    /// A strategic merge patch.
    Strategic,
    /// A JSON patch.
    Instructions,
    /// A forced server-side apply.
    Apply,
}

/// Writes an object with a client of one's own, which a hook of the proxy needs.
pub async fn write(
    client: kube::Client,
    how: Write,
    path: String,
    manager: String,
    body: Value,
) -> anyhow::Result<Value> {
    let (method, media, more) = match how {
        Write::Create => (http::Method::POST, "application/json", ""),
        Write::Merge => (http::Method::PATCH, "application/merge-patch+json", ""),
        Write::Strategic => (http::Method::PATCH, "application/strategic-merge-patch+json", ""),
        Write::Instructions => (http::Method::PATCH, "application/json-patch+json", ""),
        Write::Apply => (http::Method::PATCH, "application/apply-patch+yaml", "&force=true"),
    };
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{path}?fieldManager={manager}{more}"))
        .header(http::header::CONTENT_TYPE, media)
        .body(body.to_string().into_bytes())?;
    Ok(client.request(request).await?)
}

async fn create(client: &kube::Client, path: &str, object: &Value) -> anyhow::Result<Value> {
    let (path, manager) = (path.to_owned(), "somebody".to_owned());
    Box::pin(write(client.clone(), Write::Create, path, manager, object.clone())).await
}

async fn create_class(client: &kube::Client) -> anyhow::Result<()> {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": ON_DEMAND}, "provisioner": "tests.cleat.dev/on-demand",
        "volumeBindingMode": "WaitForFirstConsumer"});
    create(client, "/apis/storage.k8s.io/v1/storageclasses", &class).await?;
    Ok(())
}

/// How one apply went.
pub struct Run {
    server: &'static str,
    /// Its report, or why nothing was applied.
    pub result: Result<Report, ApplyError>,
    /// What was told.
    pub notes: Vec<Note>,
}

impl Run {
    /// The report; everything that was told when there is none.
    pub fn report(&self) -> &Report {
        match &self.result {
            Ok(report) => report,
            Err(error) => {
                panic!("{}: {error}: {:#?} after {:#?}", self.server, error.problems(), self.notes)
            }
        }
    }
}

struct Told {
    notes: Vec<Note>,
    plans: usize,
    stop: fn(&Note) -> bool,
    interrupt: CancellationToken,
}

impl Sink for Told {
    fn planned(&mut self, _: &Plan) {
        self.plans += 1;
    }

    fn note(&mut self, note: &Note) {
        if (self.stop)(note) {
            self.interrupt.cancel();
        }
        self.notes.push(note.clone());
    }
}

/// A request to apply a stream of manifests as the application `shop`; its records live in the same
/// namespace. The bake is short and a missing image is tolerated for 300 ms.
pub fn request(namespace: &str, yaml: &str) -> Request {
    let scopes = Schemas::builtin();
    let options =
        RenderOptions { namespace: Some(namespace.to_owned()), ..RenderOptions::new(&scopes) };
    let source = FileSource::Bytes { name: "shop.yaml".into(), bytes: yaml.as_bytes().to_vec() };
    let render = manifests::render_files(&[source], &options).expect("the manifests are good");
    let mut policy = Policy {
        timeout: Duration::from_secs(30),
        bake: Duration::from_millis(100),
        ..Policy::default()
    };
    policy.grace.image_not_found = Duration::from_millis(300);
    Request {
        application: ApplicationName { namespace: namespace.into(), name: "shop".into() },
        desired: render.objects,
        digest: render.digest,
        revision: None,
        policy,
        approvals: Approvals::default(),
        allow_quarantined: false,
        redaction: Redaction::new(Salt::new([7; 16])),
        requested_by: "a test".into(),
    }
}

async fn client_of(kubeconfig: &str) -> anyhow::Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig)?;
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Starts the real server and its controllers on a thread of their own, which never ends.
fn start_real(assets: PathBuf) -> Result<String, String> {
    let ready = Arc::new((Mutex::new(None), std::sync::Condvar::new()));
    let told = Arc::clone(&ready);
    std::thread::spawn(move || {
        let tell = |started: Result<String, String>| {
            *told.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
            told.1.notify_all();
        };
        if let Err(error) = run_real(&assets, &tell) {
            tell(Err(format!("{error:#}")));
        }
    });
    let mut started = ready.0.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(started) = started.take() {
            return started;
        }
        started = ready.1.wait(started).unwrap_or_else(PoisonError::into_inner);
    }
}

fn run_real(assets: &Path, tell: &dyn Fn(Result<String, String>)) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let control_plane = ControlPlane::start(assets).await?;
        let client = control_plane.client().await?;
        create_class(&client).await?;
        tell(Ok(control_plane.kubeconfig().to_owned()));
        let forever = CancellationToken::new();
        workloads::run(client, Settings::default(), forever).await.context("the controllers ended")
    })
}
