//! The loop that drives every controller: watches and answers go into the store, changes wake the
//! objects they concern, each object is looked at by the one controller of its kind, and what that
//! decides is written.
//!
//! ```text
//! watches ─┐
//! answers ─┼─► store ─► wake ─► queue ─► look (pure) ─► plan ─► requests ─► answers
//! timers ──┘
//! ```
//!
//! One task owns the store and the queue, so nothing is locked. An object is never looked at while a
//! write of its last look is in flight, and the answers go into the store first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, SelectAll};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use kube::core::DynamicObject;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, watcher::Error as WatchError};
use kube::{Api, Client};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::events::Recorder;
use super::kind::{Key, Kind};
use super::kubelet::Kubelet;
use super::plan::{Note, Plan, Write, Writer};
use super::queue::Queue;
use super::requests::{Failure, Requests, Written};
use super::store::Store;
use super::{Error, Settings, look, namespaces, object};
use crate::clock::Clock;

/// How many events of the watches are taken in before anything is looked at again.
const EVENTS_AT_ONCE: usize = 256;
/// The first wait after a failed write; it doubles up to `LONGEST_RETRY`.
const FIRST_RETRY: Duration = Duration::from_millis(20);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How soon a namespace that was not empty yet is looked into again.
const NAMESPACE_AGAIN: Duration = Duration::from_millis(100);

type Observed = (Kind, Result<Event<Value>, WatchError>);

/// What the writes of one look came to.
struct Done {
    key: Key,
    results: Vec<(Writer, Result<Written, Failure>)>,
    again: Option<Duration>,
}

pub(super) struct Control {
    client: Client,
    requests: Requests,
    settings: Settings,
    clock: Clock,
    pub(super) store: Store,
    pub(super) queue: Queue,
    pub(super) kubelet: Kubelet,
    recorder: Recorder,
    /// Why the last pod of an object could not be created, while that is so.
    refused: HashMap<Key, String>,
    /// Writes in flight, one future for each object that was looked at.
    working: FuturesUnordered<BoxFuture<'static, Done>>,
}

impl Control {
    pub(super) fn new(client: Client, settings: Settings, recorder: Recorder) -> Self {
        Self {
            requests: Requests::new(client.clone(), settings.concurrency),
            client,
            settings,
            clock: Clock::start(),
            store: Store::default(),
            queue: Queue::default(),
            kubelet: Kubelet::default(),
            recorder,
            refused: HashMap::new(),
            working: FuturesUnordered::new(),
        }
    }

    /// Runs until `shutdown`, then waits for the writes in flight.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let watches: SelectAll<BoxStream<'static, Observed>> =
            Kind::ALL.into_iter().map(|kind| watch(self.client.clone(), kind)).collect();
        let mut watches = watches.ready_chunks(EVENTS_AT_ONCE);
        loop {
            self.start_ready();
            let timer = self.queue.next_timer().filter(|_| self.store.is_complete());
            let now = self.clock.now();
            let until =
                timer.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(done) = self.working.next(), if !self.working.is_empty() => self.finish(done),
                Some(events) = watches.next() => {
                    for (kind, event) in events {
                        self.observe(kind, event)?;
                    }
                }
                () = sleep(until), if until.is_some() => {}
            }
        }
        while self.working.next().await.is_some() {}
        Ok(())
    }

    fn observe(
        &mut self,
        kind: Kind,
        event: Result<Event<Value>, WatchError>,
    ) -> Result<(), Error> {
        match event {
            Ok(event) => {
                for change in self.store.observe(kind, event) {
                    self.wake(&change);
                }
                Ok(())
            }
            Err(WatchError::InitialListFailed(kube::Error::Api(status)))
                if matches!(status.code, 401 | 403) =>
            {
                Err(Error::List { kind: kind.as_str(), source: Arc::new(kube::Error::Api(status)) })
            }
            Err(error) => {
                tracing::debug!(kind = kind.as_str(), %error, "a watch broke off; it is opened again");
                Ok(())
            }
        }
    }

    /// Looks at what is ready, as long as requests may be sent.
    fn start_ready(&mut self) {
        if !self.store.is_complete() {
            return;
        }
        // Twice the requests that may be in flight keeps them busy without hoarding stale plans.
        while self.working.len() < self.settings.concurrency.saturating_mul(2).max(2) {
            let now = self.clock.now();
            let Some(key) = self.queue.pop(now) else { return };
            let ending = self
                .store
                .get(&key)
                .filter(|found| key.kind == Kind::Namespace && namespaces::is_ending(found))
                .cloned();
            if let Some(namespace) = ending.filter(|_| self.settings.namespaces) {
                self.working.push(end_namespace(
                    self.client.clone(),
                    self.requests.clone(),
                    key,
                    namespace,
                ));
                continue;
            }
            let refused = self.refused.get(&key).map(String::as_str);
            let pace = &self.settings.pace;
            let plan = look::at(&self.store, &mut self.kubelet, &key, refused, pace, now);
            self.carry_out(key, plan, now);
        }
    }

    fn carry_out(&mut self, key: Key, plan: Plan, now: Timestamp) {
        if let Some(at) = plan.wake_at {
            self.queue.push_at(key.clone(), at);
        }
        let about = self.store.get(&key).cloned();
        if let Some(about) = &about {
            for note in &plan.notes {
                self.recorder.record(key.kind, about, note, now);
            }
        }
        if plan.writes.is_empty() {
            self.queue.finish(&key);
            return;
        }
        let requests = self.requests.clone();
        self.working.push(
            async move {
                let writes = plan.writes.into_iter().map(|(writer, write)| {
                    let requests = requests.clone();
                    async move { (writer, requests.send(writer, write).await) }
                });
                let results = futures::future::join_all(writes).await;
                Done { key, results, again: None }
            }
            .boxed(),
        );
    }

    /// Takes the answers in; a failed write makes its object due again, later each time.
    fn finish(&mut self, done: Done) {
        let now = self.clock.now();
        let mut failed = false;
        for (writer, result) in done.results {
            let change = match result {
                Ok(Written::Stored(kind, object)) => {
                    if kind == Kind::Pod {
                        self.refused.remove(&done.key);
                    }
                    self.note_created(&done.key, writer, kind, &object, now);
                    self.store.put(kind, object)
                }
                Ok(Written::Gone(key, uid)) => self.store.deleted(&key, &uid),
                Ok(Written::Nothing) => None,
                Err(failure) => {
                    tracing::debug!(%failure, "a write failed; its object is looked at again");
                    failed = true;
                    self.note_refused(&done.key, writer, &failure, now);
                    None
                }
            };
            if let Some(change) = change {
                self.wake(&change);
            }
        }
        if failed {
            let failures = self.queue.fail(&done.key).min(10);
            let wait = FIRST_RETRY.saturating_mul(1 << failures).min(LONGEST_RETRY);
            self.queue.push_at(done.key, object::later(now, wait));
        } else {
            if let Some(wait) = done.again {
                self.queue.push_at(done.key.clone(), object::later(now, wait));
            }
            self.queue.finish(&done.key);
        }
    }

    /// `FailedCreate`: a pod that quota or admission refuses.
    fn note_refused(&mut self, key: &Key, writer: Writer, failure: &Failure, now: Timestamp) {
        let Some(message) = failure.refused_pod() else { return };
        let known = self.refused.insert(key.clone(), message.clone());
        let Some(about) = self.store.get(key).filter(|_| known.as_ref() != Some(&message)) else {
            return;
        };
        let message = format!("Error creating: {message}");
        let note = Note { writer, warning: true, reason: "FailedCreate", message };
        self.recorder.record(key.kind, about, &note, now);
    }

    /// `SuccessfulCreate`: a pod's name is known only once the server has answered.
    fn note_created(
        &mut self,
        key: &Key,
        writer: Writer,
        kind: Kind,
        object: &Value,
        now: Timestamp,
    ) {
        let is_new = kind == Kind::Pod
            && key.kind != Kind::Pod
            && !object::is_deleted(object)
            && self.store.get(&Key::of(kind, object)).is_none();
        let Some(about) = self.store.get(key).filter(|_| is_new) else { return };
        let name = object::name(object);
        let message = if key.kind == Kind::StatefulSet {
            format!("create Pod {name} in StatefulSet {} successful", key.name)
        } else {
            format!("Created pod: {name}")
        };
        let note = Note { writer, warning: false, reason: "SuccessfulCreate", message };
        self.recorder.record(key.kind, about, &note, now);
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn end_namespace(
    client: Client,
    requests: Requests,
    key: Key,
    namespace: Arc<Value>,
) -> BoxFuture<'static, Done> {
    async move {
        let writer = Writer::Controller("namespace-controller");
        let mut done = Done { key, results: Vec::new(), again: None };
        match namespaces::empty(&client, &done.key.name).await {
            Ok(true) => {
                let write = Write::Finalize { namespace: namespaces::finalized(&namespace) };
                done.results.push((writer, requests.send(writer, write).await));
            }
            Ok(false) => done.again = Some(NAMESPACE_AGAIN),
            Err(error) => {
                tracing::debug!(namespace = done.key.name, %error, "emptying a namespace failed");
                done.again = Some(NAMESPACE_AGAIN);
            }
        }
        done
    }
    .boxed()
}

/// The watch of one kind, opened again for ever when it breaks.
fn watch(client: Client, kind: Kind) -> BoxStream<'static, Observed> {
    let api: Api<DynamicObject> = Api::all_with(client, &kind.resource());
    watcher(api, watcher::Config::default())
        .default_backoff()
        .map(move |event| (kind, event.map(untyped)))
        .boxed()
}

/// The body of an event as plain JSON.
fn untyped(event: Event<DynamicObject>) -> Event<Value> {
    let body = |object: DynamicObject| serde_json::to_value(object).unwrap_or_default();
    match event {
        Event::Apply(object) => Event::Apply(body(object)),
        Event::Delete(object) => Event::Delete(body(object)),
        Event::InitApply(object) => Event::InitApply(body(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}
