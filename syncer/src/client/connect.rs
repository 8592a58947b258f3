//! From a kubeconfig (or a pod's own service account) to a [`Client`].
//!
//! The order is kubectl's: the file named, else `KUBECONFIG` or `~/.kube/config`, else, inside a pod,
//! the service account. Errors name the file and, for a context that is not there, those that are.

use std::path::PathBuf;

use kube::client::ClientBuilder;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use merge::ErrorClass;

use super::Client;

/// Which cluster, as whom.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The kubeconfig; kubectl's usual places when `None`.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; its current one when `None`.
    pub context: Option<String>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file that was named cannot be read.
    #[error("cannot read the kubeconfig {}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The file is not a kubeconfig.
    #[error("{}: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// No kubeconfig anywhere, and not inside a pod.
    #[error(
        "no kubeconfig: name one with --kubeconfig or KUBECONFIG, or write ~/.kube/config (and this is \
         no pod with a service account)"
    )]
    Missing,
    /// The context is not in the kubeconfig.
    #[error("the kubeconfig has no context `{context}`; it has {}", listed(known))]
    NoSuchContext {
        /// The one asked for.
        context: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The kubeconfig names no current context and none was asked for.
    #[error("the kubeconfig has no current context{}", choice(known))]
    NoCurrentContext {
        /// Those that it has.
        known: Vec<String>,
    },
    /// The kubeconfig's cluster, user or certificates do not hold together.
    #[error("the kubeconfig's context cannot be used: {0}")]
    Unusable(String),
}

impl Connection {
    /// The namespace of the context.
    pub async fn default_namespace(&self) -> Result<String, ConnectError> {
        Ok(self.config().await?.default_namespace)
    }

    async fn config(&self) -> Result<Config, ConnectError> {
        match kubeconfig(self)? {
            Some(kubeconfig) => configured(kubeconfig, self).await,
            None => Config::incluster().map_err(|_| ConnectError::Missing),
        }
    }
}

impl ConnectError {
    /// Who can mend it: always the surroundings.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Config
    }
}

fn listed(contexts: &[String]) -> String {
    if contexts.is_empty() { "none".to_owned() } else { contexts.join(", ") }
}

fn choice(contexts: &[String]) -> String {
    if contexts.is_empty() {
        " and no other; is it the right file?".to_owned()
    } else {
        format!("; choose one with --context: {}", contexts.join(", "))
    }
}

impl Client {
    /// Makes a client; nothing is sent yet.
    pub async fn connect(connection: &Connection) -> Result<Self, ConnectError> {
        let mut config = connection.config().await?;
        // Ours are capped and know what may be repeated; see the parent module.
        config.default_retry = false;
        config.connect_timeout = Some(std::time::Duration::from_secs(5));
        let server = config.cluster_url.to_string();
        let kube = ClientBuilder::try_from(config)
            .map_err(|error| ConnectError::Unusable(error.to_string()))?
            .build();
        Ok(Self::over(kube, server.trim_end_matches('/')))
    }
}

/// The kubeconfig to use; `None` when there is none and nothing asked for one.
fn kubeconfig(connection: &Connection) -> Result<Option<Kubeconfig>, ConnectError> {
    let Some(file) = &connection.kubeconfig else {
        return match Kubeconfig::read() {
            Ok(kubeconfig) => Ok(Some(kubeconfig)),
            Err(KubeconfigError::FindPath) if connection.context.is_none() => Ok(None),
            Err(KubeconfigError::ReadConfig(error, file)) => {
                if error.kind() == std::io::ErrorKind::NotFound && connection.context.is_none() {
                    Ok(None)
                } else {
                    Err(ConnectError::Unreadable { file, cause: error.to_string() })
                }
            }
            Err(error) => Err(ConnectError::Unusable(error.to_string())),
        };
    };
    match Kubeconfig::read_from(file) {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::ReadConfig(error, _)) => {
            Err(ConnectError::Unreadable { file: file.clone(), cause: error.to_string() })
        }
        Err(KubeconfigError::Parse(error)) => {
            Err(ConnectError::Malformed { file: file.clone(), cause: first_line(&error) })
        }
        Err(error) => Err(ConnectError::Malformed { file: file.clone(), cause: error.to_string() }),
    }
}

/// A parser's error without the excerpt of the file that follows it: a kubeconfig holds secrets.
fn first_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("not a kubeconfig: {line}")
}

async fn configured(
    kubeconfig: Kubeconfig,
    connection: &Connection,
) -> Result<Config, ConnectError> {
    let known: Vec<String> =
        kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options =
        KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| match error {
        KubeconfigError::CurrentContextNotSet => ConnectError::NoCurrentContext { known },
        KubeconfigError::LoadContext(context) => ConnectError::NoSuchContext { context, known },
        other => ConnectError::Unusable(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: one, context: {cluster: c, namespace: shop}}, {name: two, context: {cluster: d}}]
";

    async fn refused(text: &str, context: Option<&str>) -> String {
        let connection =
            Connection { kubeconfig: None, context: context.map(std::borrow::ToOwned::to_owned) };
        configured(Kubeconfig::from_yaml(text).unwrap(), &connection).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_context_that_is_not_there_lists_those_that_are() {
        assert_eq!(
            refused(TWO, Some("three")).await,
            "the kubeconfig has no context `three`; it has one, two"
        );
        let none = TWO.replace("current-context: one", "");
        assert_eq!(
            refused(&none, None).await,
            "the kubeconfig has no current context; choose one with --context: one, two"
        );
        assert_eq!(
            refused(TWO, Some("two")).await,
            "the kubeconfig's context cannot be used: failed to load the cluster of context: d"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_named() {
        let connection =
            Connection { kubeconfig: Some("no/such/file".into()), ..Connection::default() };
        let error = Client::connect(&connection).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreadable { .. }));
        assert!(error.to_string().starts_with("cannot read the kubeconfig no/such/file: "));
    }
}
