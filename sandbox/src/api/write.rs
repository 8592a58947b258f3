//! Writing. Every write is: read what is there, make what shall be there (no lock held), enter it if
//! nothing has changed meanwhile, else start over.

mod apply;
mod body;
mod collect;
mod commit;
mod create;
mod delete;
mod fields;
mod options;
mod patch;
mod scale;
mod update;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Api, Subject, output};
use crate::answer::Answer;
use crate::custom::schema;
use crate::refusal::Refusal;
use crate::registry::Subresource;
use crate::request::Verb;

/// A lost race is run again this often; more means that writers do nothing but collide.
const ATTEMPTS: usize = 64;

impl Api {
    pub(super) fn answer_subresource(
        &self,
        subject: &Subject<'_>,
        subresource: &Subresource,
        verb: Verb,
    ) -> Result<Answer, Refusal> {
        let wanted = if verb == Verb::Apply { "patch".to_owned() } else { verb.to_string() };
        if !subresource.verbs.contains(&wanted) {
            return Err(Refusal::method_not_allowed());
        }
        match (subresource.name.as_str(), verb) {
            ("status", Verb::Get) => self.get(subject),
            ("status" | "finalize", Verb::Update) => self.update(subject),
            ("status", Verb::Patch) => self.patch(subject),
            ("status", Verb::Apply) => self.apply(subject),
            ("scale", Verb::Get) => self.get_scale(subject),
            ("scale", Verb::Update) => self.update_scale(subject),
            ("scale", Verb::Patch) => self.patch_scale(subject),
            ("scale", Verb::Apply) => self.apply_scale(subject),
            ("eviction", Verb::Create) => self.evict(subject),
            ("binding", Verb::Create) => self.bind(subject),
            _ => Err(Refusal::method_not_allowed()),
        }
    }
}

/// The answer to a write: the object in the form that was asked for, and what was warned of.
fn written(
    subject: &Subject<'_>,
    code: u16,
    object: &Arc<Value>,
    warnings: &[String],
) -> Result<Answer, Refusal> {
    let form = output::Form::wanted(subject.call, subject.resource.custom.is_some())?;
    Ok(Answer::json(code, &output::object(subject, form, object)).warnings(warnings))
}

/// The metadata of an object, made if it is missing.
fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let map = object.as_object_mut()?;
    map.entry("metadata").or_insert_with(|| json!({})).as_object_mut()
}

/// Drops nulls that a custom resource's schema does not take: a body that is no apply means by them
/// that the field is absent.
fn drop_nulls(subject: &Subject<'_>, object: &mut Value) {
    let resource = &subject.resource;
    let definition = resource.custom.as_ref();
    if let Some(structure) = definition.and_then(|it| it.schema(&resource.version)) {
        schema::drop_nulls(structure, object);
    }
}

/// Drops what the version a custom resource is stored in cannot hold.
fn prune_for_storage(subject: &Subject<'_>, object: &mut Value) {
    let definition = subject.resource.custom.as_ref();
    if let Some(structure) = definition.and_then(|definition| definition.storage_schema()) {
        schema::prune(structure, object);
    }
}

/// Whether an object is on its way out.
fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Whether nothing holds an object that is on its way out.
fn has_finalizers(object: &Value) -> bool {
    crate::registry::items(object, &["metadata", "finalizers"]).next().is_some()
}
