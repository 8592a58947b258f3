//! The plan back to the last healthy render, from what is stored and what the cluster has.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::plan::Plan;
use engine::record::Render;
use engine::sync::Failure;
use merge::{ErrorClass, ObjectId};

use super::drive::{Drive, failed};
use super::prepare::{self, Wish};
use crate::live::{self, Listing, Live};
use crate::schemas;

impl Drive<'_> {
    /// The plan back to a stored render, checked without the server: what it needs is in the records,
    /// and what it would refuse was accepted before.
    pub(super) async fn prepare_rollback(
        &mut self,
        to: &Render,
        revoked: &BTreeSet<ObjectId>,
    ) -> Result<Arc<Plan>, Failure> {
        let bundle = self
            .records
            .bundle(to.digest)
            .map_err(|error| Failure::new(error.class(), error.to_string()))?
            .ok_or_else(|| {
                let message = "its bundle is not among the records any more";
                Failure::new(ErrorClass::Config, message)
            })?;
        let inventory = self.records.inventory().clone();
        let live = live::read(self.client, &self.prepared.discovery, &bundle.objects, &inventory)
            .await
            .map_err(|error| failed(&error))?;
        let failed_render = std::mem::replace(&mut self.prepared.bundle, bundle.clone());
        let policy = self.request.policy.of_rollback();
        let wish = Wish {
            desired: &bundle.objects,
            previous: Some(&failed_render),
            inventory: &inventory,
            policy: &policy,
            approvals: &self.request.approvals,
            revoked,
        };
        let kinds = bundle.objects.iter().map(|it| it.gvk.clone()).collect();
        let schemas = schemas::of_server(self.client, &kinds, &bundle.objects)
            .await
            .unwrap_or_else(|_| schemas::offline(&bundle.objects));
        let plan = prepare::plan(self.request, &wish, &live, &schemas, self.clock.now()).map_err(
            |refusals| {
                let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                Failure::new(ErrorClass::Conflict, reasons.join("; "))
            },
        )?;
        let plan = Arc::new(plan);
        self.sink.planned(&plan);
        self.take_over(live);
        self.prepared.schemas = schemas;
        self.prepared.previous = Some(failed_render);
        self.prepared.plan = Arc::clone(&plan);
        Ok(plan)
    }

    fn take_over(&mut self, mut live: Live) {
        // Watches that are open stay; the lists of kinds that only they know stay with them.
        let before = std::mem::take(&mut self.prepared.live.listings);
        let known: BTreeSet<String> = live.listings.iter().map(Listing::path).collect();
        live.listings.extend(before.into_iter().filter(|it| !known.contains(&it.path())));
        self.prepared.live = live;
    }
}
