//! v1 Events: written beside the work, never in its way. The channel is bounded; when it is full an
//! Event is lost, as on a real cluster whose client-side limit is reached.

use http::{Method, Request, header};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::kind::Kind;
use super::object;
use super::plan::Note;

/// Events that may wait to be written: some for each of a few hundred pods that start at once.
const WAITING: usize = 1024;

/// The sending half: where controllers say what happened.
#[derive(Debug)]
pub(super) struct Recorder {
    sender: Option<mpsc::Sender<Value>>,
    written: u64,
}

impl Recorder {
    /// A recorder that loses everything.
    pub(super) fn silent() -> Self {
        Self { sender: None, written: 0 }
    }

    pub(super) fn new() -> (Self, mpsc::Receiver<Value>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender: Some(sender), written: 0 }, receiver)
    }

    /// Records what happened to an object.
    pub(super) fn record(&mut self, kind: Kind, about: &Value, note: &Note, now: Timestamp) {
        let Some(sender) = &self.sender else { return };
        self.written = self.written.wrapping_add(1);
        // A full channel loses the Event, which is what its bound is for.
        let _ = sender.try_send(event(kind, about, note, self.written, now));
    }
}

/// Writes Events until the recorder is dropped or `shutdown`; what waits then is lost.
pub(super) async fn write(
    client: Client,
    mut events: mpsc::Receiver<Value>,
    shutdown: CancellationToken,
) {
    while let Some(event) = shutdown.run_until_cancelled(events.recv()).await.flatten() {
        let path = format!("/api/v1/namespaces/{}/events", object::namespace(&event));
        let mut request = Request::new(event.to_string().into_bytes());
        *request.method_mut() = Method::POST;
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let Ok(uri) = path.parse() else { continue };
        *request.uri_mut() = uri;
        if let Err(error) = client.request::<Value>(request).await {
            tracing::debug!(%error, "an Event was not written");
        }
    }
}

fn event(kind: Kind, about: &Value, note: &Note, number: u64, now: Timestamp) -> Value {
    let namespace = match object::namespace(about) {
        "" => "default",
        namespace => namespace,
    };
    let stamp = object::stamp(now);
    let suffix = now.as_microsecond().cast_unsigned().wrapping_shl(12) | (number & 0xfff);
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{}.{suffix:016x}", object::name(about)),
            "namespace": namespace},
        "involvedObject": {
            "apiVersion": kind.api_version(), "kind": kind.as_str(), "name": object::name(about),
            "namespace": object::namespace(about), "uid": object::uid(about),
            "resourceVersion": object::text(about, "/metadata/resourceVersion"),
        },
        "type": if note.warning { "Warning" } else { "Normal" },
        "reason": note.reason, "message": note.message,
        "source": {"component": note.writer.component()},
        "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1,
        "reportingComponent": note.writer.component(), "reportingInstance": "",
    })
}
