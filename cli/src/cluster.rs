//! Which cluster a verb talks to, and the runtime it does that on.

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context;
use syncer::schemas::SchemaCache;
use syncer::{Client, Connection};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cache;
use crate::shell::Shell;

/// The flags that name a cluster, as kubectl has them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ClusterArgs {
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config, else the pod's service account]
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

impl ClusterArgs {
    /// Makes a client, which keeps schemas in the user's cache; nothing is sent yet.
    pub async fn connect(&self, shell: &Shell) -> anyhow::Result<Client> {
        let client = Client::connect(&self.connection()).await?;
        Ok(match shell.cache() {
            Some(cache) => {
                client.keeping_schemas(SchemaCache::in_folder(cache::schema_folder(cache)))
            }
            None => client,
        })
    }

    /// The namespace of the kubeconfig's context.
    pub async fn default_namespace(&self) -> anyhow::Result<String> {
        Ok(self.connection().default_namespace().await?)
    }

    fn connection(&self) -> Connection {
        Connection { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

/// Runs what a verb awaits.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    runtime()?.block_on(future)
}

/// What a client's connections live in.
pub fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

/// A token that the first Ctrl-C (or SIGTERM) cancels. The second one ends the process where it stands,
/// after `give_back` has given the terminal back.
pub fn interrupts(give_back: fn()) -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let interrupted = token.clone();
    let mut ctrl_c = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut term = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::spawn(async move {
        for round in 0..2 {
            tokio::select! {
                _ = ctrl_c.recv() => {}
                _ = term.recv() => {}
            }
            if round == 0 {
                interrupted.cancel();
            }
        }
        give_back();
        std::process::exit(130);
    });
    Ok(token)
}
