//! One run of one application: read, plan, ask the server, and carry out what the machine decides.
//!
//! ```text
//! discovery ┐
//! records ──┼─ live (lists) ─ draft ─ check ─ preflight ─┐
//! render ───┘                                            │  nothing was written up to here
//!                     ┌── requests, watches, timers ─────┴─ engine::sync::decide ── notes
//!                     └──────────── events ──────────────────────┘
//! ```
//!
//! A run that was killed is continued by the same command: the ledger says how far it was, and what
//! is there already shows as unchanged.

mod back;
mod drive;
mod error;
mod masked;
mod prepare;
mod see;
mod write;

use engine::application::ApplicationName;
use engine::plan::{Approvals, Plan};
use engine::policy::Policy;
use engine::record::{Render, Resume};
use engine::redact::Redaction;
use engine::sync::{Note, Outcome, Sync};
use merge::{Digest, Manifest};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::records::Records;
use drive::Drive;
pub use error::ApplyError;
use prepare::Prepared;
pub use prepare::{placed, previous};

/// What is to be brought about.
#[derive(Debug, Clone)]
pub struct Request {
    /// The application, whose namespace also holds the records.
    pub application: ApplicationName,
    /// The rendered objects, without our mark.
    pub desired: Vec<Manifest>,
    /// Names the render.
    pub digest: Digest,
    /// The commit it was rendered from, if it came from Git.
    pub revision: Option<String>,
    /// What is allowed.
    pub policy: Policy,
    /// What was approved for this run alone.
    pub approvals: Approvals,
    /// Whether a render may be tried again that failed before.
    pub allow_quarantined: bool,
    /// How values are masked in what is told and recorded.
    pub redaction: Redaction,
    /// Who asks, for the record.
    pub requested_by: String,
}

impl Request {
    /// The render by name.
    pub fn render(&self) -> Render {
        Render { digest: self.digest, revision: self.revision.clone() }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The application.
    pub application: ApplicationName,
    /// The render that was wanted.
    #[serde(flatten)]
    pub render: Render,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Is told what happens, as it happens.
pub trait Sink: Send {
    /// The plan is made and checked; what follows carries it out. Called again for a rollback's plan.
    fn planned(&mut self, plan: &Plan);
    /// One thing happened.
    fn note(&mut self, note: &Note);
}

/// Brings the application to its render, or back to the last healthy one, and says how it ended.
/// An error means that nothing of the render was applied.
///
/// `interrupt` stops it cleanly: nothing new is begun, what is in flight is awaited, and the report
/// says what was and was not applied.
pub async fn run(
    request: &Request,
    client: &Client,
    clock: &Clock,
    sink: &mut dyn Sink,
    interrupt: &CancellationToken,
) -> Result<Report, ApplyError> {
    let report = |outcome| Report {
        application: request.application.clone(),
        render: request.render(),
        outcome,
    };
    let holder = format!("{} {}", request.requested_by, clock.now());
    let reading = async {
        tokio::try_join!(async { Discovery::read(client).await.map_err(ApplyError::from) }, async {
            Records::read(client, &request.application, &holder).await.map_err(ApplyError::from)
        },)
    };
    let Some(read) = interrupt.run_until_cancelled(reading).await else {
        return Ok(report(untouched(request)));
    };
    let (discovery, mut records) = read?;
    let mut resume = records.ledger().resume(request.digest);
    let mut resumed = None;
    if let Resume::FinishRollback { to, because } = &resume {
        let failed = because.as_ref().map_or_else(|| to.clone(), |it| it.render.clone());
        let prepared = prepare::leaving(request, &failed, &records, discovery.clone())?;
        let context = prepare::context(request, failed, &records, &prepared)?;
        let sync = Sync::resume_rollback(request.policy.clone(), context);
        let mut drive = Drive::new(client, clock, request, records, prepared, sink);
        let outcome = drive.run(sync, interrupt).await?;
        records = drive.into_records();
        if !matches!(outcome, Outcome::RolledBack { .. }) {
            return Ok(report(outcome));
        }
        resume = records.ledger().resume(request.digest);
        resumed = Some(outcome);
    }
    if let Resume::Refuse { quarantined } = &resume
        && !request.allow_quarantined
    {
        // The run that failed is the one that was asked for: this is how it ended.
        return resumed
            .map(report)
            .ok_or_else(|| ApplyError::Quarantined(Box::new(quarantined.clone())));
    }
    if request.desired.is_empty() {
        return Err(ApplyError::Empty);
    }
    let reading = Prepared::read(request, client, clock, &records, discovery);
    let Some(read) = interrupt.run_until_cancelled(reading).await else {
        return Ok(report(untouched(request)));
    };
    let prepared = read?;
    let namespace = &request.application.namespace;
    let rendered = prepared.bundle.objects.iter().any(|manifest| {
        manifest.gvk.kind == "Namespace"
            && manifest.gvk.group.is_empty()
            && manifest.id.name == *namespace
    });
    let known = prepared.live.cluster.namespaces.as_ref();
    records.expect_namespace(rendered, known.is_some_and(|known| !known.contains_key(namespace)));
    let context = prepare::context(request, request.render(), &records, &prepared)?;
    let sync = Sync::new(&prepared.plan, request.policy.clone(), context);
    sink.planned(&prepared.plan);
    let mut drive = Drive::new(client, clock, request, records, prepared, sink);
    Ok(report(drive.run(sync, interrupt).await?))
}

/// The outcome of a run that was interrupted before it had a plan: it has not written anything.
fn untouched(request: &Request) -> Outcome {
    let not_applied = request.desired.iter().map(|manifest| manifest.id.clone()).collect();
    Outcome::Interrupted { applied: Vec::new(), not_applied }
}
