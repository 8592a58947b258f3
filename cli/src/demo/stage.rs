//! What every act of the demo stands on: the embedded cluster and its workload controllers, the
//! repository, a mirror of it, and the one call that syncs the application.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use engine::application::ApplicationName;
use engine::plan::Approvals;
use engine::policy::Policy;
use manifests::{Limits, Reference, RenderOptions};
use merge::schema::Schemas;
use sandbox::remote::Remote;
use sandbox::workloads::{self, Settings};
use sandbox::{Cluster, Options, Server};
use serde_json::Value;
use syncer::Client;
use syncer::apply::{self, ApplyError, Report, Request};
use syncer::clock::Clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::demo::repository::shop;
use crate::demo::telling::Telling;

/// The namespace of the shop, and of its records.
pub const NAMESPACE: &str = "shop";

/// How long a missing image is tolerated in the demo, instead of 20 seconds.
pub const IMAGE_GRACE: Duration = Duration::from_secs(1);

/// The stage.
pub struct Stage {
    /// The repository that the story commits to.
    pub remote: Remote,
    /// A plain client, for what people do by hand and for looking at the outcome.
    pub kube: kube::Client,
    /// The clock of everything that is measured.
    pub clock: Clock,
    client: Client,
    server: Server,
    mirror: PathBuf,
    schemas: Schemas,
    stop: CancellationToken,
    controllers: JoinHandle<Result<(), workloads::Error>>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Starts the cluster and makes the repository.
    pub async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("cleat-demo-").tempdir()?;
        let cluster = Cluster::new(&Options::default());
        let server = cluster.serve(([127, 0, 0, 1], 0).into()).await?;
        std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig())?;
        let kube = kube::Client::new(cluster.service(), "default");
        let stop = CancellationToken::new();
        let controllers =
            tokio::spawn(workloads::run(kube.clone(), Settings::for_sandbox(), stop.clone()));
        Ok(Self {
            remote: shop(&folder.path().join("shop.git"))?,
            client: Client::over(kube.clone(), &server.url()),
            kube,
            clock: Clock::system(),
            server,
            mirror: folder.path().join("mirror.git"),
            schemas: Schemas::builtin(),
            stop,
            controllers,
            folder,
        })
    }

    /// Where the cluster listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A kubeconfig that leads to the cluster, for as long as the stage stands.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Fetches the branch, renders it, and brings the cluster there, as `cleat apply` does.
    pub async fn sync(
        &self,
        telling: &mut Telling<'_>,
    ) -> anyhow::Result<Result<Report, ApplyError>> {
        let options = RenderOptions {
            path: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            namespace: Some(NAMESPACE.to_owned()),
            limits: Limits::default(),
            scopes: &self.schemas,
            threads: NonZeroUsize::MIN,
        };
        let url = self.remote.folder().to_str().context("the temporary folder has an odd name")?;
        let branch = Reference::from(Some("main"));
        let (_, render) = manifests::fetch_and_render(&self.mirror, url, &branch, &options)?;
        let mut policy =
            Policy { prune: true, bake: Duration::from_millis(500), ..Policy::default() };
        policy.grace.image_not_found = IMAGE_GRACE;
        let request = Request {
            application: ApplicationName {
                namespace: NAMESPACE.to_owned(),
                name: "shop".to_owned(),
            },
            digest: render.digest,
            revision: render.revision.map(|revision| revision.to_string()),
            desired: render.objects,
            policy,
            approvals: Approvals::default(),
            allow_quarantined: false,
            redaction: crate::shell::redaction(),
            requested_by: "the demo".to_owned(),
        };
        let interrupt = CancellationToken::new();
        Ok(apply::run(&request, &self.client, &self.clock, telling, &interrupt).await)
    }

    /// An object of the shop as it is now; `None` if there is none.
    pub async fn get(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
    ) -> anyhow::Result<Option<Value>> {
        let object = self.api(api_version, kind).get_opt(name).await?;
        object.map(|object| Ok(serde_json::to_value(object)?)).transpose()
    }

    /// Changes an object behind everyone's back, as a person with an editor would.
    pub async fn edit_by_hand(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        patch: &Value,
    ) -> anyhow::Result<()> {
        let who = kube::api::PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..Default::default()
        };
        self.api(api_version, kind).patch(name, &who, &kube::api::Patch::Merge(patch)).await?;
        Ok(())
    }

    fn api(&self, api_version: &str, kind: &str) -> kube::Api<kube::api::DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
        let resource = kube::core::ApiResource::from_gvk(&gvk);
        kube::Api::namespaced_with(self.kube.clone(), NAMESPACE, &resource)
    }

    /// Stops everything and waits for it.
    pub async fn strike(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.controllers.await??;
        self.server.shutdown().await;
        Ok(())
    }
}
