//! Carries writes out: builds the request, sends it, and says what the answer means for the store.

use std::sync::Arc;

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Write, Writer};

/// What an answer shows.
#[derive(Debug)]
pub(super) enum Written {
    /// The object as it is now.
    Stored(Kind, Value),
    /// The object of that uid is gone.
    Gone(Key, String),
    /// Nothing that the store keeps.
    Nothing,
}

/// Sends writes, a bounded number at once.
#[derive(Clone)]
pub(super) struct Requests {
    client: Client,
    permits: Arc<Semaphore>,
}

impl Requests {
    pub(super) fn new(client: Client, concurrency: usize) -> Self {
        Self { client, permits: Arc::new(Semaphore::new(concurrency.max(1))) }
    }

    /// Sends one write. Deleting what is gone already is success.
    pub(super) async fn send(&self, writer: Writer, write: Write) -> Result<Written, Failure> {
        let _permit = self.permits.acquire().await;
        let creates_pod = matches!(write, Write::Create { kind: Kind::Pod, .. });
        let failed = |source| Failure { target: describe(&write), creates_pod, source };
        let request =
            request(writer, &write).map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let answer = match (self.client.request::<Value>(request).await, &write) {
            (Ok(answer), _) => answer,
            (Err(kube::Error::Api(status)), Write::Delete { key, uid, .. })
                if status.code == 404 =>
            {
                return Ok(Written::Gone(key.clone(), uid.clone()));
            }
            (Err(source), _) => return Err(failed(source)),
        };
        Ok(match write {
            Write::Create { kind, .. }
            | Write::Replace { kind, .. }
            | Write::ReplaceStatus { kind, .. } => Written::Stored(kind, answer),
            Write::Finalize { .. } => Written::Stored(Kind::Namespace, answer),
            Write::Bind { .. } => Written::Nothing,
            Write::Delete { key, uid, .. } => {
                if is_kept(&answer) {
                    Written::Stored(key.kind, answer)
                } else {
                    Written::Gone(key, uid)
                }
            }
        })
    }
}

/// A write that failed, named by what it was to do.
#[derive(Debug, thiserror::Error)]
#[error("{target}: {source}")]
pub(super) struct Failure {
    target: String,
    creates_pod: bool,
    source: kube::Error,
}

impl Failure {
    /// Why the server refused to create a pod, if that is what failed and trying again at once
    /// cannot help.
    pub(super) fn refused_pod(&self) -> Option<String> {
        match &self.source {
            kube::Error::Api(status) if self.creates_pod && matches!(status.code, 403 | 422) => {
                Some(status.message.clone())
            }
            _ => None,
        }
    }
}

/// Whether the answer to a delete shows an object that goes on existing: one that a finalizer or a
/// grace period holds.
fn is_kept(answer: &Value) -> bool {
    object::is_deleted(answer)
        && (!object::list(answer, "/metadata/finalizers").is_empty()
            || !object::list(answer, "/spec/finalizers").is_empty()
            || object::integer(answer, "/metadata/deletionGracePeriodSeconds") > Some(0))
}

fn describe(write: &Write) -> String {
    match write {
        Write::Create { kind, namespace, body } => format!(
            "creating {} {}{} in {namespace}",
            kind.as_str(),
            object::name(body),
            object::text(body, "/metadata/generateName")
        ),
        Write::Replace { kind, body } => format!("updating {}", Key::of(*kind, body)),
        Write::ReplaceStatus { kind, body } => {
            format!("updating the status of {}", Key::of(*kind, body))
        }
        Write::Bind { pod, node, .. } => format!("binding {pod} to {node}"),
        Write::Finalize { namespace } => {
            format!("finalizing namespace {}", object::name(namespace))
        }
        Write::Delete { key, .. } => format!("deleting {key}"),
    }
}

fn request(writer: Writer, write: &Write) -> Result<Request<Vec<u8>>, serde_json::Error> {
    let managed = |path: String| format!("{path}?fieldManager={}", writer.manager());
    let (method, path, body) = match write {
        Write::Create { kind, namespace, body } => {
            (Method::POST, managed(kind.path(namespace)), serde_json::to_vec(body)?)
        }
        Write::Replace { kind, body } => {
            (Method::PUT, managed(Key::of(*kind, body).path()), serde_json::to_vec(body)?)
        }
        Write::ReplaceStatus { kind, body } => (
            Method::PUT,
            managed(format!("{}/status", Key::of(*kind, body).path())),
            serde_json::to_vec(body)?,
        ),
        Write::Bind { pod, uid, node } => (
            Method::POST,
            managed(format!("{}/binding", pod.path())),
            serde_json::to_vec(&json!({
                "apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            }))?,
        ),
        Write::Finalize { namespace } => (
            Method::PUT,
            managed(format!("{}/finalize", Key::of(Kind::Namespace, namespace).path())),
            serde_json::to_vec(namespace)?,
        ),
        Write::Delete { key, uid, grace } => {
            let mut options = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid},
                "propagationPolicy": "Background",
            });
            if let Some(grace) = grace {
                object::set(&mut options, "gracePeriodSeconds", json!(grace));
            }
            (Method::DELETE, key.path(), serde_json::to_vec(&options)?)
        }
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    *request.uri_mut() = path.parse().map_err(|error| {
        <serde_json::Error as serde::ser::Error>::custom(format_args!("{path}: {error}"))
    })?;
    Ok(request)
}
