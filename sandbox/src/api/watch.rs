//! Watching: one JSON line an event, from a version on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::output::{self, Form};
use super::select::Selector;
use super::{Api, Call, Subject, Target};
use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::registry::{Registry, Resource};
use crate::store::{Change, ChangeType, Subscription};
use merge::validate::Cause;

/// How often a watcher that asked for bookmarks gets one. A real server takes about a minute; a
/// shorter time costs little here and shows a client that does not expect them.
const BOOKMARK_EVERY: Duration = Duration::from_secs(30);

/// How long a watch lasts that states no time-out (a real server picks 30 to 60 minutes).
const LONGEST: Duration = Duration::from_secs(45 * 60);

/// Everything a running watch needs, owned: it outlives the call.
struct Watch {
    target: Target,
    resource: Arc<Resource>,
    registry: Arc<Registry>,
    form: Form,
    selector: Selector,
    bookmarks: bool,
    ends_at: Instant,
    bookmark_at: Instant,
    /// Lines that are ready, oldest first.
    ready: std::collections::VecDeque<Bytes>,
    changes: mpsc::Receiver<Arc<Change>>,
    version: u64,
    told_columns: bool,
    closing: bool,
    call: Call,
}

impl Api {
    pub(super) fn watch(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let call = subject.call;
        let form = Form::wanted(call, subject.resource.custom.is_some())?;
        let mut selector = Selector::parse(
            &subject.resource,
            call.text("labelSelector"),
            call.text("fieldSelector"),
            subject.target.namespace.as_deref(),
        )?;
        if let Some(name) = &subject.target.name {
            selector.and_name(name);
        }
        check_initial_events(call)?;
        let asked = call.text("resourceVersion").unwrap_or_default();
        let version: Option<u64> = match asked {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Refusal::bad_request(format!(
                    "Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid \
                     syntax"
                ))
            })?),
        };
        let initial = match call.parameter("sendInitialEvents") {
            Some(_) => call.flag("sendInitialEvents"),
            // A watch from nowhere, or from "any version", begins with what there is.
            None => version.unwrap_or(0) == 0,
        };
        let timeout = call.text("timeoutSeconds").and_then(|text| text.parse::<u64>().ok());
        let length = timeout.filter(|seconds| *seconds > 0).map_or(LONGEST, Duration::from_secs);
        let now = Instant::now();
        let mut watch = Watch {
            target: subject.target.clone(),
            resource: Arc::clone(&subject.resource),
            registry: Arc::clone(&subject.registry),
            form,
            selector,
            bookmarks: call.flag("allowWatchBookmarks"),
            ends_at: now + length,
            bookmark_at: now + BOOKMARK_EVERY,
            ready: std::collections::VecDeque::new(),
            changes: mpsc::channel(1).1,
            version: 0,
            told_columns: false,
            closing: false,
            call: call.without_body(),
        };
        self.start(&mut watch, version, initial);
        Ok(Answer::stream(Box::pin(stream::unfold(watch, |mut watch| async move {
            let line = watch.next().await?;
            Some((line, watch))
        }))))
    }

    fn start(&self, watch: &mut Watch, version: Option<u64>, initial: bool) {
        let storage = watch.resource.storage.clone();
        if initial {
            let namespace = watch.target.namespace.clone();
            let (listing, subscription) =
                self.store.list_and_subscribe(&storage, namespace.as_deref());
            watch.version = listing.version;
            for object in listing.objects {
                if watch.selects(&object) {
                    watch.push_event("ADDED", &object);
                }
            }
            if watch.bookmarks && watch.call.flag("sendInitialEvents") {
                watch.push_bookmark(true);
            }
            watch.follow(subscription);
            return;
        }
        match self.store.subscribe(&storage, version) {
            Ok(subscription) => {
                watch.version = version.unwrap_or_default();
                watch.follow(subscription);
            }
            Err(too_old) => {
                let asked = version.unwrap_or_default();
                let refusal = Refusal::expired(format!(
                    "too old resource version: {asked} ({})",
                    too_old.oldest
                ));
                watch.push_line("ERROR", &refusal.status());
                watch.closing = true;
            }
        }
    }
}

/// `sendInitialEvents` needs its match rule, as the server says.
fn check_initial_events(call: &Call) -> Result<(), Refusal> {
    let send = call.text("sendInitialEvents");
    let rule = call.text("resourceVersionMatch");
    let forbidden = |message: &str| Cause {
        reason: "FieldValueForbidden",
        field: "resourceVersionMatch".to_owned(),
        message: format!("Forbidden: {message}"),
    };
    let mut causes = Vec::new();
    if send.is_some() && rule != Some("NotOlderThan") {
        causes.push(forbidden(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    match rule {
        Some(_) if send.is_none() => causes.push(forbidden(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )),
        Some(other) if other != "NotOlderThan" => causes.push(Cause {
            reason: "FieldValueNotSupported",
            field: "resourceVersionMatch".to_owned(),
            message: format!("Unsupported value: \"{other}\": supported values: \"NotOlderThan\""),
        }),
        _ => {}
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid("meta.k8s.io", "ListOptions", "", &causes))
    }
}

impl Watch {
    fn follow(&mut self, subscription: Subscription) {
        for change in &subscription.past {
            self.push_change(change);
        }
        self.changes = subscription.changes;
    }

    /// The next line; `None` when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            if self.closing {
                return None;
            }
            tokio::select! {
                biased;
                change = self.changes.recv() => match change {
                    Some(change) => self.push_change(&change),
                    // Too slow, or the cluster is gone.
                    None => return None,
                },
                () = sleep_until(self.ends_at) => {
                    self.closing = true;
                    if self.bookmarks {
                        self.push_bookmark(false);
                    }
                }
                () = sleep_until(self.bookmark_at), if self.bookmarks => {
                    self.bookmark_at = Instant::now() + BOOKMARK_EVERY;
                    self.push_bookmark(false);
                }
            }
        }
    }

    /// What a change means to this watch: an object that enters or leaves its selection is added or
    /// deleted.
    fn push_change(&mut self, change: &Change) {
        self.version = self.version.max(change.version);
        let is_in = change.what != ChangeType::Deleted && self.selects(&change.object);
        let was_in = change.previous.as_ref().is_some_and(|previous| self.selects(previous));
        match (was_in, is_in) {
            (false, true) => self.push_event("ADDED", &change.object),
            (true, true) => self.push_event("MODIFIED", &change.object),
            (true, false) if change.what == ChangeType::Deleted => {
                self.push_event("DELETED", &change.object);
            }
            (true, false) => {
                // The object as it was when last seen, at the version that took it out of sight.
                let mut last = change.previous.as_deref().cloned().unwrap_or_default();
                if let Some(meta) = last.get_mut("metadata").and_then(Value::as_object_mut) {
                    meta.insert("resourceVersion".to_owned(), json!(change.version.to_string()));
                }
                self.push_event("DELETED", &Arc::new(last));
            }
            (false, false) => {}
        }
    }

    fn selects(&self, object: &Arc<Value>) -> bool {
        self.selector.matches(&self.resource.present(object))
    }

    fn push_event(&mut self, event: &str, object: &Arc<Value>) {
        let first = !self.told_columns;
        self.told_columns = true;
        let body = output::event(&self.subject(), self.form, first, object);
        self.push_line(event, &body);
    }

    fn push_bookmark(&mut self, ends_initial: bool) {
        let body = output::bookmark(&self.subject(), self.form, self.version, ends_initial);
        self.push_line("BOOKMARK", &body);
    }

    fn push_line(&mut self, event: &str, object: &Value) {
        let mut line = json!({"type": event, "object": object}).to_string();
        line.push('\n');
        self.ready.push_back(line.into());
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            call: &self.call,
            target: &self.target,
            resource: Arc::clone(&self.resource),
            registry: Arc::clone(&self.registry),
        }
    }
}
