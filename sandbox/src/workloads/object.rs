//! Reading untyped bodies: a field that is missing or of another type reads as its zero value, as it
//! would in the Go types behind the API.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The text at a JSON pointer, or `""`.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The integer at a JSON pointer, if there is one.
pub(super) fn integer(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Whether the JSON pointer leads to `true`.
pub(super) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at a JSON pointer, or an empty one.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The map at a JSON pointer, if there is one.
pub(super) fn map<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    object.pointer(pointer).and_then(Value::as_object)
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn generation(object: &Value) -> i64 {
    integer(object, "/metadata/generation").unwrap_or_default()
}

/// The resourceVersion as a number; servers from 1.35 on promise that versions compare so.
pub(super) fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

pub(super) fn is_deleted(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

pub(super) fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    map(object, "/metadata/labels").and_then(|labels| labels.get(key)?.as_str()).unwrap_or_default()
}

pub(super) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "/metadata/annotations")?.get(key)?.as_str()
}

pub(super) fn has_finalizer(object: &Value, name: &str) -> bool {
    list(object, "/metadata/finalizers").iter().any(|finalizer| finalizer == name)
}

/// The object without one finalizer, ready to be sent back.
pub(super) fn without_finalizer(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    if let Some(Value::Array(finalizers)) = object.pointer_mut("/metadata/finalizers") {
        finalizers.retain(|finalizer| finalizer != name);
    }
    object
}

/// The time at a JSON pointer, if there is one.
pub(super) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// A time as the API writes it: whole seconds.
pub(super) fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `at + seconds`, or the end of time.
pub(super) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// `at + duration`, or the end of time.
pub(super) fn later(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The owner reference of a controller, as `metav1.NewControllerRef` writes it.
pub(super) fn controller_reference(api_version: &str, kind: &str, owner: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The owner reference whose `controller` is true.
pub(super) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences").iter().find(|owner| flag(owner, "/controller"))
}

/// The condition of a type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// Whether the condition of a type says `True`.
pub(super) fn condition_is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Whether a LabelSelector matches an object's labels. An empty selector matches everything
/// (`metav1.LabelSelectorAsSelector`).
pub(super) fn selects(selector: &Value, labels: Option<&Map<String, Value>>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key));
    let equal = map(selector, "/matchLabels")
        .is_none_or(|wanted| wanted.iter().all(|(key, wanted)| value(key) == Some(wanted)));
    equal
        && list(selector, "/matchExpressions")
            .iter()
            .all(|requirement| requirement_holds(requirement, value(text(requirement, "/key"))))
}

/// Whether one requirement of a selector holds for a value that may be missing.
pub(super) fn requirement_holds(requirement: &Value, value: Option<&Value>) -> bool {
    let named = || value.is_some_and(|value| list(requirement, "/values").contains(value));
    match text(requirement, "/operator") {
        "In" => named(),
        "NotIn" => !named(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// A copy without nulls and without empty maps below `metadata`, so that templates compare by
/// meaning: a server may write `creationTimestamp: null` or leave it out.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Sets a field below `metadata`'s map `field`, making the map where there is none.
pub(super) fn set_metadata(object: &mut Value, field: &str, key: &str, value: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let entries = metadata.entry(field).or_insert_with(|| json!({}));
        if let Some(entries) = entries.as_object_mut() {
            entries.insert(key.to_owned(), json!(value));
        }
    }
}

/// Sets a field of an object that is a map.
pub(super) fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// Sets a field of `spec`.
pub(super) fn set_spec(object: &mut Value, field: &str, value: Value) {
    if let Some(spec) = object.get_mut("spec") {
        set(spec, field, value);
    }
}
