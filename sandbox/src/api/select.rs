//! Label and field selectors, parsed with the server's own complaints
//! (`k8s.io/apimachinery/pkg/labels` and `fields`).

mod labels;

use labels::Requirement;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::registry::Resource;

/// What a list or a watch chooses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
    /// A watch or a list of one object by its path.
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct FieldTerm {
    path: String,
    equal: bool,
    value: String,
}

impl Selector {
    pub(crate) fn parse(
        resource: &Resource,
        labels: Option<&str>,
        fields: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Self, Refusal> {
        let labels = labels::parse(labels.unwrap_or_default())?;
        let fields = parse_fields(resource, fields.unwrap_or_default())?;
        Ok(Self { labels, fields, namespace: namespace.map(str::to_owned) })
    }

    /// Adds what the path itself chooses.
    pub(crate) fn and_name(&mut self, name: &str) {
        self.fields.push(FieldTerm {
            path: "metadata.name".to_owned(),
            equal: true,
            value: name.to_owned(),
        });
    }

    /// Whether it chooses everything of its namespace.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is chosen.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let in_namespace = self
            .namespace
            .as_deref()
            .is_none_or(|namespace| merge::object::namespace(object) == Some(namespace));
        in_namespace
            && self.labels.iter().all(|requirement| requirement.matches(object))
            && self
                .fields
                .iter()
                .all(|term| (field(object, &term.path) == term.value) == term.equal)
    }
}

/// A field as selectors compare it: text, and for what is absent the zero value's text.
fn field(object: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    match object.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => match path {
            "spec.unschedulable" | "spec.hostNetwork" => "false".to_owned(),
            "status.successful" | "status.replicas" => "0".to_owned(),
            _ => String::new(),
        },
        Some(other) => other.to_string(),
    }
}

/// The fields a kind may be chosen by, besides its name and namespace.
fn known_fields(resource: &Resource) -> &'static [&'static str] {
    match (&*resource.group, &*resource.plural) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "secrets") => &["type"],
        ("", "namespaces") => &["status.phase"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", _) => &["spec.signerName"],
        _ => &[],
    }
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<FieldTerm>, Refusal> {
    let mut terms = Vec::new();
    for term in text.split(',').filter(|term| !term.is_empty()) {
        let parsed = [("!=", false), ("==", true), ("=", true)].iter().find_map(|(sign, equal)| {
            term.split_once(sign).map(|(path, value)| FieldTerm {
                path: path.to_owned(),
                equal: *equal,
                value: value.to_owned(),
            })
        });
        let Some(parsed) = parsed else {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{term}'"
            )));
        };
        let path = parsed.path.as_str();
        let everywhere = matches!(path, "metadata.name" | "metadata.namespace");
        if !everywhere && !known_fields(resource).contains(&path) {
            return Err(unknown_field(resource, path));
        }
        terms.push(parsed);
    }
    Ok(terms)
}

fn unknown_field(resource: &Resource, path: &str) -> Refusal {
    if resource.custom.is_some() {
        return Refusal::bad_request(format!("field label not supported: {path}"));
    }
    if known_fields(resource).is_empty() {
        return Refusal::bad_request(format!(
            "\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ));
    }
    Refusal::bad_request(format!("field label not supported: {path}"))
}
