//! Labels and label selectors (`k8s.io/apimachinery/pkg/apis/meta/v1/validation`).

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{label_selector, quoted, string_map};
use super::names;

/// `ValidateLabels`: keys and values, both reported on the map itself.
pub(super) fn labels(labels: &At<'_>, causes: &mut Causes) {
    for (key, value) in labels.entries() {
        causes.invalid_text(&labels.path, key, names::qualified(key));
        causes.invalid_text(&labels.path, value.text(), names::label_value(value.text()));
    }
}

/// `ValidateLabelSelector`.
pub(super) fn selector(selector: &At<'_>, causes: &mut Causes) {
    labels(&selector.field("matchLabels"), causes);
    for expression in selector.field("matchExpressions").items() {
        let values = expression.field("values");
        let operator = expression.field("operator");
        match operator.text() {
            "In" | "NotIn" if values.items().is_empty() => {
                causes
                    .required(&values.path, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "In" | "NotIn" => {}
            "Exists" | "DoesNotExist" => {
                if !values.items().is_empty() {
                    causes.forbidden(
                        &values.path,
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                    );
                }
            }
            other => {
                causes.invalid(&operator.path, &quoted(other), "not a valid selector operator");
            }
        }
        let key = expression.field("key");
        causes.invalid_text(&key.path, key.text(), names::qualified(key.text()));
        for value in values.items() {
            causes.invalid_text(&value.path, value.text(), names::label_value(value.text()));
        }
    }
}

/// A selector that must be there and select something; `kind` as the server calls it.
pub(super) fn required(at: &At<'_>, kind: &str, causes: &mut Causes) {
    let Some(value) = at.value else { return causes.required(&at.path, "") };
    selector(at, causes);
    if is_empty(value) {
        causes.invalid(
            &at.path,
            &label_selector(value),
            &format!("empty selector is invalid for {kind}"),
        );
    }
}

pub(super) fn is_empty(selector: &Value) -> bool {
    let labels = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .is_none_or(serde_json::Map::is_empty);
    labels && selector.get("matchExpressions").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// That the template's labels match the selector. A missing selector selects nothing, an empty one
/// everything (`LabelSelectorAsSelector`); workloads other than Jobs and DaemonSets do not look at an
/// empty one.
pub(super) fn template_matches(spec: &At<'_>, causes: &mut Causes) {
    let selector = spec.field("selector");
    let labels = spec.field("template.metadata.labels");
    let matching = selector.value.is_some_and(|selector| matches(selector, labels.value));
    if !matching {
        causes.invalid(
            &labels.path,
            &string_map(labels.value),
            "`selector` does not match template `labels`",
        );
    }
}

/// Whether a selector selects these labels.
fn matches(selector: &Value, labels: Option<&Value>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key));
    let wanted = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let expressions =
        selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    let satisfied = |expression: &Value| {
        let text = |field: &str| expression.get(field).and_then(Value::as_str).unwrap_or_default();
        let value = label(text("key"));
        let listed = expression
            .get("values")
            .and_then(Value::as_array)
            .is_some_and(|values| values.iter().any(|listed| Some(listed) == value));
        match text("operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            // Reported as an operator that is none.
            _ => true,
        }
    };
    wanted.into_iter().all(|(key, value)| label(key) == Some(value))
        && expressions.into_iter().all(satisfied)
}
