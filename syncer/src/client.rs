//! The way to the API server: every request of this room goes through [`Client::call`] or
//! [`Client::watch`].
//!
//! kube's own retries are off; ours are capped ([`retry`]). Each call has a time-out, at most sixteen
//! are in flight ([`limit`]), and what may not be repeated is sent once.
//! A request never carries anything of its body into an error or a log.

pub mod connect;
pub mod error;
pub mod limit;
pub mod retry;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, StatusCode};
use kube::client::Body;
use kube::core::WatchEvent;
use serde_json::Value;

pub use connect::{ConnectError, Connection};
pub use error::{RequestError, Status, Why};
use limit::Limiter;
use retry::{Attempt, RetryPolicy};

use crate::schemas::SchemaCache;

/// How cleat names itself to the server.
pub const AGENT: &str = concat!("cleat/", env!("CARGO_PKG_VERSION"));

/// The time one attempt of a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to one API server; cheap to copy.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    server: Arc<str>,
    limiter: Limiter,
    policy: RetryPolicy,
    reached: Arc<AtomicBool>,
    schemas: SchemaCache,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// What it is for, as a verb and its object; errors begin with it.
    pub what: String,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub uri: String,
    /// What it accepts, when that is not plain JSON.
    pub accept: Option<&'static str>,
    /// The content type and the bytes of the body.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Whether sending it twice does what sending it once does.
    pub repeatable: bool,
}

impl Call {
    /// A read.
    pub fn get(what: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            method: Method::GET,
            uri: uri.into(),
            accept: None,
            body: None,
            repeatable: true,
        }
    }

    /// A write with a JSON body.
    pub fn send(
        what: impl Into<String>,
        method: Method,
        uri: impl Into<String>,
        content_type: &'static str,
        body: &Value,
    ) -> Self {
        Self {
            what: what.into(),
            method,
            uri: uri.into(),
            accept: None,
            body: Some((content_type, body.to_string().into_bytes())),
            repeatable: false,
        }
    }

    /// Says that sending it twice does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    fn request<B>(&self, body: impl FnOnce(Vec<u8>) -> B) -> Result<Request<B>, RequestError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, self.accept.unwrap_or("application/json"));
        let mut bytes = Vec::new();
        if let Some((content_type, content)) = &self.body {
            request = request.header(CONTENT_TYPE, *content_type);
            bytes.clone_from(content);
        }
        request
            .body(body(bytes))
            .map_err(|error| RequestError::new(&self.what, Why::Garbled(error.to_string())))
    }
}

impl Client {
    /// A client over a kube client, which must not retry by itself. `server` names the server in
    /// errors. This is how an in-process API is reached.
    pub fn over(kube: kube::Client, server: &str) -> Self {
        Self {
            kube,
            server: server.into(),
            limiter: Limiter::default(),
            policy: RetryPolicy::default(),
            reached: Arc::default(),
            schemas: SchemaCache::in_memory(),
        }
    }

    /// Says where schemas are kept that this client reads; without, as long as it lives.
    #[must_use]
    pub fn keeping_schemas(mut self, schemas: SchemaCache) -> Self {
        self.schemas = schemas;
        self
    }

    /// The schemas that were read before.
    pub fn schemas(&self) -> &SchemaCache {
        &self.schemas
    }

    /// The server's address, for people.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The namespace of the kubeconfig's context.
    pub fn default_namespace(&self) -> &str {
        self.kube.default_namespace()
    }

    /// The kube client beneath, without our limits: for what is no part of an apply.
    pub fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    /// Sends a request, again where that does no harm, and reads its JSON answer.
    pub async fn call(&self, call: Call) -> Result<Value, RequestError> {
        let mut sent = 0;
        loop {
            sent += 1;
            let (attempt, outcome) = self.attempt(&call).await;
            if matches!(attempt, Attempt::TooMany(_)) {
                self.limiter.slow_down();
            } else if outcome.is_ok() {
                self.limiter.succeeded();
            }
            // 429 is an answer given instead of doing anything, so it may be followed by the same.
            let may = call.repeatable || matches!(attempt, Attempt::TooMany(_));
            match self.policy.wait(sent, attempt).filter(|_| may) {
                Some(wait) => {
                    tracing::debug!(what = call.what, ?attempt, ?wait, "sending again");
                    tokio::time::sleep(wait).await;
                }
                None => return outcome,
            }
        }
    }

    async fn attempt(&self, call: &Call) -> (Attempt, Result<Value, RequestError>) {
        let permit = self.limiter.acquire().await;
        let exchange = tokio::time::timeout(TIMEOUT, self.exchange(call)).await;
        let outcome = exchange.unwrap_or_else(|_| {
            let why = Why::TimedOut { server: self.server.to_string(), after: TIMEOUT };
            (Attempt::Broken, Err(RequestError::new(&call.what, why)))
        });
        drop(permit);
        outcome
    }

    async fn exchange(&self, call: &Call) -> (Attempt, Result<Value, RequestError>) {
        let request = match call.request(Body::from) {
            Ok(request) => request,
            Err(error) => return (Attempt::Settled, Err(error)),
        };
        let response = match self.kube.send(request).await {
            Ok(response) => response,
            Err(error) => return self.failed(call, &error),
        };
        self.reached.store(true, Ordering::Relaxed);
        let code = response.status();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let bytes = match response.into_body().collect_bytes().await {
            Ok(bytes) => bytes,
            Err(error) => return self.failed(call, &error),
        };
        if code.is_success() {
            let answer = serde_json::from_slice(&bytes).map_err(|error| {
                let why = format!(
                    "what answers at {} is no Kubernetes API server, or something stands between \
                     ({error}); check the address in the kubeconfig",
                    self.server
                );
                RequestError::new(&call.what, Why::Garbled(why))
            });
            return (Attempt::Settled, answer);
        }
        let status = status_of(code, &bytes);
        let attempt = attempt_of(&status, asked);
        (attempt, Err(RequestError::new(&call.what, self.why(status))))
    }

    fn why(&self, status: Status) -> Why {
        match status.code {
            401 => Why::Credential { server: self.server.to_string() },
            403 => Why::Forbidden(Box::new(status)),
            _ => Why::Answered(Box::new(status)),
        }
    }

    fn failed(&self, call: &Call, error: &kube::Error) -> (Attempt, Result<Value, RequestError>) {
        let why = self.why_of(error);
        let attempt = match &why {
            Why::Broken { .. } => Attempt::Broken,
            // Before anything was reached, a refused connection is a wrong address: said at once.
            Why::Unreachable { .. } if self.reached.load(Ordering::Relaxed) => Attempt::Refused,
            _ => Attempt::Settled,
        };
        (attempt, Err(RequestError::new(&call.what, why)))
    }

    fn why_of(&self, error: &kube::Error) -> Why {
        match error {
            kube::Error::Api(status) => self.why(Status {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
                details: error::Details::default(),
            }),
            kube::Error::SerdeError(error) => Why::Garbled(format!("cannot read it ({error})")),
            kube::Error::Auth(error) => {
                Why::Garbled(format!("the kubeconfig's credential cannot be had ({error})"))
            }
            other => error::transport(&self.server, other),
        }
    }

    /// Opens a watch. It holds no place among the requests in flight; it ends when the server ends
    /// it, and is not opened again here.
    pub async fn watch(
        &self,
        call: &Call,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Value>, RequestError>> + use<>, RequestError>
    {
        let request = call.request(std::convert::identity)?;
        let opening = tokio::time::timeout(TIMEOUT, self.kube.request_events::<Value>(request));
        let events = match opening.await {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => return Err(RequestError::new(&call.what, self.why_of(&error))),
            Err(_) => {
                let why = Why::TimedOut { server: self.server.to_string(), after: TIMEOUT };
                return Err(RequestError::new(&call.what, why));
            }
        };
        self.reached.store(true, Ordering::Relaxed);
        let (client, what) = (self.clone(), call.what.clone());
        let read = move |event: Result<_, kube::Error>| {
            event.map_err(|error| RequestError::new(&what, client.why_of(&error)))
        };
        Ok(events.map(read))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The server's `Status`, or one made from a body that is none (a proxy's page, say).
fn status_of(code: StatusCode, bytes: &[u8]) -> Status {
    let mut status: Status = serde_json::from_slice(bytes).unwrap_or_else(|_| Status {
        message: String::from_utf8_lossy(bytes).trim().chars().take(300).collect(),
        ..Status::default()
    });
    status.code = code.as_u16();
    if status.message.is_empty() && status.reason.is_empty() {
        code.canonical_reason().unwrap_or("no reason given").clone_into(&mut status.reason);
    }
    status
}

fn attempt_of(status: &Status, header: Option<Duration>) -> Attempt {
    let said = (status.details.retry_after_seconds > 0)
        .then(|| Duration::from_secs(status.details.retry_after_seconds));
    let asked = header.or(said);
    match status.code {
        429 => Attempt::TooMany(asked),
        503 | 504 => Attempt::Unavailable(asked),
        // The server's own time-outs and etcd's elections come as 500 with a wait asked for.
        500 if asked.is_some() && !status.is_typed_conversion() => Attempt::Unavailable(asked),
        _ => Attempt::Settled,
    }
}

#[cfg(test)]
mod tests;
