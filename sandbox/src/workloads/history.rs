//! ControllerRevisions: the templates a StatefulSet or DaemonSet has had, numbered.
//!
//! Follows `pkg/controller/history`: a template that comes back takes its old revision, with a new
//! number; names are the owner's name and a hash of the template.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hash;
use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};

const HASH: &str = "controller.kubernetes.io/hash";

/// The revision of an owner's present template.
#[derive(Debug, Clone)]
pub(super) struct Revision {
    /// The ControllerRevision's name.
    pub name: String,
    /// The hash alone.
    pub hash: String,
    /// Whether it has to be created before pods may carry it.
    pub is_new: bool,
}

/// What a revision holds of its owner.
fn data(owner: &Value) -> Value {
    let mut template =
        object::without_nulls(owner.pointer("/spec/template").unwrap_or(&Value::Null));
    object::set(&mut template, "$patch", json!("replace"));
    json!({"spec": {"template": template}})
}

/// The template a revision holds, as pods are made of it.
pub(super) fn template(revision: &Value) -> Value {
    let mut template = revision.pointer("/data/spec/template").cloned().unwrap_or_default();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

/// Finds the revision of the owner's template, or plans to create it, or to number it anew.
pub(super) fn current(
    plan: &mut Plan,
    writer: Writer,
    owner_kind: Kind,
    owner: &Value,
    revisions: &[Arc<Value>],
) -> Revision {
    let data = data(owner);
    let number = |revision: &Value| object::integer(revision, "/revision").unwrap_or_default();
    let newest = revisions.iter().map(|revision| number(revision)).max().unwrap_or_default();
    let same = revisions
        .iter()
        .filter(|revision| revision.get("data").map(object::without_nulls).as_ref() == Some(&data))
        .max_by_key(|revision| number(revision));
    if let Some(found) = same {
        if number(found) < newest {
            let mut body = found.as_ref().clone();
            object::set(&mut body, "revision", json!(newest + 1));
            plan.write(writer, Write::Replace { kind: Kind::ControllerRevision, body });
        }
        return Revision {
            name: object::name(found).to_owned(),
            hash: object::label(found, HASH).to_owned(),
            is_new: false,
        };
    }
    let hash = hash::of(&data);
    let name = format!("{}-{hash}", object::name(owner));
    let mut labels = owner.pointer("/spec/template/metadata/labels").cloned().unwrap_or(json!({}));
    object::set(&mut labels, HASH, json!(hash));
    let reference =
        object::controller_reference(&owner_kind.api_version(), owner_kind.as_str(), owner);
    plan.write(
        writer,
        Write::Create {
            kind: Kind::ControllerRevision,
            namespace: object::namespace(owner).to_owned(),
            body: json!({
                "apiVersion": "apps/v1", "kind": "ControllerRevision",
                "metadata": {"name": name, "namespace": object::namespace(owner), "labels": labels,
                    "ownerReferences": [reference]},
                "data": data, "revision": newest + 1,
            }),
        },
    );
    Revision { name, hash, is_new: true }
}

/// Deletes the oldest revisions that no pod carries, beyond what `revisionHistoryLimit` keeps.
pub(super) fn forget(
    plan: &mut Plan,
    writer: Writer,
    owner: &Value,
    revisions: &[Arc<Value>],
    is_used: impl Fn(&Value) -> bool,
) {
    let limit = object::integer(owner, "/spec/revisionHistoryLimit").unwrap_or(10);
    let mut idle: Vec<&Arc<Value>> =
        revisions.iter().filter(|revision| !is_used(revision)).collect();
    idle.sort_by_key(|revision| object::integer(revision, "/revision"));
    let surplus = idle.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for revision in idle.into_iter().take(surplus) {
        plan.write(
            writer,
            Write::Delete {
                key: Key::of(Kind::ControllerRevision, revision),
                uid: object::uid(revision).to_owned(),
                grace: None,
            },
        );
    }
}
