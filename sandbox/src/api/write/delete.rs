//! Deleting: preconditions, finalizers, grace, and who is told.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::output::{self, Form};
use super::super::select::Selector;
use super::super::{Api, Subject};
use super::options::dry_run;
use super::{ATTEMPTS, has_finalizers, is_terminating, metadata_mut, written};
use crate::answer::Answer;
use crate::clock;
use crate::custom::definition::CLEANUP;
use crate::refusal::Refusal;
use crate::registry::items;
use crate::store::{Expect, Key, version_of};

/// What happens to an object's dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// `DeleteOptions`, from the body and the query.
#[derive(Debug, Clone)]
pub(super) struct DeleteOptions {
    propagation: Option<Propagation>,
    grace: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
    dry_run: bool,
}

impl DeleteOptions {
    /// As a controller deletes: in the background, without conditions.
    pub(super) const fn background() -> Self {
        Self {
            propagation: Some(Propagation::Background),
            grace: None,
            uid: None,
            version: None,
            dry_run: false,
        }
    }

    fn read(subject: &Subject<'_>) -> Result<Self, Refusal> {
        let call = subject.call;
        let body: Value = if call.body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(&call.body).map_err(|error| {
                Refusal::bad_request(format!("the delete options cannot be read: {error}"))
            })?
        };
        let text = |field: &str| {
            let stated = body.get(field).and_then(Value::as_str).or_else(|| call.text(field));
            stated.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut causes = Vec::new();
        let in_query = dry_run(call, &mut causes);
        let in_body = items(&body, &["dryRun"]).next().is_some();
        let propagation = match text("propagationPolicy").as_deref() {
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Background") => Some(Propagation::Background),
            None if body.get("orphanDependents") == Some(&json!(true)) => Some(Propagation::Orphan),
            None => None,
            Some(other) => {
                let message = format!(
                    "Unsupported value: \"{other}\": supported values: \"Foreground\", \
                     \"Background\", \"Orphan\", \"nil\""
                );
                causes.push(merge::validate::Cause {
                    reason: "FieldValueNotSupported",
                    field: "propagationPolicy".to_owned(),
                    message,
                });
                None
            }
        };
        if !causes.is_empty() {
            return Err(Refusal::invalid("meta.k8s.io", "DeleteOptions", "", &causes));
        }
        let in_query_grace = call.text("gracePeriodSeconds").and_then(|text| text.parse().ok());
        let condition = |field: &str| {
            let found = body.get("preconditions").and_then(|all| all.get(field));
            found.and_then(Value::as_str).map(str::to_owned)
        };
        Ok(Self {
            propagation,
            grace: body.get("gracePeriodSeconds").and_then(Value::as_i64).or(in_query_grace),
            uid: condition("uid"),
            version: condition("resourceVersion"),
            dry_run: in_query || in_body,
        })
    }

    fn check(&self, subject: &Subject<'_>, name: &str, live: &Value) -> Result<(), Refusal> {
        let resource = &subject.resource;
        let conflict = |what: &str, stated: &str, found: &str| {
            let why = format!(
                "Precondition failed: {what} in precondition: {stated}, {what} in object meta: {found}"
            );
            Err(Refusal::conflict(resource, &resource.plural, name, &why))
        };
        let uid = merge::object::uid(live).unwrap_or_default();
        if let Some(stated) = self.uid.as_deref().filter(|stated| *stated != uid) {
            return conflict("UID", stated, uid);
        }
        let version = merge::object::resource_version(live).unwrap_or_default();
        if let Some(stated) = self.version.as_deref().filter(|stated| *stated != version) {
            return conflict("ResourceVersion", stated, version);
        }
        Ok(())
    }
}

/// What came of a deletion.
enum Deleted {
    /// It is gone; this was its last state.
    Gone(Arc<Value>),
    /// It stays until its finalizers, its contents or its kubelet let it go.
    Held(Arc<Value>),
}

impl Api {
    pub(in super::super) fn delete(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let options = DeleteOptions::read(subject)?;
        match self.delete_named(subject, subject.name(), &options)? {
            Deleted::Held(object) => written(subject, 200, &object, &[]),
            Deleted::Gone(object) if returns_object(subject) => written(subject, 200, &object, &[]),
            Deleted::Gone(object) => Ok(Answer::json(200, &success(subject, &object))),
        }
    }

    pub(in super::super) fn delete_collection(
        &self,
        subject: &Subject<'_>,
    ) -> Result<Answer, Refusal> {
        let call = subject.call;
        let options = DeleteOptions::read(subject)?;
        let selector = Selector::parse(
            &subject.resource,
            call.text("labelSelector"),
            call.text("fieldSelector"),
            subject.target.namespace.as_deref(),
        )?;
        let listing =
            self.store.list(&subject.resource.storage, subject.target.namespace.as_deref());
        let mut deleted = Vec::new();
        let matches = |object: &&Arc<Value>| selector.matches(&subject.resource.present(object));
        for object in listing.objects.iter().filter(matches) {
            let name = merge::object::name(object).unwrap_or_default();
            match self.delete_named(subject, name, &options) {
                Ok(Deleted::Gone(object) | Deleted::Held(object)) => deleted.push(object),
                // Somebody else deleted it: that is what was wanted.
                Err(refusal) if refusal.code == 404 => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let mut meta = Map::new();
        meta.insert("resourceVersion".to_owned(), json!(listing.version.to_string()));
        Ok(Answer::json(200, &output::list(subject, Form::Object, &deleted, meta)))
    }

    fn delete_named(
        &self,
        subject: &Subject<'_>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Refusal> {
        let key = subject.key_of(name);
        for _ in 0..ATTEMPTS {
            let missing = || Refusal::not_found(&subject.resource, &subject.resource.plural, name);
            let live = self.store.get(&key).ok_or_else(missing)?;
            options.check(subject, name, &live)?;
            if subject.resource.is("", "namespaces")
                && matches!(name, "default" | "kube-system" | "kube-public")
            {
                let why = "this namespace may not be deleted";
                return Err(Refusal::forbidden(&subject.resource, name, why));
            }
            if let Some(deleted) = self.try_delete(&key, &live, options) {
                return Ok(deleted);
            }
        }
        Err(Refusal::conflict(
            &subject.resource,
            &subject.resource.plural,
            name,
            "the object has been modified; please apply your changes to the latest version and try \
             again",
        ))
    }

    /// Deletes an object as a controller does; whether it was there to be deleted does not matter.
    pub(super) fn delete_in_background(&self, key: &Key, live: &Arc<Value>) {
        let mut live = Arc::clone(live);
        for _ in 0..ATTEMPTS {
            if self.try_delete(key, &live, &DeleteOptions::background()).is_some() {
                return;
            }
            match self.store.get(key) {
                // Never another object of the same name.
                Some(now) if merge::object::uid(&now) == merge::object::uid(&live) => live = now,
                _ => return,
            }
        }
    }

    /// One attempt; `None` means that somebody else was quicker.
    fn try_delete(&self, key: &Key, live: &Arc<Value>, options: &DeleteOptions) -> Option<Deleted> {
        let grace = grace_period(key, live, options);
        let finalizers = finalizers_after(key, live, options);
        let held_by_finalizer = !finalizers.is_empty();
        let held_by_kubelet = grace > 0;
        let mut marked = Value::clone(live);
        mark(&mut marked, key, grace, finalizers);
        if options.dry_run {
            let marked = Arc::new(marked);
            let held = held_by_finalizer || held_by_kubelet;
            return Some(if held { Deleted::Held(marked) } else { Deleted::Gone(marked) });
        }
        if !held_by_finalizer && !held_by_kubelet {
            let removed = self.remove(key, live)?;
            // Its last state says when it went, as a graceful deletion of zero seconds does.
            let last = if is_pod(key) { with_version(marked, &removed) } else { removed };
            return Some(Deleted::Gone(last));
        }
        if marked == **live {
            return Some(Deleted::Held(Arc::clone(live)));
        }
        let expect = Expect::Version(version_of(live));
        let stored = self.store.put(key, expect, marked, false).ok()?;
        self.after_put(key, &stored);
        Some(Deleted::Held(stored))
    }

    /// Removes an object that nothing holds any more.
    pub(super) fn remove(&self, key: &Key, live: &Arc<Value>) -> Option<Arc<Value>> {
        let removed = self.store.remove(key, version_of(live)).ok()?;
        self.after_remove(key, &removed);
        Some(removed)
    }

    /// What an update does that takes the last finalizer away: the object goes.
    pub(super) fn finish_deletion(
        &self,
        key: &Key,
        stored: &Arc<Value>,
        next: Value,
    ) -> Option<Arc<Value>> {
        self.remove(key, stored).map(|_| Arc::new(next))
    }
}

fn is_pod(key: &Key) -> bool {
    key.resource.group.is_empty() && &*key.resource.plural == "pods"
}

fn with_version(mut object: Value, removed: &Value) -> Arc<Value> {
    let version = merge::object::resource_version(removed).unwrap_or_default().to_owned();
    if let Some(metadata) = metadata_mut(&mut object) {
        metadata.insert("resourceVersion".to_owned(), json!(version));
    }
    Arc::new(object)
}

/// How many seconds a pod gets. One that no node runs, or that has ended, gets none
/// (`podStrategy.CheckGracefulDelete`).
fn grace_period(key: &Key, live: &Value, options: &DeleteOptions) -> i64 {
    if !is_pod(key) {
        return 0;
    }
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let ended = matches!(text("/status/phase"), "Failed" | "Succeeded");
    if text("/spec/nodeName").is_empty() || ended {
        return 0;
    }
    let own = live.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    let wanted = options.grace.or(own).unwrap_or(30).max(0);
    // A second deletion can only shorten the first.
    match live.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64) {
        Some(running) => wanted.min(running),
        None => wanted,
    }
}

/// The finalizers an object has once it is to be deleted.
fn finalizers_after(key: &Key, live: &Value, options: &DeleteOptions) -> Vec<Value> {
    let own = items(live, &["metadata", "finalizers"]);
    let mut finalizers: Vec<Value> = own
        .filter(|one| {
            // A later choice replaces an earlier one.
            options.propagation.is_none()
                || !matches!(one.as_str(), Some("foregroundDeletion" | "orphan"))
        })
        .cloned()
        .collect();
    match options.propagation {
        Some(Propagation::Foreground) => finalizers.push(json!("foregroundDeletion")),
        Some(Propagation::Orphan) => finalizers.push(json!("orphan")),
        _ => {}
    }
    let spec_finalizers = items(live, &["spec", "finalizers"]).next().is_some();
    if key.resource.group.is_empty() && &*key.resource.plural == "namespaces" && spec_finalizers {
        // Held by `spec.finalizers`; the mark below does not write this one.
        finalizers.push(json!(NAMESPACE_CONTENT));
    }
    if key.resource == super::super::definitions() && !finalizers.contains(&json!(CLEANUP)) {
        finalizers.push(json!(CLEANUP));
    }
    finalizers
}

/// Stands for `spec.finalizers` of a namespace while deciding; never written.
const NAMESPACE_CONTENT: &str = "namespace-content";

/// Writes into an object that it is to be deleted.
fn mark(object: &mut Value, key: &Key, grace: i64, mut finalizers: Vec<Value>) {
    let first = !is_terminating(object);
    // Namespaces and definitions have deletions of their own, without grace.
    let is_definition = key.resource == super::super::definitions();
    finalizers.retain(|one| one != NAMESPACE_CONTENT);
    let is_namespace = key.resource.group.is_empty() && &*key.resource.plural == "namespaces";
    let own_deletion = is_namespace || is_definition;
    if let Some(metadata) = metadata_mut(object) {
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
        }
        if first {
            let when = clock::now().as_second().saturating_add(grace);
            let when = jiff::Timestamp::from_second(when).unwrap_or_else(|_| clock::now());
            metadata.insert("deletionTimestamp".to_owned(), json!(when.to_string()));
            if let (false, Some(generation)) =
                (own_deletion, metadata.get("generation").and_then(Value::as_i64))
            {
                metadata.insert("generation".to_owned(), json!(generation + 1));
            }
        }
        if !own_deletion {
            metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
        }
    }
    if is_definition && first {
        crate::custom::definition::terminate(object, &clock::text());
    }
    if is_namespace && let Some(map) = object.as_object_mut() {
        let status = map.entry("status").or_insert_with(|| json!({}));
        if let Some(status) = status.as_object_mut() {
            status.insert("phase".to_owned(), json!("Terminating"));
        }
    }
}

/// Kinds whose deletion answers with the object (`ReturnDeletedObject` of their storages).
fn returns_object(subject: &Subject<'_>) -> bool {
    subject.resource.group.is_empty()
        && matches!(
            &*subject.resource.plural,
            "pods"
                | "podtemplates"
                | "services"
                | "serviceaccounts"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "resourcequotas"
        )
}

fn success(subject: &Subject<'_>, object: &Value) -> Value {
    let resource = &subject.resource;
    let mut details = Map::new();
    let mut insert = |field: &str, value: &str| {
        if !value.is_empty() {
            details.insert(field.to_owned(), json!(value));
        }
    };
    insert("name", merge::object::name(object).unwrap_or_default());
    insert("group", &resource.group);
    insert("kind", &resource.plural);
    insert("uid", merge::object::uid(object).unwrap_or_default());
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details})
}

/// Whether only the given finalizer is left.
pub(super) fn is_held_by(object: &Value, finalizer: &str) -> bool {
    has_finalizers(object) && items(object, &["metadata", "finalizers"]).any(|one| one == finalizer)
}
