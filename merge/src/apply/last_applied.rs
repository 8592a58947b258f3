//! kubectl's client-side apply annotation, which the server honours for the manager `kubectl` alone:
//! what kubectl applied before belongs to it, and the annotation is kept up to date
//! (`lastAppliedManager`, `lastAppliedUpdater`).

use serde_json::Value;

use super::Conflict;
use crate::fields::FieldSet;
use crate::object::{self, GroupVersionKind};
use crate::schema::Schemas;
use crate::typed;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The conflicts that are not about fields kubectl applied itself and that still have its values.
pub(super) fn conflicts_left(
    schemas: &Schemas,
    live: Option<&Value>,
    conflicts: Vec<Conflict>,
) -> Vec<Conflict> {
    let allowed = live.and_then(|live| allowed(schemas, live)).unwrap_or_default();
    conflicts.into_iter().filter(|conflict| !allowed.contains(&conflict.path)).collect()
}

fn allowed(schemas: &Schemas, live: &Value) -> Option<FieldSet> {
    let text = object::annotation(live, ANNOTATION)?;
    let applied: Value = serde_json::from_str(text).ok()?;
    if applied.get("apiVersion") != live.get("apiVersion") {
        return None;
    }
    let root = schemas.root_or_deduced(GroupVersionKind::of(live).as_ref());
    let differs = typed::compare(root, &applied, live);
    let set = typed::field_set(root, &applied);
    Some(set.difference(&differs.modified).difference(&differs.added).difference(&differs.removed))
}

/// Put what was applied into the annotation, if the object has it.
pub(super) fn refresh(object: &mut Value, body: &Value) {
    if object::annotation(object, ANNOTATION).is_none() {
        return;
    }
    let mut applied = body.clone();
    if let Some(annotations) =
        applied.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.remove(ANNOTATION);
    }
    let text = format!("{applied}\n");
    if let Some(annotations) =
        object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    }
}
