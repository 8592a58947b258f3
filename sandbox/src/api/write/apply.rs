//! Server-side apply: [`merge::apply`] between what is stored and what will be.

use std::sync::Arc;

use merge::Path;
use merge::apply::{Apply, ApplyError, Conflict, apply, served_paths};
use merge::validate::Cause;
use serde_json::{Value, json};

use super::super::{Api, Subject};
use super::create::NotBrought;
use super::options::WriteOptions;
use super::update::check_stated;
use super::{ATTEMPTS, body, metadata_mut, scale, written};
use crate::answer::Answer;
use crate::clock;
use crate::ownership;
use crate::refusal::Refusal;
use crate::yaml;

impl Api {
    pub(in super::super) fn apply(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let options = WriteOptions::read(subject)?;
        let (mut wanted, warnings) = body::read_apply(subject, options.validation)?;
        body::place(subject, &mut wanted)?;
        drop_null_managed_fields(&mut wanted);
        body::name(subject, &wanted)?;
        for _ in 0..ATTEMPTS {
            let Some(live) = self.store.get(&subject.key()) else {
                if subject.target.subresource.is_some() {
                    return Err(subject.not_found());
                }
                match self.apply_new(subject, &wanted, &options) {
                    Ok(stored) => return written(subject, 201, &stored, &warnings),
                    // Somebody else made it meanwhile: apply to that.
                    Err(NotBrought::Taken) => continue,
                    Err(NotBrought::Refused(refusal)) => return Err(refusal),
                }
            };
            check_stated(subject, &live, &wanted)?;
            check_uid(subject, &live, &wanted)?;
            let shown = subject.resource.present(&live);
            let merged = self.merged(subject, &shown, &wanted, &options)?;
            if let Some(stored) = self.replace(subject, &live, &shown, merged, &options)? {
                return written(subject, 200, &stored, &warnings);
            }
        }
        Err(Refusal::conflict(
            &subject.resource,
            &subject.resource.plural,
            subject.name(),
            "the object has been modified; please apply your changes to the latest version and try \
             again",
        ))
    }

    /// An apply to an object that is not there yet.
    fn apply_new(
        &self,
        subject: &Subject<'_>,
        wanted: &Value,
        options: &WriteOptions,
    ) -> Result<Arc<Value>, NotBrought> {
        if merge::object::uid(wanted).is_some() {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was found",
                merge::object::uid(wanted).unwrap_or_default()
            );
            let plural = &subject.resource.plural;
            let refusal = Refusal::conflict(&subject.resource, plural, subject.name(), &why);
            return Err(NotBrought::Refused(refusal));
        }
        let time = clock::text();
        let request = Apply {
            live: None,
            body: wanted,
            manager: &options.manager,
            force: options.force,
            subresource: None,
            time: &time,
        };
        let made = apply(&subject.registry.schemas, &request, &|object| {
            self.fill_new(subject, object);
        });
        let made = made.map_err(|error| NotBrought::Refused(refused(&error)))?;
        self.bring_in(subject, made, options)
    }

    fn merged(
        &self,
        subject: &Subject<'_>,
        live: &Value,
        wanted: &Value,
        options: &WriteOptions,
    ) -> Result<Value, Refusal> {
        let time = clock::text();
        let request = Apply {
            live: Some(live),
            body: wanted,
            manager: &options.manager,
            force: options.force,
            subresource: subject.target.subresource.as_deref(),
            time: &time,
        };
        apply(&subject.registry.schemas, &request, &|object| {
            self.fill_update(subject, live, object);
        })
        .map_err(|error| refused(&error))
    }

    /// An apply of a scale is an apply of the replicas it names.
    pub(super) fn apply_scale(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let options = WriteOptions::read(subject)?;
        let wanted = yaml::parse(&subject.call.body)?.value;
        for _ in 0..ATTEMPTS {
            let live = self.store.get(&subject.key()).ok_or_else(|| subject.not_found())?;
            let shown = subject.resource.present(&live);
            let body = scale::as_object(subject, &wanted);
            if !options.force
                && !ownership::owns_replicas(&shown)
                && scale::replicas(subject, &shown) != scale::replicas(subject, &body)
            {
                return Err(Refusal::untracked_scale());
            }
            let mut merged = self.merged(subject, &shown, &body, &options)?;
            ownership::forget_scale_times(&mut merged);
            if let Some(stored) = self.replace(subject, &live, &shown, merged, &options)? {
                return Ok(Answer::json(200, &scale::scale_of(subject, &stored)));
            }
        }
        Err(subject.not_found())
    }
}

/// An apply may not bring managedFields along, but a null says nothing.
fn drop_null_managed_fields(wanted: &mut Value) {
    if let Some(metadata) = metadata_mut(wanted)
        && metadata.get("managedFields").is_some_and(Value::is_null)
    {
        metadata.remove("managedFields");
    }
}

/// The uid a body states is a field like others, and may not change.
fn check_uid(subject: &Subject<'_>, live: &Value, wanted: &Value) -> Result<(), Refusal> {
    match merge::object::uid(wanted) {
        Some(stated) if Some(stated) != merge::object::uid(live) => {
            let cause = Cause {
                reason: "FieldValueInvalid",
                field: "metadata.uid".to_owned(),
                message: format!("Invalid value: \"{stated}\": field is immutable"),
            };
            // Both the metadata's own validation and the kind's find it.
            let causes = [cause.clone(), cause];
            let resource = &subject.resource;
            Err(Refusal::invalid(&resource.group, &resource.kind, subject.name(), &causes))
        }
        _ => Ok(()),
    }
}

/// An apply that merge refuses, as a `Status`.
fn refused(error: &ApplyError) -> Refusal {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let paths = served_paths(conflicts);
            let causes = conflicts.iter().zip(&paths).map(cause).collect();
            Refusal::apply_conflict(error.to_string(), causes)
        }
        ApplyError::ManagedFieldsInBody => Refusal::bad_request(error.to_string()),
        _ => Refusal::untyped(error.to_string()),
    }
}

fn cause((conflict, path): (&Conflict, &Path)) -> Value {
    json!({
        "reason": "FieldManagerConflict",
        "message": conflict.message(),
        "field": path.to_string(),
    })
}
