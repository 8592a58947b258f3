//! Everything a server says no with: a code, and a `Status` in the words a kube-apiserver uses.

use merge::validate::Cause;
use serde_json::{Map, Value, json};

use crate::registry::Resource;

/// A refused request, as it will be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// Answered as plain text instead of a `Status`: what lies outside every API group.
    pub(crate) plain: bool,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason: Some(reason), message: message.into(), details: None, plain: false }
    }

    fn about(mut self, resource: &str, group: &str, name: &str) -> Self {
        let mut details = Map::new();
        if !name.is_empty() {
            details.insert("name".to_owned(), json!(name));
        }
        if !group.is_empty() {
            details.insert("group".to_owned(), json!(group));
        }
        details.insert("kind".to_owned(), json!(resource));
        self.details = Some(Value::Object(details));
        self
    }

    fn with_causes(mut self, causes: Value) -> Self {
        if let Some(Value::Object(details)) = &mut self.details {
            details.insert("causes".to_owned(), causes);
        } else {
            self.details = Some(json!({ "causes": causes }));
        }
        self
    }

    /// No such path, outside every group.
    pub(crate) fn page_not_found() -> Self {
        Self {
            code: 404,
            reason: None,
            message: "404 page not found\n".to_owned(),
            details: None,
            plain: true,
        }
    }

    /// No such resource in a group that exists.
    pub(crate) fn no_resource() -> Self {
        let mut refusal =
            Self::new(404, "NotFound", "the server could not find the requested resource");
        refusal.details = Some(json!({}));
        refusal
    }

    /// The object is not there. `plural` may carry a subresource: `deployments/scale`.
    pub(crate) fn not_found(resource: &Resource, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(plural, &resource.group));
        Self::new(404, "NotFound", message).about(plural, &resource.group, name)
    }

    /// The namespace is not there.
    pub(crate) fn no_namespace(name: &str) -> Self {
        Self::new(404, "NotFound", format!("namespaces \"{name}\" not found")).about(
            "namespaces",
            "",
            name,
        )
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(&resource.plural, &resource.group, name)
    }

    /// The write met another one, or stated a version or uid that is not the object's.
    pub(crate) fn conflict(resource: &Resource, plural: &str, name: &str, why: &str) -> Self {
        let qualified = qualified(plural, &resource.group);
        let message = format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}");
        Self::new(409, "Conflict", message).about(plural, &resource.group, name)
    }

    /// Conflicts of an apply, with a cause each.
    pub(crate) fn apply_conflict(message: String, causes: Value) -> Self {
        let mut refusal = Self::new(409, "Conflict", message);
        refusal.details = Some(json!({ "causes": causes }));
        refusal
    }

    /// An apply of a scale whose replicas nobody is known to own: whoever wrote them before there was
    /// tracking is made up, and conflicts.
    pub(crate) fn untracked_scale() -> Self {
        let manager =
            "conflict with \"before-first-apply\" with subresource \"scale\" using autoscaling/v1";
        let field = ".spec.replicas";
        Self::apply_conflict(
            format!("Apply failed with 1 conflict: {manager}: {field}"),
            json!([{"reason": "FieldManagerConflict", "message": manager, "field": field}]),
        )
    }

    /// What validation found, for an object of `kind` in `group`.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let qualified = qualified(kind, group);
        // A cause that is found twice is listed twice and said once (`utilerrors.Aggregate`).
        let mut lines: Vec<String> = Vec::new();
        for line in causes.iter().map(cause_line) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let text = match lines.len() {
            1 => lines.pop().unwrap_or_default(),
            _ => format!("[{}]", lines.join(", ")),
        };
        let causes = causes
            .iter()
            .map(|cause| {
                json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
            })
            .collect();
        Self::new(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {text}"))
            .about(kind, group, name)
            .with_causes(causes)
    }

    /// A 422 that is about the patch and not about a field.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        let mut refusal = Self::new(422, "Invalid", message);
        refusal.details = Some(json!({}));
        refusal
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).about(&resource.plural, &resource.group, name)
    }

    /// Content cannot be made in a namespace that is going away.
    pub(crate) fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        Self::forbidden(resource, name, &why).with_causes(json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let mut refusal = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        refusal.details = Some(json!({}));
        refusal
    }

    pub(crate) fn not_acceptable(message: impl Into<String>) -> Self {
        Self::new(406, "NotAcceptable", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {limit}"),
        )
    }

    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The history a watch or a list asks for is gone.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A 500 without a reason: how a server answers what its types cannot hold.
    pub(crate) fn untyped(message: impl Into<String>) -> Self {
        Self { code: 500, reason: None, message: message.into(), details: None, plain: false }
    }

    /// The body of the answer.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if let Value::Object(map) = &mut status {
            if let Some(reason) = self.reason {
                map.insert("reason".to_owned(), json!(reason));
            }
            if let Some(details) = &self.details {
                map.insert("details".to_owned(), details.clone());
            }
        }
        status
    }
}

/// `deployments.apps`, or `configmaps` for the core group.
fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

fn cause_line(cause: &Cause) -> String {
    if cause.field.is_empty() {
        cause.message.clone()
    } else {
        format!("{}: {}", cause.field, cause.message)
    }
}
