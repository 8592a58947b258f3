//! Watches: each goes on from the list that was read, is opened again where it ended, and is read
//! anew when the server has forgotten where that was (410). Nothing is ever polled.
//!
//! Every watch is a task of [`Watches`], which ends them all when it is dropped. They send into one
//! channel, bounded so that a burst waits in the sockets and not in memory.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use merge::ErrorClass;

use crate::client::{Call, Client, RequestError};
use crate::live::{Listing, list};

/// Events that may wait to be looked at; enough for the burst of a rollout, little memory.
const WAITING: usize = 256;

/// How long the server may keep one watch open; it then ends it, and it is opened again.
const OPEN_FOR: u32 = 290;

/// The longest wait before a failing watch is opened again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a watch tells.
#[derive(Debug)]
pub enum Seen {
    /// An object is there, or another than before.
    Changed(Value),
    /// An object is gone.
    Deleted(Value),
    /// The list had to be read again; this is all there is.
    Relisted(Listing, Vec<Value>),
    /// A watch has ended and cannot go on: the credential or the right to it was withdrawn.
    Failed {
        /// Of which collection.
        path: String,
        /// Why.
        error: RequestError,
    },
}

/// The watches of one run.
#[derive(Debug)]
pub struct Watches {
    client: Client,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Seen>,
    receiver: mpsc::Receiver<Seen>,
    open: Vec<String>,
}

impl Watches {
    /// None yet.
    pub fn new(client: &Client) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { client: client.clone(), tasks: JoinSet::new(), sender, receiver, open: Vec::new() }
    }

    /// Goes on from a list. One that is watched already is left as it is.
    pub fn follow(&mut self, listing: &Listing) {
        let path = listing.path();
        if self.open.contains(&path) || !listing.resource.can("watch") {
            return;
        }
        self.open.push(path);
        let (client, sender) = (self.client.clone(), self.sender.clone());
        self.tasks.spawn(watch(client, listing.clone(), sender));
    }

    /// Forgets a watch that has ended, so that it can be followed again.
    pub fn ended(&mut self, path: &str) {
        self.open.retain(|open| open != path);
    }

    /// The next thing seen. Pending for ever while nothing is watched.
    pub async fn next(&mut self) -> Option<Seen> {
        self.receiver.recv().await
    }

    /// What was seen and not yet looked at, without waiting.
    pub fn ready(&mut self) -> Option<Seen> {
        self.receiver.try_recv().ok()
    }
}

/// Why a watch ended.
enum End {
    /// As watches do: go on from the last version.
    Over,
    /// The server no longer knows the version.
    Expired,
    /// Nobody listens any more.
    Unheard,
    Error(RequestError),
}

async fn watch(client: Client, mut listing: Listing, sender: mpsc::Sender<Seen>) {
    let mut wait = Duration::ZERO;
    loop {
        let before = listing.version.clone();
        let mut end = follow(&client, &mut listing, &sender).await;
        if matches!(end, End::Expired) {
            let (resource, namespace) = (listing.resource.clone(), listing.namespace.clone());
            end = match list::list(&client, &resource, namespace.as_deref()).await {
                Ok((read, objects)) => {
                    listing = read.clone();
                    match sender.send(Seen::Relisted(read, objects)).await {
                        Ok(()) => End::Over,
                        Err(_) => End::Unheard,
                    }
                }
                Err(error) => End::Error(error),
            };
        }
        // A watch that brought something may be opened again at once.
        wait = if listing.version == before {
            (wait * 2).clamp(Duration::from_millis(50), LONGEST_WAIT)
        } else {
            Duration::ZERO
        };
        match end {
            End::Over | End::Expired => {}
            End::Unheard => return,
            End::Error(error) if error.class() == ErrorClass::Transient => {
                tracing::debug!(%error, ?wait, "opening the watch again");
            }
            End::Error(error) => {
                // If nobody listens any more, nobody needs to know.
                let _ = sender.send(Seen::Failed { path: listing.path(), error }).await;
                return;
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// One opening of a watch, from the listing's version to its end; the version moves along.
async fn follow(client: &Client, listing: &mut Listing, sender: &mpsc::Sender<Seen>) -> End {
    let uri = format!(
        "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={OPEN_FOR}&resourceVersion={}",
        listing.path(),
        listing.version
    );
    let events = match client.watch(&Call::get(listing.what("watch"), uri)).await {
        Ok(events) => events,
        Err(error) if error.is(410) => return End::Expired,
        Err(error) => return End::Error(error),
    };
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        let seen = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Seen::Changed(object),
            Ok(WatchEvent::Deleted(object)) => Seen::Deleted(object),
            Ok(WatchEvent::Bookmark(bookmark)) => {
                listing.version = bookmark.metadata.resource_version;
                continue;
            }
            Ok(WatchEvent::Error(status)) if status.code == 410 => return End::Expired,
            // Any other error in a stream ends it; opening it again tells whether it lasts.
            Ok(WatchEvent::Error(_)) => return End::Over,
            Err(error) if error.is(410) => return End::Expired,
            Err(error) => return End::Error(error),
        };
        if let Seen::Changed(object) | Seen::Deleted(object) = &seen
            && let Some(version) = merge::object::resource_version(object)
        {
            version.clone_into(&mut listing.version);
        }
        if sender.send(seen).await.is_err() {
            return End::Unheard;
        }
    }
    End::Over
}
