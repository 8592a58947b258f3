//! `cleat sandbox`: an embedded Kubernetes API on a loopback port, with workload controllers, until
//! it is interrupted; or the workload controllers alone, against any API server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sandbox::workloads::{self, Settings};
use sandbox::{Cluster, Options};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::shell::{Exit, Shell};

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat sandbox --kubeconfig sandbox.yaml
  kubectl --kubeconfig sandbox.yaml get nodes";

/// The flags of `cleat sandbox`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The loopback port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Where to write the kubeconfig; with --workloads-only, the one to read
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Run no workload controllers: nothing becomes ready by itself
    #[arg(long, conflicts_with = "workloads_only")]
    no_workloads: bool,
    /// Run the workload controllers alone, against the server of --kubeconfig
    #[arg(long, requires = "kubeconfig", conflicts_with = "port")]
    workloads_only: bool,
}

/// Runs `cleat sandbox`.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args, shell))
}

async fn serve(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    if args.workloads_only {
        let path = args.kubeconfig.context("--workloads-only needs --kubeconfig")?;
        return workloads_only(&path, shell).await;
    }
    let cluster = Cluster::new(&Options::default());
    let server = cluster
        .serve(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)))
        .await
        .with_context(|| format!("the sandbox cannot listen on 127.0.0.1:{}", args.port))?;
    let path = match args.kubeconfig {
        Some(path) => path,
        None => default_path(server.addr().port()),
    };
    write_private(&path, &server.kubeconfig())
        .with_context(|| format!("the kubeconfig {} cannot be written", path.display()))?;
    let workloads = if args.no_workloads {
        None
    } else {
        let config = kube::Config::new(server.url().parse().context("the sandbox's own address")?);
        // The sandbox empties namespaces and collects garbage itself.
        let settings =
            Settings { namespaces: false, garbage_collection: false, ..Settings::default() };
        Some(Workloads::start(kube::Client::try_from(config)?, settings))
    };
    shell.line(&format!("sandbox ready on {}, kubeconfig {}", server.url(), path.display()))?;
    let ended = wait(workloads).await;
    server.shutdown().await;
    ended
}

/// The workload controllers alone, as clients of a server that has none.
async fn workloads_only(path: &Path, shell: &mut Shell) -> anyhow::Result<Exit> {
    let kubeconfig = kube::config::Kubeconfig::read_from(path)
        .with_context(|| format!("the kubeconfig {} cannot be read", path.display()))?;
    let config = kube::Config::from_custom_kubeconfig(
        kubeconfig,
        &kube::config::KubeConfigOptions::default(),
    )
    .await
    .with_context(|| format!("the kubeconfig {} cannot be used", path.display()))?;
    let url = config.cluster_url.clone();
    let workloads = Workloads::start(kube::Client::try_from(config)?, Settings::default());
    shell.line(&format!("workload controllers ready on {url}"))?;
    wait(Some(workloads)).await
}

/// The running controllers and how they are stopped.
struct Workloads {
    stop: CancellationToken,
    task: JoinHandle<Result<(), workloads::Error>>,
}

impl Workloads {
    fn start(client: kube::Client, settings: Settings) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(workloads::run(client, settings, stop.clone()));
        Self { stop, task }
    }
}

/// Waits for an interruption, or for controllers that fail, and stops the controllers.
async fn wait(workloads: Option<Workloads>) -> anyhow::Result<Exit> {
    let interrupted = tokio::signal::ctrl_c();
    let Some(mut workloads) = workloads else {
        interrupted.await.context("interruptions cannot be waited for")?;
        return Ok(Exit::Success);
    };
    tokio::select! {
        ended = &mut workloads.task => {
            ended?.context("the workload controllers failed")?;
            anyhow::bail!("the workload controllers ended by themselves");
        }
        signal = interrupted => signal.context("interruptions cannot be waited for")?,
    }
    workloads.stop.cancel();
    workloads.task.await?.context("the workload controllers failed")?;
    Ok(Exit::Success)
}

/// A file of this server's own in the temporary folder.
fn default_path(port: u16) -> PathBuf {
    std::env::temp_dir().join(format!("cleat-sandbox-{port}.kubeconfig"))
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}
