//! Workload controllers that are ordinary clients of any API server: Deployments, ReplicaSets,
//! StatefulSets, DaemonSets, Jobs; a scheduler and kubelets whose pods live by a script; claims,
//! endpoints, service accounts; and, where the server has none, the ends of namespaces and the
//! collection of garbage.
//!
//! What to do is decided by pure functions, one file a kind, from what the `store` shows;
//! `control` drives them, `requests` writes. Nothing here polls: watches wake the objects they
//! concern, and timers those that wait for a time.

mod claims;
mod control;
mod daemon_set;
mod deployment;
mod endpoints;
mod events;
mod garbage;
mod hash;
mod history;
mod job;
mod kind;
mod kubelet;
mod look;
mod namespaces;
mod nodes;
mod object;
mod placement;
mod plan;
mod pods;
mod queue;
mod replica_set;
mod requests;
mod scheduler;
mod settings;
mod stateful_set;
mod store;
mod wake;

use std::sync::Arc;

use merge::ErrorClass;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use control::Control;
use events::Recorder;
pub use settings::{Pace, Settings};

/// Why the controllers could not start or go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A first list of a kind that is needed was refused.
    #[error("listing every {kind}: {source}")]
    List {
        /// The kind.
        kind: &'static str,
        /// What the client reported.
        source: Arc<kube::Error>,
    },
    /// The cluster has no nodes and none could be created.
    #[error("creating nodes for a cluster that has none: {0}")]
    Nodes(Arc<kube::Error>),
    /// The kinds that the server serves could not be learnt.
    #[error("discovering what the server serves, for garbage collection: {0}")]
    Discovery(Arc<kube::Error>),
}

impl Error {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::List { source, .. } | Self::Nodes(source) | Self::Discovery(source) => {
                match source.as_ref() {
                    kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                        ErrorClass::Config
                    }
                    _ => ErrorClass::Transient,
                }
            }
        }
    }
}

/// Runs every controller against the server of `client` until `shutdown` is cancelled, then finishes
/// what is in flight and returns. Several may run against one server in turn, not at once: there is
/// no election.
pub async fn run(
    client: kube::Client,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    nodes::create(&client, settings.nodes, Clock::start().now())
        .await
        .map_err(|error| Error::Nodes(Arc::new(error)))?;
    let stop = shutdown.child_token();
    let (recorder, events) = if settings.events {
        let (recorder, events) = Recorder::new();
        (recorder, Some(events))
    } else {
        (Recorder::silent(), None)
    };
    let write_events = async {
        if let Some(events) = events {
            events::write(client.clone(), events, stop.clone()).await;
        }
    };
    let collect = async {
        if settings.garbage_collection {
            let collected = garbage::collect(client.clone(), stop.clone()).await;
            collected.map_err(|error| Error::Discovery(Arc::new(error)))?;
        }
        Ok(())
    };
    let control = Control::new(client.clone(), settings.clone(), recorder).run(stop.clone());
    // The first that fails stops the others; all are waited for.
    let stopping = |result: Result<(), Error>| {
        if result.is_err() {
            stop.cancel();
        }
        result
    };
    let (controlled, collected, ()) = futures::join!(
        async { stopping(control.await) },
        async { stopping(collect.await) },
        write_events,
    );
    controlled.and(collected)
}
