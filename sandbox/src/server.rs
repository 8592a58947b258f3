//! A cluster on a loopback port, and the kubeconfig that leads to it.

use std::io;
use std::net::SocketAddr;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, ClusterService};

/// A cluster that listens. Dropping it stops it; [`Server::shutdown`] also waits for that.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Listens on a loopback address (port 0 takes a free one). Any other address is refused: nothing
    /// here asks who is calling.
    pub async fn serve(&self, addr: SocketAddr) -> io::Result<Server> {
        if !addr.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{addr} is no loopback address; the sandbox authenticates nobody"),
            ));
        }
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, self.service(), stop.clone()));
        Ok(Server { addr, stop, task: Some(task) })
    }
}

impl Server {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A kubeconfig (YAML) whose only context, `cleat-sandbox`, leads here.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: cleat-sandbox\nclusters:\n\
             - name: cleat-sandbox\n  cluster:\n    server: {}\ncontexts:\n\
             - name: cleat-sandbox\n  context:\n    cluster: cleat-sandbox\n    user: cleat-sandbox\n\
             users:\n- name: cleat-sandbox\n  user: {{}}\n",
            self.url()
        )
    }

    /// Closes the port and every connection, and waits until that is done.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // The task only ends by the token; it cannot fail unless it panicked, which is logged.
            if let Err(error) = task.await {
                tracing::error!(%error, "the sandbox's listener ended badly");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, service: ClusterService, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for an acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    let service = TowerToHyperService::new(service.clone());
                    connections.spawn(async move {
                        let connection = http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service);
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::task::yield_now().await;
                }
            },
        }
    }
    connections.shutdown().await;
}
