//! The write of one step: its apply, and before it, where needed, the patch that puts the object's
//! ownership right.
//!
//! The two are pinned to one version of the object. If somebody has written in between, nothing is
//! forced: the object is read again and its step planned anew.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use engine::application::ApplicationName;
use engine::plan::{self, Action, Inputs, Plan, Step, StepId};
use engine::sync::{Event, Failure};
use futures::FutureExt;
use merge::{ErrorClass, ObjectId};
use serde_json::Value;

use super::drive::{Answer, Drive};
use crate::client::{Call, Client, RequestError};
use crate::discovery::Resource;
use crate::handover::Patch;
use crate::requests::{self, Apply};

/// How often a step is planned anew because its object keeps changing.
const ATTEMPTS: u32 = 5;

/// What one step sends, and to whom.
struct Write {
    client: Client,
    resource: Resource,
    application: ApplicationName,
    object: ObjectId,
    uid: Option<String>,
    version: Option<String>,
    body: Arc<Value>,
    managed_fields: Option<Vec<Value>>,
}

/// How a write went.
enum Written {
    /// To its end.
    Done(Result<Value, RequestError>),
    /// Not at all, since the object had changed: the refusal, and how it is now, if it could be read.
    Moved(Box<(RequestError, Result<Value, RequestError>)>),
}

/// A step whose object had changed when it was to be written.
pub(super) struct Moved {
    step: StepId,
    attempt: u32,
    refusal: RequestError,
    live: Result<Value, RequestError>,
}

impl Write {
    async fn send(self) -> Written {
        let Self { client, resource, application, object, uid, version, body, managed_fields } =
            self;
        let Some(uid) = uid.as_deref() else {
            return Written::Done(
                requests::create(&client, &resource, &application, &object, &body).await,
            );
        };
        let apply =
            Apply { id: &object, body: &body, uid: Some(uid), version: None, dry_run: false };
        let (Some(managed_fields), Some(version)) = (managed_fields, version.as_deref()) else {
            return Written::Done(apply.send(&client, &resource).await);
        };
        let patch = Patch { id: &object, uid, version };
        let result = match patch.send(&client, &resource, &managed_fields).await {
            Ok(patched) => {
                let version = merge::object::resource_version(&patched);
                Apply { version, ..apply }.send(&client, &resource).await
            }
            Err(error) => Err(error),
        };
        match result {
            // Somebody has written since; it is a test of the patch, too, that answers 422.
            Err(error) if error.is(409) || error.is(422) => {
                let path = resource.path(object.namespace.as_deref(), Some(&object.name));
                let live = client.call(Call::get(format!("read {object}"), path)).await;
                let same = live.as_ref().is_ok_and(|live| {
                    merge::object::uid(live) == Some(uid)
                        && merge::object::resource_version(live) == Some(version)
                });
                if same {
                    Written::Done(Err(error))
                } else {
                    Written::Moved(Box::new((error, live)))
                }
            }
            result => Written::Done(result),
        }
    }
}

impl Drive<'_> {
    /// Begins to write a step.
    pub(super) fn write(&mut self, id: StepId, step: &Step, resource: Resource, attempt: u32) {
        let object = step.manifest.id.clone();
        let made = || self.records.made(&object).map(str::to_owned);
        let write = Write {
            client: self.client.clone(),
            resource,
            application: self.request.application.clone(),
            uid: step.live_uid.clone().or_else(made),
            object,
            version: step.live_version.clone(),
            body: Arc::clone(&step.outgoing),
            managed_fields: step.diff.handover.as_ref().map(|it| it.managed_fields.clone()),
        };
        let writing = async move {
            match write.send().await {
                Written::Done(result) => Answer::Applied { step: id, result },
                Written::Moved(moved) => {
                    let (refusal, live) = *moved;
                    Answer::Moved(Moved { step: id, attempt, refusal, live })
                }
            }
        };
        self.in_flight.push(writing.boxed());
    }

    /// Plans a step anew whose object has changed, and writes it, unless now something speaks
    /// against it.
    pub(super) fn moved(&mut self, moved: Moved, events: &mut VecDeque<Event>) {
        let (id, attempt) = (moved.step, moved.attempt);
        match self.replanned(moved) {
            Ok((step, resource)) => self.write(id, &step, resource, attempt + 1),
            Err(failure) => events.push_back(Event::Applied { step: id, result: Err(failure) }),
        }
    }

    fn replanned(&mut self, moved: Moved) -> Result<(Step, Resource), Failure> {
        let Moved { step: id, attempt, refusal, live } = moved;
        let plan: Arc<Plan> = Arc::clone(&self.prepared.plan);
        let conflict = |message: &str| Failure::new(ErrorClass::Conflict, message);
        let missing = || Failure::new(ErrorClass::Internal, "the plan has no such step");
        let before = plan.step(id).ok_or_else(missing)?;
        if attempt >= ATTEMPTS {
            return Err(if refusal.is(409) {
                conflict("others keep writing to it; try again when they have come to rest")
            } else {
                self.failure(&before.manifest.id, refusal)
            });
        }
        let live = live.map_err(|error| self.failure(&before.manifest.id, error))?;
        if merge::object::uid(&live) != before.live_uid.as_deref() {
            return Err(conflict("it was replaced by another object of the same name; run again"));
        }
        self.prepared.live.upsert(live);
        let prepared = &self.prepared;
        let inputs = Inputs {
            desired: &prepared.bundle.objects,
            live: &prepared.live.objects,
            cluster: &prepared.live.cluster,
            inventory: self.records.inventory(),
            previous: prepared.previous.as_ref(),
            schemas: &prepared.schemas,
            policy: &self.request.policy,
            application: &self.request.application,
            approvals: &self.request.approvals,
            revoked: &BTreeSet::new(),
            redaction: &self.request.redaction,
            read_at: Some(self.clock.now()),
        };
        let step = plan::step_anew(&inputs, &before.manifest.id).map_err(|refusals| {
            let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            conflict(&reasons.join("; "))
        })?;
        // Neither a wish to adopt nor one to look on was told of this object, which was ours.
        let lost = |step: &Step| {
            step.action != before.action && matches!(step.action, Action::Adopt | Action::Observe)
        };
        if step.as_ref().is_some_and(lost) {
            return Err(conflict(
                "it no longer says that it belongs to this application; run again",
            ));
        }
        let resource = prepared.discovery.resource(&before.manifest.gvk).cloned();
        let served =
            |it: Option<Resource>| it.ok_or_else(|| conflict("its kind is not served any more"));
        Ok((step.ok_or_else(missing)?, served(resource)?))
    }
}
