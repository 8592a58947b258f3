//! The cluster: everything that one embedded API server holds, behind a handle that is cheap to clone.
//!
//! A request passes through here: it is numbered and logged, shown to the hook, answered, shown to the
//! hook again. What answers it is below [`crate::api`].

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt;

use crate::answer::{Answer, Body};
use crate::api::{self, Api, Call};
use crate::log::RequestLog;
use crate::refusal::Refusal;
use crate::request::{Hook, HookAction, Request};

/// The largest body that is read: what a real server takes (3 MiB) is far less than what would hurt.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many requests the log keeps; older ones are forgotten.
    pub request_log: usize,
    /// How many changes of a kind a watch may start behind; an older start is answered 410.
    pub history: usize,
    /// Where uids and random name suffixes come from; `None` takes a fresh seed, so that two clusters
    /// differ. A simulation gives one.
    pub seed: Option<u64>,
    /// Whether owners' dependents are collected and terminating namespaces emptied, as a real cluster's
    /// controller manager does. A bare kube-apiserver does neither.
    pub controllers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { request_log: 100_000, history: 8192, seed: None, controllers: true }
    }
}

/// One embedded API server. Clones are handles to the same one.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    api: Api,
    log: Mutex<RequestLog>,
    hook: RwLock<Option<Hook>>,
}

/// The connection was closed without an answer, because a hook wanted it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed before an answer: a request hook dropped it")]
pub struct Dropped;

impl Dropped {
    /// As a broken connection is: it may work another time.
    pub const fn class(self) -> merge::ErrorClass {
        merge::ErrorClass::Transient
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// A fresh cluster with the namespaces every cluster has.
    pub fn new(options: &Options) -> Self {
        let shared = Shared {
            api: Api::new(options),
            log: Mutex::new(RequestLog::new(options.request_log)),
            hook: RwLock::new(None),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A tower service that answers requests in process; `kube::Client::new(cluster.service(),
    /// "default")` is a client of this cluster.
    pub fn service(&self) -> ClusterService {
        ClusterService { cluster: self.clone() }
    }

    /// The requests seen so far, oldest first, as far as the log reaches back.
    pub fn requests(&self) -> Vec<Request> {
        self.log().entries()
    }

    /// The requests numbered above `seq`.
    pub fn requests_after(&self, seq: u64) -> Vec<Request> {
        self.log().entries_after(seq)
    }

    /// Shows every request to `hook` from now on, in place of an earlier hook.
    pub fn on_request(&self, hook: Hook) {
        *self.shared.hook.write().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    fn log(&self) -> std::sync::MutexGuard<'_, RequestLog> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_hook(&self, request: &Request) -> Result<(), Dropped> {
        let hook = self.shared.hook.read().unwrap_or_else(PoisonError::into_inner).clone();
        match hook.map_or(HookAction::Continue, |hook| hook(request)) {
            HookAction::Continue => Ok(()),
            HookAction::Hold(token) => {
                token.cancelled().await;
                Ok(())
            }
            HookAction::Drop => Err(Dropped),
        }
    }

    async fn answer<B>(&self, request: http::Request<B>) -> Result<http::Response<Body>, Dropped>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: std::fmt::Display,
    {
        let (parts, body) = request.into_parts();
        if parts.uri.path() == api::debug::REQUESTS {
            return Ok(api::debug::requests(&self.requests(), parts.uri.query()).into_response());
        }
        let mut call = Call::parse(&parts);
        let mut entry = self.log().arrived(&call.describe());
        self.ask_hook(&entry).await?;
        let answer = match collect(body).await {
            Ok(body) => {
                call.body = body;
                self.shared.api.answer(&call)
            }
            Err(refusal) => Answer::refused(&refusal),
        };
        entry.code = Some(answer.code());
        self.log().answered(entry.seq, answer.code());
        self.ask_hook(&entry).await?;
        Ok(answer.into_response())
    }
}

async fn collect<B>(body: B) -> Result<Bytes, Refusal>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display,
{
    let mut body = std::pin::pin!(body);
    let mut bytes = bytes::BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refusal::bad_request(format!("the body could not be read: {error}"))
        })?;
        if let Ok(data) = frame.into_data() {
            bytes::BufMut::put(&mut bytes, data);
        }
        if bytes.len() > BODY_LIMIT {
            return Err(Refusal::too_large(BODY_LIMIT));
        }
    }
    Ok(bytes.freeze())
}

/// A [`Cluster`] as a tower service.
#[derive(Debug, Clone)]
pub struct ClusterService {
    cluster: Cluster,
}

impl<B> tower::Service<http::Request<B>> for ClusterService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display,
{
    type Response = http::Response<Body>;
    type Error = Dropped;
    type Future = BoxFuture<'static, Result<Self::Response, Dropped>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let cluster = self.cluster.clone();
        Box::pin(async move { cluster.answer(request).await })
    }
}
