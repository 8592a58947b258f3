//! Everything that `plan` and `diff` read of a cluster, as much of it at once as can be.
//!
//! ```text
//! discovery ┐                ┌ lists of what is recorded ┐
//! records ──┴────────────────┤                           ├── vouched? ── schemas, if not all are
//! render ────────────────────┴ lists of the rest ────────┘
//! ```
//!
//! An object that its record vouches for is not compared, and while all are vouched for no schema is
//! asked for: lists are all that an unchanged application costs.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZero;

use engine::application::ApplicationName;
use engine::record::{Bundle, Ledger, Phase};
use engine::vouch::Vouching;
use merge::schema::Schemas;
use merge::{Digest, GroupVersionKind, Manifest, ObjectId};

use crate::apply::{placed, previous};
use crate::client::Client;
use crate::discovery::Discovery;
use crate::live::{Depth, Live, Reader};
use crate::records::Records;
use crate::{apply::ApplyError, schemas, surroundings};

/// What was read.
#[derive(Debug)]
pub struct Reading {
    /// The kinds that are served.
    pub discovery: Discovery,
    /// The application's records.
    pub records: Records,
    /// What was applied last.
    pub previous: Option<Bundle>,
    /// Names the render.
    pub digest: Digest,
    /// The rendered objects, placed as the server would have them and marked as the application's.
    pub desired: Vec<Manifest>,
    /// What the cluster has of them, and of what is recorded.
    pub live: Live,
    /// The objects that their records vouch for.
    pub vouched: BTreeSet<ObjectId>,
    /// The schemas to compare the others by.
    pub schemas: Schemas,
}

/// Reads while the render is at work, which ends with its digest and its objects.
pub async fn read<E: From<ApplyError>>(
    client: &Client,
    application: &ApplicationName,
    render: impl Future<Output = Result<(Digest, Vec<Manifest>), E>>,
) -> Result<Reading, E> {
    let failed = |error: ApplyError| E::from(error);
    let cluster = async {
        let (discovery, records) = futures::try_join!(
            async { Discovery::read(client).await.map_err(ApplyError::from) },
            async { Records::read(client, application, "").await.map_err(ApplyError::from) },
        )?;
        let mut reader = Reader::new(client, &discovery, Depth::Comparison);
        reader.want(&[], records.inventory());
        Ok((discovery, records, reader))
    };
    let cluster = async { cluster.await.map_err(failed) };
    let ((discovery, records, reader), (digest, rendered)) = futures::try_join!(cluster, render)?;
    // What a kind is and where it lives is judged by what the cluster serves, not by us.
    let desired: Vec<Manifest> = rendered
        .into_iter()
        .map(|manifest| {
            let placed = placed(&manifest, &discovery, &application.namespace);
            application.into_marked(placed.unwrap_or(manifest))
        })
        .collect();
    let previous = match last(records.ledger(), digest, &desired) {
        Some(last) => Some(last),
        None => previous(&records).map_err(failed)?,
    };
    let offline = schemas::offline(&desired);
    let kinds: BTreeSet<GroupVersionKind> = desired.iter().map(|it| it.gvk.clone()).collect();
    let (mut live, server) = futures::try_join!(
        async {
            let live = reader.finish(&desired, records.inventory()).await;
            live.map_err(|error| failed(error.into()))
        },
        async { Ok(surroundings::read(client, &discovery, &desired).await) },
    )?;
    live.cluster.server = server;
    let mut reading = Reading {
        vouched: BTreeSet::new(),
        schemas: offline,
        discovery,
        records,
        previous,
        digest,
        desired,
        live,
    };
    reading.vouch();
    if reading.vouched.len() < reading.desired.len() {
        let schemas = schemas::of_server(client, &kinds, &reading.desired).await;
        reading.schemas = schemas.map_err(|error| failed(error.into()))?;
        // A custom kind's record was made by the schema that only the server has.
        reading.vouch();
    }
    Ok(reading)
}

/// What was applied last, if that is this very render: then nothing has to be unpacked.
fn last(ledger: &Ledger, digest: Digest, desired: &[Manifest]) -> Option<Bundle> {
    let current = &ledger.current.as_ref()?.render;
    let healthy = ledger.last_healthy.as_ref()?;
    let is_this = current.digest == digest && healthy.digest == digest;
    (is_this && ledger.phase == Phase::Idle).then(|| Bundle {
        digest,
        revision: current.revision.clone(),
        objects: desired.to_vec(),
    })
}

impl Reading {
    fn vouch(&mut self) {
        let vouching = Vouching {
            inventory: self.records.inventory(),
            previous: self
                .previous
                .iter()
                .flat_map(|it| &it.objects)
                .map(|it| (&it.id, it))
                .collect(),
            schemas: &self.schemas,
            server: &self.live.cluster.server,
        };
        let (vouching, live) = (&vouching, &self.live.objects);
        let stand = |some: &'_ [Manifest]| -> Vec<ObjectId> {
            let stand = some
                .iter()
                .filter(|it| live.get(&it.id).is_some_and(|live| vouching.stands(it, live)));
            stand.map(|it| it.id.clone()).collect()
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        // A thread costs what some tens of digests cost.
        let share = self.desired.len().div_ceil(cores).max(256);
        let vouched: Vec<ObjectId> = std::thread::scope(|scope| {
            let running: Vec<_> =
                self.desired.chunks(share).map(|some| scope.spawn(move || stand(some))).collect();
            running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
        });
        self.vouched = vouched.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::record::{Render, Run, RunKind};
    use merge::Origin;
    use serde_json::json;

    #[test]
    fn only_a_healthy_render_that_is_wanted_again_needs_no_bundle() {
        let digest = |text: &str| Digest::of_bytes(text.as_bytes());
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "shop"}});
        let origin = Origin { file: "a.yaml".to_owned(), line: 1 };
        let desired = [Manifest::new(body, origin).unwrap()];
        let ledger = |phase, current: &str, healthy: Option<&str>| {
            let render = |text: &str| Render { digest: digest(text), revision: None };
            Ledger {
                phase,
                current: Some(Run {
                    render: render(current),
                    kind: RunKind::Sync,
                    started: jiff::Timestamp::UNIX_EPOCH,
                    requested_by: "ada".to_owned(),
                }),
                last_healthy: healthy.map(render),
                ..Ledger::default()
            }
        };
        for (ledger, same, what) in [
            (ledger(Phase::Idle, "a", Some("a")), true, "as it was"),
            (ledger(Phase::Idle, "b", Some("b")), false, "another render"),
            (ledger(Phase::Idle, "a", Some("b")), false, "it never became healthy"),
            (ledger(Phase::Idle, "a", None), false, "nothing ever became healthy"),
            (ledger(Phase::Syncing, "a", Some("a")), false, "a run is under way"),
            (Ledger::default(), false, "nothing was ever applied"),
        ] {
            let last = last(&ledger, digest("a"), &desired);
            assert_eq!(last.map(|it| it.objects == desired), same.then_some(true), "{what}");
        }
    }
}
