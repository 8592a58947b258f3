//! Garbage collection for servers that have none: a watch of the metadata of every kind, a graph of
//! owners, and the deletes and patches that follow from it.

mod graph;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{AbortHandle, BoxStream, FuturesUnordered, SelectAll, abortable};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, verbs};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use graph::{Graph, Node, Owner, Verdict};

/// Verdicts carried out at once.
const AT_ONCE: usize = 8;
/// After a definition changed, until its kind is looked for: a server publishes it a moment later.
const SETTLES: Duration = Duration::from_millis(500);
/// Until a verdict is looked at again that could not be carried out.
const RETRY: Duration = Duration::from_millis(200);

type Observed = (Arc<ApiResource>, Result<Event<PartialObjectMeta<DynamicObject>>, watcher::Error>);

/// What came of a verdict.
enum Outcome {
    /// Done, or no longer needed; the watches tell the rest.
    Done,
    /// The owner does not exist.
    Absent(String),
    /// To be looked at again.
    Again(String),
}

/// Collects garbage until `shutdown`.
pub(super) async fn collect(
    client: Client,
    shutdown: CancellationToken,
) -> Result<(), kube::Error> {
    let mut collector = Collector {
        client,
        graph: Graph::default(),
        watches: SelectAll::new(),
        kinds: HashMap::new(),
        listing: HashMap::new(),
        queue: VecDeque::new(),
        queued: HashSet::new(),
        working: FuturesUnordered::new(),
    };
    collector.discover().await?;
    let mut rediscover: Option<tokio::time::Instant> = None;
    loop {
        collector.start();
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some((resource, event)) = collector.watches.next() => {
                let is_definition = resource.kind == "CustomResourceDefinition"
                    && matches!(event, Ok(Event::Apply(_) | Event::Delete(_)));
                if is_definition {
                    rediscover = Some(tokio::time::Instant::now() + SETTLES);
                }
                collector.observe(&resource, event);
            }
            Some(outcome) = collector.working.next(), if !collector.working.is_empty() => {
                collector.finish(outcome);
            }
            () = until(rediscover), if rediscover.is_some() => {
                rediscover = None;
                if let Err(error) = collector.discover().await {
                    tracing::debug!(%error, "kinds could not be discovered; trying again");
                    rediscover = Some(tokio::time::Instant::now() + SETTLES);
                }
            }
        }
    }
    Ok(())
}

async fn until(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

struct Collector {
    client: Client,
    graph: Graph,
    watches: SelectAll<BoxStream<'static, Observed>>,
    /// The watched kinds by group and plural.
    kinds: HashMap<(String, String), (Arc<ApiResource>, AbortHandle)>,
    /// Kinds whose list is under way, with the uids seen so far. Nothing is judged meanwhile.
    listing: HashMap<(String, String), HashSet<String>>,
    queue: VecDeque<String>,
    queued: HashSet<String>,
    working: FuturesUnordered<BoxFuture<'static, Outcome>>,
}

fn name(resource: &ApiResource) -> (String, String) {
    (resource.group.clone(), resource.plural.clone())
}

impl Collector {
    /// Watches the kinds that are there now and not yet watched; forgets those that are gone.
    async fn discover(&mut self) -> Result<(), kube::Error> {
        let discovery = Discovery::new(self.client.clone()).run_aggregated().await?;
        let mut found = HashSet::new();
        for group in discovery.groups() {
            for (resource, capabilities) in group.recommended_resources() {
                let usable = [verbs::LIST, verbs::WATCH, verbs::DELETE]
                    .into_iter()
                    .all(|verb| capabilities.supports_operation(verb));
                if !usable || resource.kind == "Event" {
                    continue;
                }
                found.insert(name(&resource));
                self.watch(resource);
            }
        }
        let gone: Vec<(String, String)> =
            self.kinds.keys().filter(|kind| !found.contains(*kind)).cloned().collect();
        for kind in gone {
            let Some((resource, handle)) = self.kinds.remove(&kind) else { continue };
            handle.abort();
            self.listing.remove(&kind);
            for uid in self.graph.of_resource(&resource) {
                let affected = self.graph.remove(&uid);
                self.push(affected);
            }
        }
        Ok(())
    }

    fn watch(&mut self, resource: ApiResource) {
        let key = name(&resource);
        if self.kinds.contains_key(&key) {
            return;
        }
        let resource = Arc::new(resource);
        let api: Api<PartialObjectMeta<DynamicObject>> =
            Api::all_with(self.client.clone(), resource.as_ref());
        let events = watcher(api, watcher::Config::default()).default_backoff();
        let (events, handle) = abortable(events);
        let known = Arc::clone(&resource);
        self.watches.push(events.map(move |event| (Arc::clone(&known), event)).boxed());
        self.listing.insert(key.clone(), HashSet::new());
        self.kinds.insert(key, (resource, handle));
    }

    fn observe(
        &mut self,
        resource: &Arc<ApiResource>,
        event: Result<Event<PartialObjectMeta<DynamicObject>>, watcher::Error>,
    ) {
        let kind = name(resource);
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let Some(uid) = object.metadata.uid.clone() else { return };
                if let Some(seen) = self.listing.get_mut(&kind) {
                    seen.insert(uid.clone());
                }
                let node = Node::of(Arc::clone(resource), &object.metadata);
                let affected = self.graph.put(&uid, node);
                self.push(affected);
            }
            Ok(Event::Delete(object)) => {
                let Some(uid) = object.metadata.uid else { return };
                let affected = self.graph.remove(&uid);
                self.graph.is_absent(&uid);
                self.push(affected);
            }
            Ok(Event::Init) => {
                self.listing.insert(kind, HashSet::new());
            }
            Ok(Event::InitDone) => {
                let seen = self.listing.remove(&kind).unwrap_or_default();
                for uid in self.graph.of_resource(resource) {
                    if !seen.contains(&uid) {
                        let affected = self.graph.remove(&uid);
                        self.push(affected);
                    }
                }
                if self.listing.is_empty() {
                    let all = self.graph.all();
                    self.push(all);
                }
            }
            Err(error) => {
                tracing::debug!(kind = resource.kind, %error, "a watch broke off; it is opened again");
            }
        }
    }

    fn push(&mut self, uids: Vec<String>) {
        for uid in uids {
            if self.queued.insert(uid.clone()) {
                self.queue.push_back(uid);
            }
        }
    }

    fn start(&mut self) {
        while self.listing.is_empty() && self.working.len() < AT_ONCE {
            let Some(uid) = self.queue.pop_front() else { return };
            self.queued.remove(&uid);
            let verdict = self.graph.verdict(&uid);
            let Some(node) = self.graph.node(&uid).cloned() else { continue };
            let client = self.client.clone();
            match verdict {
                Verdict::Keep => {}
                Verdict::Verify(owner) => {
                    // An owner of a kind that is not known (yet) cannot be called gone: once the
                    // kind is watched, everything is judged anew.
                    if let Some(resource) = self.resource_of(&owner) {
                        self.working.push(verify(client, resource, node, owner, uid).boxed());
                    }
                }
                verdict => self.working.push(carry_out(client, node, verdict, uid).boxed()),
            }
        }
    }

    fn resource_of(&self, owner: &Owner) -> Option<Arc<ApiResource>> {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        self.kinds
            .values()
            .map(|(resource, _)| resource)
            .find(|resource| resource.group == group && resource.kind == owner.kind)
            .cloned()
    }

    fn finish(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done => {}
            Outcome::Absent(owner) => {
                self.graph.is_absent(&owner);
                let dependents = self.graph.dependents_of(&owner).map(str::to_owned).collect();
                self.push(dependents);
            }
            Outcome::Again(uid) => self.push(vec![uid]),
        }
    }
}

fn api(client: Client, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    }
}

/// Asks for an owner. A namespaced dependent's owner is in its namespace or in none.
async fn verify(
    client: Client,
    resource: Arc<ApiResource>,
    dependent: Node,
    owner: Owner,
    uid: String,
) -> Outcome {
    let mut places = vec![dependent.namespace.as_deref()];
    if dependent.namespace.is_some() {
        places.push(None);
    }
    for place in places {
        match api(client.clone(), &resource, place).get_metadata_opt(&owner.name).await {
            Ok(Some(found)) if found.metadata.uid.as_deref() == Some(&owner.uid) => {
                return Outcome::Done;
            }
            Ok(_) => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => {}
            Err(error) => return again(uid, &error).await,
        }
    }
    Outcome::Absent(owner.uid)
}

async fn carry_out(client: Client, node: Node, verdict: Verdict, uid: String) -> Outcome {
    let api = api(client, &node.resource, node.namespace.as_deref());
    let preconditions = Preconditions { uid: Some(uid.clone()), resource_version: None };
    let result = match verdict {
        Verdict::Delete { foreground } => {
            let policy = if foreground {
                PropagationPolicy::Foreground
            } else {
                PropagationPolicy::Background
            };
            let params = DeleteParams {
                preconditions: Some(preconditions),
                propagation_policy: Some(policy),
                ..DeleteParams::default()
            };
            api.delete(&node.name, &params).await.map(drop)
        }
        Verdict::Release(owners) => {
            edit(&api, &node.name, &uid, |metadata| {
                if let Some(references) = &mut metadata.owner_references {
                    references.retain(|reference| !owners.contains(&reference.uid));
                }
            })
            .await
        }
        Verdict::RemoveFinalizer(finalizer) => {
            edit(&api, &node.name, &uid, |metadata| {
                if let Some(finalizers) = &mut metadata.finalizers {
                    finalizers.retain(|name| name != finalizer);
                }
            })
            .await
        }
        Verdict::Keep | Verdict::Verify(_) => Ok(()),
    };
    match result {
        Ok(()) => Outcome::Done,
        Err(kube::Error::Api(status)) if status.code == 404 => Outcome::Done,
        Err(error) => again(uid, &error).await,
    }
}

/// Rewrites an object's references and finalizers as they are now, guarded by its version.
async fn edit(
    api: &Api<DynamicObject>,
    name: &str,
    uid: &str,
    change: impl FnOnce(&mut kube::core::ObjectMeta),
) -> Result<(), kube::Error> {
    let mut metadata = api.get_metadata(name).await?.metadata;
    if metadata.uid.as_deref() != Some(uid) {
        return Ok(());
    }
    change(&mut metadata);
    let patch = json!({"metadata": {
        "uid": uid,
        "resourceVersion": metadata.resource_version,
        "ownerReferences": metadata.owner_references,
        "finalizers": metadata.finalizers,
    }});
    let params = PatchParams {
        field_manager: Some("kube-controller-manager".to_owned()),
        ..PatchParams::default()
    };
    api.patch_metadata(name, &params, &Patch::Merge(&patch)).await.map(drop)
}

async fn again(uid: String, error: &kube::Error) -> Outcome {
    tracing::debug!(uid, %error, "garbage could not be collected; trying again");
    tokio::time::sleep(RETRY).await;
    Outcome::Again(uid)
}
