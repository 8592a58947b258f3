//! What a controller decided: writes, words for people, and when to look again. Values only; they are
//! carried out in `requests`.

use jiff::Timestamp;
use serde_json::Value;

use super::kind::{Key, Kind};

/// Who writes: the field manager, and the component an Event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// The controllers of kube-controller-manager; the name is the Event's component.
    Controller(&'static str),
    Scheduler,
    Kubelet,
}

impl Writer {
    pub(super) const fn manager(self) -> &'static str {
        match self {
            Self::Controller(_) => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
        }
    }

    pub(super) const fn component(self) -> &'static str {
        match self {
            Self::Controller(component) => component,
            Self::Scheduler => "default-scheduler",
            Self::Kubelet => "kubelet",
        }
    }
}

/// One request. A body that replaces carries the resourceVersion it was made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Create { kind: Kind, namespace: String, body: Value },
    Replace { kind: Kind, body: Value },
    ReplaceStatus { kind: Kind, body: Value },
    Bind { pod: Key, uid: String, node: String },
    Finalize { namespace: Value },
    Delete { key: Key, uid: String, grace: Option<u32> },
}

/// What happened, for `kubectl describe`: a v1 Event about the object that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub writer: Writer,
    pub warning: bool,
    pub reason: &'static str,
    pub message: String,
}

/// What one look at one object led to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    pub writes: Vec<(Writer, Write)>,
    pub notes: Vec<Note>,
    /// When to look again though nothing changed.
    pub wake_at: Option<Timestamp>,
}

impl Plan {
    pub(super) fn write(&mut self, writer: Writer, write: Write) {
        self.writes.push((writer, write));
    }

    pub(super) fn note(&mut self, writer: Writer, reason: &'static str, message: String) {
        self.notes.push(Note { writer, warning: false, reason, message });
    }

    pub(super) fn warn(&mut self, writer: Writer, reason: &'static str, message: String) {
        self.notes.push(Note { writer, warning: true, reason, message });
    }

    /// Looks again at that time, or earlier if something else wants so.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Writes the status where it differs from what the object has.
    pub(super) fn status(&mut self, writer: Writer, kind: Kind, object: &Value, status: Value) {
        if object.get("status") != Some(&status) {
            let mut body = object.clone();
            super::object::set(&mut body, "status", status);
            self.write(writer, Write::ReplaceStatus { kind, body });
        }
    }
}
