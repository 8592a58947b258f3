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

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use engine::application::ApplicationName;
use engine::diff::settled_digest;
use engine::record::Bundle;
use engine::vouch;
use merge::schema::Schemas;
use merge::{GroupVersionKind, Manifest, ObjectId};

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
    /// The rendered objects, placed as the server would have them and marked as the application's.
    pub desired: Vec<Manifest>,
    /// What the cluster has of them, and of what is recorded.
    pub live: Live,
    /// The objects that their records vouch for.
    pub vouched: BTreeSet<ObjectId>,
    /// The schemas to compare the others by.
    pub schemas: Schemas,
}

/// Reads while the render is at work.
pub async fn read<E: From<ApplyError>>(
    client: &Client,
    application: &ApplicationName,
    render: impl Future<Output = Result<Vec<Manifest>, E>>,
) -> Result<Reading, E> {
    let failed = |error: ApplyError| E::from(error);
    let cluster = async {
        let (discovery, records) = futures::try_join!(
            async { Discovery::read(client).await.map_err(ApplyError::from) },
            async { Records::read(client, application, "").await.map_err(ApplyError::from) },
        )?;
        let mut reader = Reader::new(client, &discovery, Depth::Comparison);
        reader.want(&[], records.inventory());
        let previous = previous(&records)?;
        Ok((discovery, records, previous, reader))
    };
    let cluster = async { cluster.await.map_err(failed) };
    let ((discovery, records, previous, reader), rendered) = futures::try_join!(cluster, render)?;
    // What a kind is and where it lives is judged by what the cluster serves, not by us.
    let desired: Vec<Manifest> = rendered
        .into_iter()
        .map(|manifest| {
            let placed = placed(&manifest, &discovery, &application.namespace);
            application.marked(placed.as_ref().unwrap_or(&manifest))
        })
        .collect();
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

impl Reading {
    fn vouch(&mut self) {
        let before: BTreeMap<&ObjectId, &Manifest> =
            self.previous.iter().flat_map(|it| &it.objects).map(|it| (&it.id, it)).collect();
        let vouched = self.desired.iter().filter(|manifest| {
            let id = &manifest.id;
            let (Some(entry), Some(live)) =
                (self.records.inventory().entries.get(id), self.live.objects.get(id))
            else {
                return false;
            };
            // What was applied last and is wanted still has nothing to add.
            let previous = before.get(id).filter(|it| it.digest != manifest.digest);
            let previous = previous.map(|it| it.body.as_ref());
            let server = &self.live.cluster.server;
            vouch::vouches(entry, manifest, live, server, || {
                settled_digest(&self.schemas, live, &manifest.body, previous)
            })
        });
        self.vouched = vouched.map(|manifest| manifest.id.clone()).collect();
    }
}
