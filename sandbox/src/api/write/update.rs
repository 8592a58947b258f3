//! Replacing objects: `PUT`, and everything that is the same when a patch or an apply changes one.

use std::sync::Arc;

use merge::{defaults, validate};
use serde_json::{Value, json};

use super::super::{Api, Subject};
use super::create::check_schema;
use super::options::WriteOptions;
use super::{ATTEMPTS, body, drop_nulls, fields, metadata_mut, prune_for_storage, written};
use crate::answer::Answer;
use crate::clock;
use crate::custom::{definition, schema};
use crate::ownership;
use crate::refusal::Refusal;
use crate::store::{Expect, NotCommitted, version_of};

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest \
                        version and try again";

impl Api {
    pub(in super::super) fn update(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let options = WriteOptions::read(subject)?;
        let (mut wanted, duplicates) = body::read(subject)?;
        body::place(subject, &mut wanted)?;
        body::name(subject, &wanted)?;
        let warnings = fields::decode(subject, &mut wanted, options.validation, duplicates)?;
        drop_nulls(subject, &mut wanted);
        for _ in 0..ATTEMPTS {
            let live = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
            check_stated(subject, &live, &wanted)?;
            let shown = subject.resource.present(&live);
            let mut next = wanted.clone();
            self.fill_update(subject, &shown, &mut next);
            ownership::track(subject, Some(&shown), &mut next, &options.manager, &clock::text());
            if let Some(stored) = self.replace(subject, &live, &shown, next, &options)? {
                return written(subject, 200, &stored, &warnings);
            }
        }
        Err(Refusal::conflict(
            &subject.resource,
            &subject.resource.plural,
            subject.name(),
            MODIFIED,
        ))
    }

    /// Carries over what a client may not write, and fills in defaults. `live` is at the version the
    /// request speaks.
    pub(super) fn fill_update(&self, subject: &Subject<'_>, live: &Value, next: &mut Value) {
        let cleared = next.pointer("/metadata/managedFields") == Some(&json!([]));
        carry_system_metadata(live, next);
        carry_other_part(subject, live, next);
        if let Some(definition) = &subject.resource.custom
            && let Some(structure) = definition.schema(&subject.resource.version)
        {
            schema::prune(structure, next);
            schema::fill(structure, next);
        }
        if subject.resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            definition::fill(next);
        }
        defaults::fill(next);
        if cleared && let Some(metadata) = metadata_mut(next) {
            // An empty list asks for nobody to own anything; absence asks for no change.
            metadata.insert("managedFields".to_owned(), json!([]));
        }
        if subject.target.subresource.as_deref() != Some("status") {
            defaults::update(live, next);
        }
        raise_custom_generation(subject, live, next);
    }

    /// Checks and enters a replacement. `None` means that somebody else was quicker: look again.
    pub(super) fn replace(
        &self,
        subject: &Subject<'_>,
        stored: &Arc<Value>,
        live: &Arc<Value>,
        mut next: Value,
        options: &WriteOptions,
    ) -> Result<Option<Arc<Value>>, Refusal> {
        let refuse = |causes: &[validate::Cause]| {
            Refusal::invalid(
                &subject.resource.group,
                &subject.resource.kind,
                subject.name(),
                causes,
            )
        };
        let lease = if subject.resource.is("", "services") {
            let lease = self.addresses.allocate(Some(stored), &mut next);
            Some(lease.map_err(|cause| refuse(&[cause]))?)
        } else {
            None
        };
        if subject.target.subresource.is_none() {
            let mut causes = validate::update(live, &next);
            check_schema(subject, &next, &mut causes);
            if !causes.is_empty() {
                return Err(refuse(&causes));
            }
        } else if subject.resource.custom.is_some() {
            let mut causes = Vec::new();
            check_schema(subject, &next, &mut causes);
            if !causes.is_empty() {
                return Err(refuse(&causes));
            }
        }
        prune_for_storage(subject, &mut next);
        if same(live, &next) && !is_stored_otherwise(stored, live) {
            return Ok(Some(Arc::clone(live)));
        }
        if options.dry_run {
            return Ok(Some(Arc::new(next)));
        }
        let key = subject.key();
        if super::is_terminating(&next) && !super::has_finalizers(&next) && may_go(&next) {
            return Ok(self.finish_deletion(&key, stored, next));
        }
        match self.store.put(&key, Expect::Version(version_of(stored)), next, false) {
            Ok(entered) => {
                if let Some(lease) = lease {
                    lease.keep();
                    self.addresses.release(stored, Some(&entered));
                }
                self.after_put(&key, &entered);
                Ok(Some(entered))
            }
            Err(NotCommitted::Raced) => Ok(None),
            Err(NotCommitted::NoNamespace | NotCommitted::Terminating) => Err(subject.not_found()),
        }
    }
}

/// A pod that is given time to end goes only when its kubelet says so, with a period of zero.
fn may_go(object: &Value) -> bool {
    let grace = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
    grace.is_none_or(|seconds| seconds == 0)
}

/// The uid and version that a body states must be the live object's.
pub(super) fn check_stated(
    subject: &Subject<'_>,
    live: &Value,
    wanted: &Value,
) -> Result<(), Refusal> {
    let plural = &subject.resource.plural;
    let conflict =
        |why: &str| Err(Refusal::conflict(&subject.resource, plural, subject.name(), why));
    let is_put = subject.call.method == http::Method::PUT;
    if let (true, Some(stated), Some(uid)) =
        (is_put, merge::object::uid(wanted), merge::object::uid(live))
        && stated != uid
    {
        return conflict(&format!(
            "Precondition failed: UID in precondition: {stated}, UID in object meta: {uid}"
        ));
    }
    // Zero is any version.
    match merge::object::resource_version(wanted).filter(|stated| *stated != "0") {
        Some(stated) if stated.parse::<u64>().is_err() => Err(Refusal::untyped(format!(
            "strconv.ParseUint: parsing \"{stated}\": invalid syntax"
        ))),
        Some(stated) if Some(stated) != merge::object::resource_version(live) => conflict(MODIFIED),
        None if needs_version(subject) && is_put => {
            let message = "Invalid value: 0x0: must be specified for an update".to_owned();
            let cause = validate::Cause {
                reason: "FieldValueInvalid",
                field: "metadata.resourceVersion".to_owned(),
                message,
            };
            let resource = &subject.resource;
            Err(Refusal::invalid(&resource.group, &resource.kind, subject.name(), &[cause]))
        }
        _ => Ok(()),
    }
}

/// Kinds that cannot be replaced without saying which version is replaced
/// (`AllowUnconditionalUpdate` of their strategies).
fn needs_version(subject: &Subject<'_>) -> bool {
    let resource = &subject.resource;
    resource.custom.is_some()
        || matches!(
            &*resource.group,
            "apiextensions.k8s.io" | "coordination.k8s.io" | "apiregistration.k8s.io"
        )
}

/// What only the server writes into metadata.
fn carry_system_metadata(live: &Value, next: &mut Value) {
    let Some(metadata) = metadata_mut(next) else { return };
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "selfLink",
    ] {
        let found = live.get("metadata").and_then(|live| live.get(field));
        match found {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
}

/// The status is written through its own path, and everything else is not
/// (`PrepareForUpdate` of the kinds' strategies and status strategies).
fn carry_other_part(subject: &Subject<'_>, live: &Value, next: &mut Value) {
    let Some(next_map) = next.as_object_mut() else { return };
    if subject.target.subresource.as_deref() == Some("status") {
        let status = next_map.remove("status");
        let managed = next_map.get("metadata").and_then(|meta| meta.get("managedFields")).cloned();
        let sent = next_map.get("metadata").cloned().unwrap_or_default();
        if let Some(live) = live.as_object() {
            next_map.clone_from(live);
        }
        set_or_remove(next_map, "status", status);
        if let Some(metadata) = next_map.get_mut("metadata").and_then(Value::as_object_mut) {
            set_or_remove(metadata, "managedFields", managed);
            for field in metadata_written_with_status(subject) {
                set_or_remove(metadata, field, sent.get(field).cloned());
            }
        }
    } else if subject.resource.subresource("status").is_some() {
        set_or_remove(next_map, "status", live.get("status").cloned());
    }
}

/// The metadata that the status path takes too: a custom resource's none, a Deployment's not its
/// labels, which its controller's numbering of revisions relies on.
fn metadata_written_with_status(subject: &Subject<'_>) -> &'static [&'static str] {
    let resource = &subject.resource;
    if resource.custom.is_some() {
        &[]
    } else if (&*resource.group, &*resource.plural) == ("apps", "deployments") {
        &["annotations", "finalizers"]
    } else {
        &["annotations", "finalizers", "labels"]
    }
}

fn set_or_remove(map: &mut serde_json::Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(field.to_owned(), value),
        None => map.remove(field),
    };
}

/// A custom resource counts every change outside its metadata and status, and does so before fields
/// go that the version it is stored in does not have.
pub(super) fn raise_custom_generation(subject: &Subject<'_>, live: &Value, next: &mut Value) {
    let on_status = subject.target.subresource.as_deref() == Some("status");
    if subject.resource.custom.is_none() || on_status {
        return;
    }
    let has_status = subject.resource.subresource("status").is_some();
    let wanted = |object: &Value| {
        let mut map = object.as_object().cloned().unwrap_or_default();
        map.remove("metadata");
        if has_status {
            map.remove("status");
        }
        map
    };
    if wanted(live) == wanted(next)
        && let Some(metadata) = metadata_mut(next)
    {
        let generation = merge::object::generation(live);
        set_or_remove(metadata, "generation", generation.map(|number| json!(number)));
    } else if let Some(metadata) = metadata_mut(next) {
        let generation = merge::object::generation(live).unwrap_or(1).saturating_add(1);
        metadata.insert("generation".to_owned(), json!(generation));
    }
}

/// Whether a replacement would change nothing: it is not entered then, and the version stays.
fn same(live: &Value, next: &Value) -> bool {
    live == next
}

/// Whether reading an object back adds to it: then writing what was read is a change of what is stored.
fn is_stored_otherwise(stored: &Value, live: &Value) -> bool {
    stored.get("apiVersion") == live.get("apiVersion") && stored != live
}
