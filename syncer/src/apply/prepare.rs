//! Everything that is read and decided before the first write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::gate::{Ailing, Observation};
use engine::plan::{Approvals, Inputs, Plan, Refusal, draft};
use engine::policy::{Policy, Preflight};
use engine::record::{Bundle, Inventory, Phase, Render};
use engine::sync::Context;
use jiff::Timestamp;
use merge::schema::Schemas;
use merge::{Digest, GroupVersionKind, Manifest, ObjectId};
use serde_json::Value;

use super::{ApplyError, Request};
use crate::client::Client;
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::live::{self, Live};
use crate::records::Records;
use crate::{preflight, schemas};

/// What a run goes by.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The kinds that are served.
    pub discovery: Discovery,
    /// The schemas of those in use.
    pub schemas: Schemas,
    /// What the cluster has.
    pub live: Live,
    /// What is done.
    pub plan: Arc<Plan>,
    /// The render as it is sent and stored, marked.
    pub bundle: Bundle,
    /// What was applied before.
    pub previous: Option<Bundle>,
}

/// What a plan is drafted from, besides the cluster.
pub(super) struct Wish<'a> {
    pub desired: &'a [Manifest],
    pub previous: Option<&'a Bundle>,
    pub inventory: &'a Inventory,
    pub policy: &'a Policy,
    pub approvals: &'a Approvals,
    pub revoked: &'a BTreeSet<ObjectId>,
}

impl Prepared {
    /// Reads the cluster, plans, checks the plan, and asks the server about it.
    pub async fn read(
        request: &Request,
        client: &Client,
        clock: &Clock,
        records: &Records,
        discovery: Discovery,
    ) -> Result<Self, ApplyError> {
        let bundle = marked(request, &discovery);
        let live = live::read(client, &discovery, &bundle.objects, records.inventory()).await?;
        let read_at = clock.now();
        let previous = previous(records)?;
        let wish = Wish {
            desired: &bundle.objects,
            previous: previous.as_ref(),
            inventory: records.inventory(),
            policy: &request.policy,
            approvals: &request.approvals,
            revoked: &BTreeSet::new(),
        };
        // The built-in schemas are enough to see that nothing changed, and cost no request.
        let mut schemas = schemas::offline(&bundle.objects);
        let mut checked = plan(request, &wish, &live, &schemas, read_at);
        if !checked.as_ref().is_ok_and(Plan::is_noop) {
            let kinds: BTreeSet<GroupVersionKind> =
                bundle.objects.iter().map(|manifest| manifest.gvk.clone()).collect();
            schemas = schemas::of_server(client, &kinds, &bundle.objects).await?;
            checked = plan(request, &wish, &live, &schemas, read_at);
        }
        let mut plan = checked.map_err(ApplyError::Plan)?;
        if request.policy.preflight == Preflight::Server {
            let refused =
                preflight::run(client, &discovery, &live, &request.redaction, &mut plan).await?;
            if !refused.is_empty() {
                return Err(ApplyError::Preflight(refused));
            }
        }
        let plan = Arc::new(plan);
        Ok(Self { discovery, schemas, live, plan, bundle, previous })
    }
}

/// A run that only puts back has no plan of its own yet. What it leaves is the render that failed.
pub(super) fn leaving(
    request: &Request,
    failed: &Render,
    records: &Records,
    discovery: Discovery,
) -> Result<Prepared, ApplyError> {
    let bundle = match records.bundle(failed.digest)? {
        Some(bundle) => bundle,
        None => marked(request, &discovery),
    };
    Ok(Prepared {
        discovery,
        schemas: Schemas::builtin(),
        live: Live::wanting(&[], records.inventory()),
        plan: Arc::new(Plan {
            waves: Vec::new(),
            prunes: Vec::new(),
            withheld: Vec::new(),
            irreversible: Vec::new(),
        }),
        bundle,
        previous: None,
    })
}

/// Drafts a plan and checks it.
pub(super) fn plan(
    request: &Request,
    wish: &Wish<'_>,
    live: &Live,
    schemas: &Schemas,
    read_at: Timestamp,
) -> Result<Plan, Vec<Refusal>> {
    draft(&Inputs {
        desired: wish.desired,
        live: &live.objects,
        cluster: &live.cluster,
        inventory: wish.inventory,
        previous: wish.previous,
        schemas,
        policy: wish.policy,
        application: &request.application,
        approvals: wish.approvals,
        revoked: wish.revoked,
        redaction: &request.redaction,
        read_at: Some(read_at),
    })
    .check()
}

/// The render as it is sent and stored.
fn marked(request: &Request, discovery: &Discovery) -> Bundle {
    let objects = request.desired.iter().map(|manifest| {
        let placed = placed(manifest, discovery, &request.application.namespace);
        request.application.into_marked(placed.unwrap_or_else(|| manifest.clone()))
    });
    Bundle {
        digest: request.digest,
        revision: request.revision.clone(),
        objects: objects.collect(),
    }
}

/// An object whose namespace could not be judged before the server was asked, because only the server
/// knows its kind; `None` for all others.
pub fn placed(manifest: &Manifest, discovery: &Discovery, namespace: &str) -> Option<Manifest> {
    let resource = discovery.resource(&manifest.gvk)?;
    if resource.namespaced == manifest.id.namespace.is_some() {
        return None;
    }
    let mut body = Value::clone(&manifest.body);
    let metadata = body.get_mut("metadata")?.as_object_mut()?;
    if resource.namespaced {
        metadata.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
    } else {
        metadata.remove("namespace");
    }
    Manifest::new(body, manifest.origin.clone())
}

/// What was applied before. A run that did not come to its end may have reached an object or not, so
/// then the last healthy render counts first: what it had and Git no longer has must not be forgotten.
pub fn previous(records: &Records) -> Result<Option<Bundle>, ApplyError> {
    let ledger = records.ledger();
    let of = |render: Option<&Render>| match render {
        Some(render) => records.bundle(render.digest),
        None => Ok(None),
    };
    let current = of(ledger.current.as_ref().map(|run| &run.render))?;
    let healthy = of(ledger.last_healthy.as_ref())?;
    let (first, second) =
        if ledger.phase == Phase::Idle { (current, healthy) } else { (healthy, current) };
    let Some(mut first) = first else { return Ok(second) };
    let known: BTreeSet<ObjectId> = first.objects.iter().map(|it| it.id.clone()).collect();
    let more = second.into_iter().flat_map(|it| it.objects).filter(|it| !known.contains(&it.id));
    first.objects.extend(more);
    Ok(Some(first))
}

/// What the machine is started with.
pub(super) fn context(
    request: &Request,
    render: Render,
    records: &Records,
    prepared: &Prepared,
) -> Result<Context, ApplyError> {
    let mut baseline = ailing(&prepared.live, &prepared.plan);
    let ledger = records.ledger();
    if ledger.phase != Phase::Idle {
        // What a run that did not come to its end has sent may be ill because of that: only what is
        // as the last healthy render left it counts as "before".
        let healthy = match &ledger.last_healthy {
            Some(render) => records.bundle(render.digest)?,
            None => None,
        };
        let healthy: BTreeMap<&ObjectId, Digest> =
            healthy.iter().flat_map(|it| &it.objects).map(|it| (&it.id, it.digest)).collect();
        let sent = |id: &ObjectId| records.inventory().entries.get(id).map(|entry| entry.desired);
        baseline.retain(|id, _| sent(id).is_some() && sent(id) == healthy.get(id).copied());
    }
    let is_stored = matches!(records.bundle(render.digest), Ok(Some(_)));
    Ok(Context {
        application: request.application.clone(),
        render,
        requested_by: request.requested_by.clone(),
        ledger: ledger.clone(),
        inventory: records.inventory().clone(),
        is_stored,
        baseline,
    })
}

/// The objects of a plan that are unhealthy.
fn ailing(live: &Live, plan: &Plan) -> BTreeMap<ObjectId, Ailing> {
    let existing = plan.steps().filter_map(|(_, step)| {
        let id = &step.manifest.id;
        let object = live.objects.get(id)?;
        let health = live.health(id);
        let well = health.status.is_well();
        let uid = merge::object::uid(object)?.to_owned();
        (!well).then(|| (id.clone(), Ailing { uid, health }))
    });
    existing.collect()
}

/// An observation of an object as it is known, if it exists.
pub(super) fn observation(live: &Live, id: &ObjectId) -> Option<Observation> {
    let object = live.objects.get(id)?;
    Some(Observation::new(object, live.health(id)))
}
