//! A reverse proxy on loopback between a client under test and whichever API server there is. It keeps
//! a log of requests, counted the same for the sandbox and for a real server, and lets a test act at
//! the n-th request: before the server sees it, or after the server answered and before the client knows.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request as it passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number, from 1.
    pub number: usize,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, without `?`; empty if there is none.
    pub query: String,
    /// The body's media type; empty if there is none.
    pub content_type: String,
    /// Whether the `User-Agent` is cleat's.
    pub from_cleat: bool,
}

impl Seen {
    /// Whether the server would store something: a write that is no dry run.
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
            && !self.is_dry_run()
            && !self.is_review()
    }

    /// Whether it is a dry run.
    pub fn is_dry_run(&self) -> bool {
        self.query.split('&').any(|pair| pair == "dryRun=All")
    }

    /// Whether it asks about rights; such a POST stores nothing.
    fn is_review(&self) -> bool {
        self.path.starts_with("/apis/authorization.k8s.io/")
    }

    /// Whether it touches a Secret in which cleat keeps its record, or makes the namespace for them.
    pub fn is_bookkeeping(&self) -> bool {
        self.path.contains("/secrets/cleat.")
            || self.query.split('&').any(|pair| pair == "fieldManager=cleat-records")
    }

    /// Whether it reads one object by name (a list or a watch does not; neither does discovery).
    pub fn is_get_of_one(&self) -> bool {
        if self.method != Method::GET || self.path.starts_with("/openapi") {
            return false;
        }
        let parts: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = parts.as_slice() else {
            return false;
        };
        matches!(rest, [_, _] | ["namespaces", _, _, _, ..])
    }
}

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The server has not seen the request.
    Before,
    /// The server has answered; the client does not know yet.
    After,
}

/// What happens to the request next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    Go,
    /// The connection is dropped.
    Drop,
    /// The server never sees it, and this answer, a status and its message, takes the place of its
    /// own. Only [`Moment::Before`].
    Refuse(u16, &'static str),
}

/// Called for every request, twice.
pub type Hook = Arc<dyn Fn(&Seen, Moment) -> Then + Send + Sync>;

/// Changes the body of a request, as admission would.
pub type Rewrite = Arc<dyn Fn(&Seen, &mut Value) + Send + Sync>;

/// The proxy; it stops when dropped.
pub struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
    hook: Arc<Mutex<Option<Hook>>>,
    rewrite: Arc<Mutex<Option<Rewrite>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on a free port of loopback and passes everything to the server of a client.
    pub async fn start(upstream: Client) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port on loopback")?;
        let address = listener.local_addr()?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let hook = Arc::new(Mutex::new(None));
        let rewrite = Arc::new(Mutex::new(None));
        let shared = Shared {
            upstream,
            log: Arc::clone(&log),
            hook: Arc::clone(&hook),
            rewrite: Arc::clone(&rewrite),
        };
        let task = tokio::spawn(accept(listener, shared));
        Ok(Self { address, log, hook, rewrite, task })
    }

    /// The address clients connect to, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig that leads through the proxy, without credentials: the proxy brings its own.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: proxy\n\
             clusters: [{{name: proxy, cluster: {{server: \"{}\"}}}}]\n\
             contexts: [{{name: proxy, context: {{cluster: proxy, user: proxy}}}}]\n\
             users: [{{name: proxy, user: {{}}}}]\n",
            self.url()
        )
    }

    /// What has passed since the start or the last [`Proxy::clear`].
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.log).clone()
    }

    /// Forgets what has passed; numbers begin again at 1.
    pub fn clear(&self) {
        lock(&self.log).clear();
    }

    /// Calls a hook from now on; `None` for no hook.
    pub fn on_request(&self, hook: Option<Hook>) {
        *lock(&self.hook) = hook;
    }

    /// Lets every JSON body be rewritten on its way from now on; `None` for no more.
    pub fn on_body(&self, rewrite: Option<Rewrite>) {
        *lock(&self.rewrite) = rewrite;
    }
}

#[derive(Clone)]
struct Shared {
    upstream: Client,
    log: Arc<Mutex<Vec<Seen>>>,
    hook: Arc<Mutex<Option<Hook>>>,
    rewrite: Arc<Mutex<Option<Rewrite>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        // Each connection ends with its client; the listener owns none of them.
        tokio::spawn(async move {
            let service = service_fn(move |request| pass(shared.clone(), request));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // An error here is a client that went away, which is what these tests are about.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A dropped connection, as an error that hyper answers by closing.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

async fn pass(
    shared: Shared,
    request: Request<Incoming>,
) -> Result<Response<Either<Body, Full<Bytes>>>, Dropped> {
    let (mut parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut seen = Seen {
        number: 0,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        content_type: text(header::CONTENT_TYPE).to_owned(),
        from_cleat: text(header::USER_AGENT).starts_with("cleat/"),
    };
    {
        let mut log = lock(&shared.log);
        seen.number = log.len() + 1;
        log.push(seen.clone());
    }
    let hook = lock(&shared.hook).clone();
    let call = |moment| hook.as_ref().map_or(Then::Go, |hook| hook(&seen, moment));
    match call(Moment::Before) {
        Then::Go => {}
        Then::Drop => return Err(Dropped),
        Then::Refuse(code, message) => return Ok(refusal(code, message)),
    }
    let Ok(body) = body.collect().await else { return Err(Dropped) };
    let mut body = body.to_bytes().to_vec();
    let rewrite = lock(&shared.rewrite).clone();
    if let (Some(rewrite), Ok(mut value)) = (rewrite, serde_json::from_slice(&body)) {
        rewrite(&seen, &mut value);
        body = value.to_string().into_bytes();
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    parts.headers.remove(header::HOST);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let Ok(uri) = path.parse() else { return Err(Dropped) };
    parts.uri = uri;
    let answer = shared.upstream.send(Request::from_parts(parts, Body::from(body))).await;
    if call(Moment::After) == Then::Drop {
        return Err(Dropped);
    }
    Ok(match answer {
        Ok(response) => response.map(Either::Left),
        Err(error) => bad_gateway(&error.to_string()),
    })
}

/// A refusal as an API server words one.
fn refusal(code: u16, message: &str) -> Response<Either<Body, Full<Bytes>>> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "code": code});
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(status.to_string()))));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn bad_gateway(why: &str) -> Response<Either<Body, Full<Bytes>>> {
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(why.to_owned()))));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: Method, path: &str, query: &str) -> Seen {
        Seen {
            number: 1,
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            content_type: String::new(),
            from_cleat: true,
        }
    }

    #[test]
    fn reads_of_one_object_are_told_from_lists() {
        for (path, one) in [
            ("/api/v1/namespaces", false),
            ("/api/v1/namespaces/shop", true),
            ("/api/v1/namespaces/shop/pods", false),
            ("/api/v1/namespaces/shop/pods/a", true),
            ("/apis/apps/v1/deployments", false),
            ("/apis/apps/v1/namespaces/shop/deployments", false),
            ("/apis/apps/v1/namespaces/shop/deployments/web", true),
            ("/apis/rbac.authorization.k8s.io/v1/clusterroles/reader", true),
            ("/apis", false),
            ("/openapi/v3/apis/apps/v1", false),
            ("/version", false),
        ] {
            assert_eq!(seen(Method::GET, path, "").is_get_of_one(), one, "{path}");
        }
    }

    #[test]
    fn a_dry_run_is_no_write() {
        assert!(seen(Method::PATCH, "/api/v1/namespaces/shop", "force=true").is_write());
        assert!(
            !seen(Method::PATCH, "/api/v1/namespaces/shop", "dryRun=All&force=true").is_write()
        );
        assert!(!seen(Method::GET, "/api/v1/namespaces/shop", "").is_write());
    }
}
