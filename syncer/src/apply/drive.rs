//! The loop between the machine and the cluster: effects become requests, answers, watch events and
//! timers become events. Nothing is decided here.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::application::Ownership;
use engine::diff::Comparison;
use engine::plan::{Prune, StepId};
use engine::sync::{AppliedObject, Checkpoint, Effect, Event, Failure, Outcome, Sync, decide};
use engine::vouch::Settled;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use merge::{GroupVersionKind, ObjectId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::prepare::Prepared;
use super::write::Moved;
use super::{ApplyError, Request, Sink};
use crate::client::{Client, RequestError};
use crate::clock::Clock;
use crate::discovery::Resource;
use crate::records::{Records, RecordsError};
use crate::requests;
use crate::watch::Watches;

/// One run being carried out.
pub(super) struct Drive<'a> {
    pub(super) client: &'a Client,
    pub(super) clock: &'a Clock,
    pub(super) request: &'a Request,
    pub(super) records: Records,
    pub(super) prepared: Prepared,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) watches: Watches,
    pub(super) in_flight: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// When the machine wants to be woken.
    alarm: Option<Timestamp>,
    /// Whether the objects of a wave are reported to the machine.
    pub(super) observing: bool,
}

/// What came back of a request.
pub(super) enum Answer {
    Applied { step: StepId, result: Result<Value, RequestError> },
    Moved(Moved),
    Pruned { id: ObjectId, result: Result<(), RequestError> },
    Freed { uid: String, result: Result<(), RequestError> },
}

impl<'a> Drive<'a> {
    pub fn new(
        client: &'a Client,
        clock: &'a Clock,
        request: &'a Request,
        records: Records,
        prepared: Prepared,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Self {
            client,
            clock,
            request,
            records,
            prepared,
            sink,
            watches: Watches::new(client),
            in_flight: FuturesUnordered::new(),
            alarm: None,
            observing: false,
        }
    }

    /// The records as they are now.
    pub fn into_records(self) -> Records {
        self.records
    }

    /// Carries the run out, to its end.
    pub async fn run(
        &mut self,
        mut sync: Sync,
        interrupt: &CancellationToken,
    ) -> Result<Outcome, ApplyError> {
        let mut events = VecDeque::from([Event::Start]);
        let mut interrupted = false;
        loop {
            // Looked at before each event: what an event leads to may be the first write.
            while let Some(event) =
                interruption(interrupt, &mut interrupted).or_else(|| events.pop_front())
            {
                let (next, effects) = decide(sync, self.clock.now(), event);
                sync = next;
                for effect in effects {
                    if let Effect::Finish(outcome) = effect {
                        return Ok(*outcome);
                    }
                    self.perform(effect, &mut events).await;
                }
            }
            tokio::select! {
                biased;
                () = interrupt.cancelled(), if !interrupted => {}
                Some(answer) = self.in_flight.next() => self.answered(answer, &mut events),
                seen = self.watches.next() => {
                    let seen = seen.ok_or(ApplyError::Stuck("the watches ended"))?;
                    self.seen(seen, &mut events);
                }
                () = alarm(self.clock, self.alarm), if self.alarm.is_some() => {
                    self.alarm = None;
                    events.push_back(Event::Tick);
                }
            }
        }
    }

    async fn perform(&mut self, effect: Effect, events: &mut VecDeque<Event>) {
        match effect {
            Effect::Note(note) => self.sink.note(&note),
            Effect::WakeAt(time) => self.alarm = Some(time),
            Effect::Record(checkpoint) => events.push_back(match self.record(&checkpoint).await {
                Ok(()) => Event::Recorded,
                Err(error) => Event::RecordFailed(Failure::new(error.class(), error.to_string())),
            }),
            Effect::Apply(step) => self.apply(step, events).await,
            Effect::Observe { wave } => self.observe(wave, events).await,
            Effect::Prune(prune) => self.prune(&prune),
            Effect::FreePod { pod, uid } => {
                let client = self.client.clone();
                let freeing = async move {
                    let result = requests::delete_pod(&client, &pod, &uid).await;
                    Answer::Freed { uid, result }
                };
                self.in_flight.push(freeing.boxed());
            }
            Effect::PrepareRollback { to, revoked } => {
                events.push_back(match self.prepare_rollback(&to, &revoked).await {
                    Ok(plan) => Event::RollbackReady { plan },
                    Err(failure) => Event::RollbackImpossible(failure),
                });
            }
            Effect::Finish(_) => {}
        }
    }

    /// The bundle first, the ledger last: a ledger never names what is not there.
    async fn record(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordsError> {
        if checkpoint.bundle == Some(self.prepared.bundle.digest) {
            self.records.write_bundle(&self.prepared.bundle).await?;
        }
        if let Some(inventory) = &checkpoint.inventory {
            self.records.write_inventory(inventory).await?;
        }
        self.records.write_ledger(&checkpoint.ledger).await?;
        self.records.forget_bundles(&checkpoint.keep).await
    }

    async fn apply(&mut self, id: StepId, events: &mut VecDeque<Event>) {
        let plan = Arc::clone(&self.prepared.plan);
        let Some(step) = plan.step(id) else {
            let failure = Failure::new(merge::ErrorClass::Internal, "the plan has no such step");
            events.push_back(Event::Applied { step: id, result: Err(failure) });
            return;
        };
        let resource = match self.resource(&step.manifest.gvk).await {
            Ok(resource) => resource,
            Err(error) => {
                events.push_back(Event::Applied { step: id, result: Err(failed(&error)) });
                return;
            }
        };
        self.write(id, step, resource, 1);
    }

    /// The resource of a kind; one whose definition this run applied is looked for again.
    async fn resource(&mut self, gvk: &GroupVersionKind) -> Result<Resource, RequestError> {
        match self.prepared.discovery.resource(gvk) {
            Some(resource) => Ok(resource.clone()),
            None => requests::wait_served(self.client, &mut self.prepared.discovery, gvk).await,
        }
    }

    fn answered(&mut self, answer: Answer, events: &mut VecDeque<Event>) {
        match answer {
            Answer::Moved(moved) => self.moved(moved, events),
            Answer::Applied { step, result } => {
                let result = result.map(|object| self.applied(step, object));
                let observed = result.as_ref().ok().and_then(|(id, _)| self.observed(id));
                let result = result.map(|(_, applied)| applied).map_err(|error| {
                    let plan = &self.prepared.plan;
                    let id = plan.step(step).map_or_else(nobody, |it| it.manifest.id.clone());
                    self.failure(&id, error)
                });
                events.push_back(Event::Applied { step, result });
                events.extend(observed);
            }
            Answer::Pruned { id, result } => {
                let result = result.map_err(|error| self.failure(&id, error));
                events.push_back(Event::Pruned { id, result });
            }
            Answer::Freed { uid, result } => {
                let result = result.map_err(|error| failed(&error));
                events.push_back(Event::Freed { uid, result });
            }
        }
    }

    /// Takes in what an apply returned.
    fn applied(&mut self, step: StepId, object: Value) -> (ObjectId, AppliedObject) {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let mut applied = AppliedObject {
            uid: text(merge::object::uid(&object)),
            resource_version: text(merge::object::resource_version(&object)),
            generation: merge::object::generation(&object),
            settled: None,
        };
        let plan = Arc::clone(&self.prepared.plan);
        let Some(step) = plan.step(step) else {
            return (ObjectId::of(&object).unwrap_or_else(nobody), applied);
        };
        applied.settled = Some(self.settled(&step.manifest.id, &step.manifest.body, &object));
        self.prepared.live.upsert(object);
        (step.manifest.id.clone(), applied)
    }

    fn settled(&self, id: &ObjectId, desired: &Value, object: &Value) -> Settled {
        let previous = self.prepared.previous.iter().flat_map(|it| &it.objects);
        let previous = previous.into_iter().find(|it| it.id == *id).map(|it| &*it.body);
        let server = &self.prepared.live.cluster.server;
        let around = GroupVersionKind::of(desired).map(|gvk| server.around(&gvk));
        let Request { policy, redaction, .. } = self.request;
        let comparison = Comparison {
            previous,
            ignore: &policy.ignore,
            ..Comparison::new(desired, &self.prepared.schemas, redaction)
        };
        comparison.settled(object).within(around.unwrap_or_default())
    }

    fn prune(&mut self, prune: &Prune) {
        let gvk = GroupVersionKind::new(&prune.api_version, &prune.id.kind);
        let resource = self.prepared.discovery.served(&gvk).cloned();
        // Its status may have moved on since the plan; the newest version we know of is as good, as
        // long as it still is the application's. If not, the planned one makes sure that it is read.
        let known = self.prepared.live.objects.get(&prune.id);
        let is_ours = |object: &Value| {
            merge::object::uid(object) == Some(&prune.uid)
                && self.request.application.ownership(&prune.id, object) == Ownership::Ours
        };
        let version = known
            .filter(|object| is_ours(object))
            .and_then(|object| merge::object::resource_version(object))
            .unwrap_or(&prune.resource_version)
            .to_owned();
        let (client, application) = (self.client.clone(), self.request.application.clone());
        let (id, uid) = (prune.id.clone(), prune.uid.clone());
        let pruning = async move {
            let result = match resource {
                Some(resource) => {
                    requests::delete(&client, &resource, &application, &id, &uid, &version).await
                }
                // With its kind, the object is gone.
                None => Ok(()),
            };
            Answer::Pruned { id, result }
        };
        self.in_flight.push(pruning.boxed());
    }
}

/// The interruption as an event, once.
fn interruption(interrupt: &CancellationToken, told: &mut bool) -> Option<Event> {
    let is_new = interrupt.is_cancelled() && !std::mem::replace(told, interrupt.is_cancelled());
    is_new.then_some(Event::Interrupt)
}

/// A failed request as the machine takes it.
pub(super) fn failed(error: &RequestError) -> Failure {
    Failure::new(error.class(), error.why.to_string())
}

fn nobody() -> ObjectId {
    ObjectId { group: String::new(), kind: String::new(), namespace: None, name: String::new() }
}

async fn alarm(clock: &Clock, time: Option<Timestamp>) {
    match time {
        Some(time) => tokio::time::sleep(clock.until(time)).await,
        None => std::future::pending().await,
    }
}
