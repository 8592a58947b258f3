//! What the log keeps of a request, and what a hook may do with one.
//!
//! Tests read the log to prove how many writes an apply made, and drive faults through the hook.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// What a request asks of a resource, as an audit log would name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read many objects.
    List,
    /// Follow changes.
    Watch,
    /// Make an object.
    Create,
    /// Replace an object.
    Update,
    /// Change an object by a JSON, merge or strategic merge patch.
    Patch,
    /// Server-side apply.
    Apply,
    /// Delete one object.
    Delete,
    /// Delete many objects.
    DeleteCollection,
    /// Anything that is not about a resource: discovery, OpenAPI, version, health.
    Other,
}

impl Verb {
    /// Whether it may change what is stored.
    pub const fn is_write(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Update
                | Self::Patch
                | Self::Apply
                | Self::Delete
                | Self::DeleteCollection
        )
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Other => "other",
        })
    }
}

/// One request, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number, from 1, in the order of arrival.
    pub seq: u64,
    /// The `User-Agent` header, or nothing.
    pub user_agent: String,
    /// What it asks.
    pub verb: Verb,
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, undecoded.
    pub query: String,
    /// The API group of the resource; empty for the core group and for no resource.
    pub group: String,
    /// The plural resource; empty if the request is about none.
    pub resource: String,
    /// The namespace, if the path names one.
    pub namespace: Option<String>,
    /// The object's name, if the path names one.
    pub name: Option<String>,
    /// `status`, `scale`, …
    pub subresource: Option<String>,
    /// Whether nothing may be stored.
    pub dry_run: bool,
    /// The `fieldManager` parameter.
    pub field_manager: Option<String>,
    /// The answer's code; `None` while the request has had no effect yet.
    pub code: Option<u16>,
}

impl Request {
    /// Whether the request was a write that was meant to be stored.
    pub fn is_real_write(&self) -> bool {
        self.verb.is_write() && !self.dry_run
    }
}

/// What a hook wants done with a request. A hook is called twice for each request: before it has any
/// effect (`code` is `None`), and after it, before the answer is sent (`code` is known).
#[derive(Debug, Clone)]
pub enum HookAction {
    /// Go on.
    Continue,
    /// Go on when this token is cancelled.
    Hold(CancellationToken),
    /// Close the connection without an answer. Before the effect, nothing was done; after it, the
    /// effect stays.
    Drop,
}

/// A function that sees every request.
pub type Hook = Arc<dyn Fn(&Request) -> HookAction + Send + Sync>;
