//! Request bodies: JSON or YAML in, an object out that is what the path is about.

use serde_json::{Value, json};

use super::super::Subject;
use super::options::FieldValidation;
use super::{fields, metadata_mut};
use crate::refusal::Refusal;
use crate::request::Verb;
use crate::yaml;

/// Reads a body by its media type; with it come the fields that stand in it twice.
pub(super) fn read(subject: &Subject<'_>) -> Result<(Value, Vec<String>), Refusal> {
    let call = subject.call;
    match call.media_type() {
        "application/yaml" => {
            let document = yaml::parse(&call.body)?;
            Ok((document.value, document.duplicates))
        }
        "" | "application/json" => Ok((parse_json(subject)?, fields::json_duplicates(&call.body))),
        other => Err(Refusal::unsupported_media_type(format!(
            "the body of the request was in an unknown format - accepted media types include: {} \
             (not {other})",
            if subject.resource.custom.is_some() {
                "application/json, application/yaml"
            } else {
                "application/json, application/yaml, application/vnd.kubernetes.protobuf"
            }
        ))),
    }
}

fn parse_json(subject: &Subject<'_>) -> Result<Value, Refusal> {
    serde_json::from_slice(&subject.call.body)
        .map_err(|error| fields::undecodable(subject, &error.to_string()))
}

/// Checks that a body is of the kind and the place its path names, and fills in what it leaves out.
pub(super) fn place(subject: &Subject<'_>, body: &mut Value) -> Result<(), Refusal> {
    let resource = &subject.resource;
    let (api_version, kind) = (resource.api_version(), resource.kind.clone());
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (given_version, given_kind) = (text("apiVersion"), text("kind"));
    if !body.is_object() {
        return Err(Refusal::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: json: cannot unmarshal into Go \
             value",
            resource.version
        )));
    }
    let wrong = (!given_version.is_empty() && given_version != api_version)
        || (!given_kind.is_empty() && given_kind != kind);
    if wrong && subject.call.verb() == Verb::Apply && resource.custom.is_some() {
        let gvk = merge::GroupVersionKind::new(&given_version, &given_kind);
        return Err(Refusal::bad_request(format!(
            "invalid object type: {}, Kind={}",
            gvk.api_version(),
            gvk.kind
        )));
    }
    if wrong {
        let given = if given_version.is_empty() { &api_version } else { &given_version };
        return Err(Refusal::bad_request(format!(
            "{given_kind} in version \"{}\" cannot be handled as a {kind}: no kind \"{given_kind}\" \
             is registered for version \"{given}\"",
            resource.version
        )));
    }
    if let Value::Object(map) = body {
        map.insert("apiVersion".to_owned(), json!(api_version));
        map.insert("kind".to_owned(), json!(kind));
    }
    let namespace = merge::object::namespace(body).unwrap_or_default().to_owned();
    if resource.namespaced && !namespace.is_empty() && namespace != subject.namespace() {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if let Some(metadata) = metadata_mut(body) {
        if subject.resource.namespaced {
            metadata.insert("namespace".to_owned(), json!(subject.namespace()));
        } else {
            metadata.remove("namespace");
        }
    }
    Ok(())
}

/// Checks that the name in a body is the path's.
pub(super) fn name(subject: &Subject<'_>, body: &Value) -> Result<(), Refusal> {
    let given = merge::object::name(body).unwrap_or_default().to_owned();
    if !given.is_empty() && given != subject.name() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            subject.name()
        )));
    }
    if given.is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            subject.name()
        )));
    }
    Ok(())
}

/// Reads the body of an apply: YAML, of which JSON is a part.
pub(super) fn read_apply(
    subject: &Subject<'_>,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Refusal> {
    let document = yaml::parse(&subject.call.body)?;
    let warnings = match validation {
        FieldValidation::Ignore => Vec::new(),
        FieldValidation::Strict if !document.duplicates.is_empty() => {
            return Err(Refusal::bad_request(format!(
                "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal \
                 errors:\n  {}",
                document.duplicates.join("\n  ")
            )));
        }
        FieldValidation::Strict | FieldValidation::Warn => document.duplicates,
    };
    Ok((document.value, warnings))
}
