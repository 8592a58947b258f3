//! The form an answer takes: the object at the version asked for, its metadata alone, or a table row.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Call, Subject, table};
use crate::refusal::Refusal;

/// What `Accept` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// `PartialObjectMetadata`.
    Metadata,
    /// A `Table`, each row with as much of its object as the parameter `includeObject` says.
    Table(Include),
}

/// How much of an object a table row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

const ACCEPTED: &str = "only the following media types are accepted: application/json, \
                        application/yaml, application/vnd.kubernetes.protobuf";

const ACCEPTED_CUSTOM: &str =
    "only the following media types are accepted: application/json, application/yaml";

impl Form {
    /// The first form that `Accept` names and that can be made.
    pub(crate) fn wanted(call: &Call, custom: bool) -> Result<Self, Refusal> {
        if call.accept.is_empty() {
            return Ok(Self::Object);
        }
        for accepted in call.accept.split(',') {
            let mut parts = accepted.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                continue;
            }
            let mut as_kind = None;
            let mut group_version = (None, None);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("as", kind)) => as_kind = Some(kind),
                    Some(("g", group)) => group_version.0 = Some(group),
                    Some(("v", version)) => group_version.1 = Some(version),
                    _ => {}
                }
            }
            let meta = group_version == (Some("meta.k8s.io"), Some("v1"));
            match as_kind {
                None => return Ok(Self::Object),
                Some("Table") if meta => return Ok(Self::Table(include(call)?)),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if meta => {
                    return Ok(Self::Metadata);
                }
                Some(_) => {}
            }
        }
        Err(Refusal::not_acceptable(if custom { ACCEPTED_CUSTOM } else { ACCEPTED }))
    }
}

fn include(call: &Call) -> Result<Include, Refusal> {
    match call.text("includeObject") {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => {
            Err(Refusal::bad_request(format!("unrecognized includeObject value: {other}")))
        }
    }
}

/// One object in a form.
pub(crate) fn object(subject: &Subject<'_>, form: Form, object: &Arc<Value>) -> Value {
    let object = subject.resource.present(object);
    match form {
        Form::Object => Arc::unwrap_or_clone(object),
        Form::Metadata => metadata(&object),
        Form::Table(include) => {
            let version = object.pointer("/metadata/resourceVersion").cloned();
            let mut body = table::head(&subject.resource);
            body.insert("rows".to_owned(), json!([row(subject, include, &object)]));
            let mut meta = Map::new();
            meta.extend(version.map(|version| ("resourceVersion".to_owned(), version)));
            body.insert("metadata".to_owned(), Value::Object(meta));
            Value::Object(body)
        }
    }
}

/// One event of a watch in a form; a table's columns are told once.
pub(crate) fn event(subject: &Subject<'_>, form: Form, first: bool, value: &Arc<Value>) -> Value {
    let mut body = object(subject, form, value);
    if !first
        && matches!(form, Form::Table(_))
        && let Value::Object(map) = &mut body
    {
        map.insert("columnDefinitions".to_owned(), Value::Null);
    }
    body
}

/// What a bookmark carries: a kind and a version, and the annotation that ends initial events.
pub(crate) fn bookmark(
    subject: &Subject<'_>,
    form: Form,
    version: u64,
    ends_initial: bool,
) -> Value {
    let mut meta = Map::new();
    meta.insert("resourceVersion".to_owned(), json!(version.to_string()));
    meta.insert("creationTimestamp".to_owned(), Value::Null);
    if ends_initial {
        meta.insert("annotations".to_owned(), json!({"k8s.io/initial-events-end": "true"}));
    }
    let (api_version, kind) = match form {
        Form::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata".to_owned()),
        _ => (subject.resource.api_version(), subject.resource.kind.clone()),
    };
    let object = json!({"kind": kind, "apiVersion": api_version, "metadata": meta});
    match form {
        Form::Table(_) => {
            let mut body = table::head(&subject.resource);
            body.insert("columnDefinitions".to_owned(), Value::Null);
            body.insert("metadata".to_owned(), json!({"resourceVersion": version.to_string()}));
            body.insert("rows".to_owned(), json!([{"cells": null, "object": object}]));
            Value::Object(body)
        }
        _ => object,
    }
}

/// A page of a collection in a form.
pub(crate) fn list(
    subject: &Subject<'_>,
    form: Form,
    objects: &[Arc<Value>],
    list_meta: Map<String, Value>,
) -> Value {
    let shown = objects.iter().map(|object| subject.resource.present(object));
    match form {
        Form::Table(include) => {
            let mut body = table::head(&subject.resource);
            let rows: Vec<Value> = shown.map(|object| row(subject, include, &object)).collect();
            body.insert("rows".to_owned(), Value::Array(rows));
            body.insert("metadata".to_owned(), Value::Object(list_meta));
            Value::Object(body)
        }
        Form::Metadata => json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": list_meta,
            "items": shown.map(|object| metadata(&object)).collect::<Vec<_>>(),
        }),
        Form::Object => {
            // Items of built-in lists are typed by their list; custom ones say it themselves.
            let typed = subject.resource.custom.is_none();
            let items: Vec<Value> = shown
                .map(|object| {
                    let mut object = Arc::unwrap_or_clone(object);
                    if let (true, Value::Object(map)) = (typed, &mut object) {
                        map.remove("kind");
                        map.remove("apiVersion");
                    }
                    object
                })
                .collect();
            json!({
                "kind": subject.resource.list_kind(), "apiVersion": subject.resource.api_version(),
                "metadata": list_meta, "items": items,
            })
        }
    }
}

fn row(subject: &Subject<'_>, include: Include, object: &Value) -> Value {
    let cells = table::cells(&subject.resource, object, crate::clock::now());
    let carried = match include {
        Include::None => Value::Null,
        Include::Metadata => metadata(object),
        Include::Object => object.clone(),
    };
    json!({"cells": cells, "object": carried})
}

fn metadata(object: &Value) -> Value {
    let meta = object.get("metadata").cloned().unwrap_or_default();
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
}
