//! Where in an object secret values stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merge::path::{Path, Segment};
use serde_json::{Map, Value};

use super::Keys;

/// The annotation in which `kubectl apply` keeps a copy of what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations in which other tools keep such a copy: kapp, Rancher's apply, and the logging and other
/// operators that are built with banzaicloud's objectmatcher.
const OTHER_COPIES: [&str; 3] =
    ["kapp.k14s.io/original", "objectset.rio.cattle.io/applied", "banzaicloud.com/last-applied"];

/// How a secret value is spelled at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// In base64, as a Secret's `data` is.
    Base64,
    /// As a copy of a whole object, in JSON.
    Copy,
    /// Somewhere in the record of who owns which field, whose keys are values.
    Record,
}

impl Spelling {
    /// The value itself: one value spelled two ways has one mask.
    pub fn clear(self, value: &Value) -> Value {
        if self == Self::Base64 { decoded(value) } else { value.clone() }
    }
}

/// What is in base64, if it is text.
pub(super) fn decoded(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map_or_else(|| value.clone(), Value::String)
}

/// Whether an object's data is secret: the core `Secret`, in any version.
pub fn is_secret(object: &Value) -> bool {
    let text = |field| object.get(field).and_then(Value::as_str);
    text("kind") == Some("Secret")
        && text("apiVersion").is_none_or(|version| !version.contains('/'))
}

/// Whether an object is a Secret, or means to be one: `kind: secret` of `core/v1` is refused by every
/// server, and what refuses it is not to show what it holds.
fn means_secret(object: &Value) -> bool {
    let text = |field| object.get(field).and_then(Value::as_str).map(str::trim);
    let is_kind = |kind: &str| ["secret", "secrets"].iter().any(|it| kind.eq_ignore_ascii_case(it));
    let group = text("apiVersion").and_then(|version| version.split_once('/')).map(|(it, _)| it);
    text("kind").is_some_and(is_kind)
        && group.is_none_or(|group| group.is_empty() || group.eq_ignore_ascii_case("core"))
}

/// Whether an object may hold anything secret where the user lists no fields: only what looks like a
/// Secret does, or an annotation that keeps a copy. The common no is told without a copy.
pub(super) fn may_hold_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            is_secret(value)
                || means_secret(value)
                || fields.iter().any(|(field, value)| is_copy(field) || may_hold_secret(value))
        }
        Value::Array(items) => items.iter().any(may_hold_secret),
        _ => false,
    }
}

/// Whether people may see this field of a Secret.
fn is_open(field: &str, value: &Value) -> bool {
    matches!(field, "apiVersion" | "kind" | "metadata")
        || (field == "type" && value.is_string())
        || (field == "immutable" && value.is_boolean())
}

/// What names an object is no secret: it stands in the header of whatever is said about it.
fn is_identity(place: &str) -> bool {
    matches!(
        place,
        "apiVersion"
            | "kind"
            | "metadata.name"
            | "metadata.namespace"
            | "metadata.uid"
            | "metadata.resourceVersion"
            | "metadata.generation"
            | "metadata.creationTimestamp"
    )
}

fn is_copy(field: &str) -> bool {
    field == LAST_APPLIED || OTHER_COPIES.contains(&field)
}

/// Whether a list's entry names its value: `{name: DB_PASSWORD, value: …}`.
fn names_its_value(entry: &Map<String, Value>, keys: &Keys) -> bool {
    ["name", "key"]
        .iter()
        .filter_map(|field| entry.get(*field)?.as_str())
        .any(|name| keys.names(name))
}

fn is_value(field: &str) -> bool {
    matches!(field, "value" | "values")
}

/// Visits every secret value of an object, and of the objects it holds.
pub(super) fn each_secret(
    keys: &Keys,
    object: &mut Value,
    visit: &mut dyn FnMut(&mut Value, Spelling),
) {
    let secret = means_secret(object);
    let Some(fields) = object.as_object_mut() else { return };
    for (field, value) in fields.iter_mut() {
        if secret && !is_open(field, value) {
            let spelling = if field == "data" { Spelling::Base64 } else { Spelling::Plain };
            each_leaf(value, spelling, visit);
        } else if let ("items", Some(items)) = (field.as_str(), value.as_array_mut()) {
            for item in items {
                each_secret(keys, item, visit);
            }
        } else {
            one(keys, field, value, false, field, visit);
        }
    }
}

/// Visits what is secret of one field, or below it.
fn one(
    keys: &Keys,
    field: &str,
    value: &mut Value,
    named: bool,
    place: &str,
    visit: &mut dyn FnMut(&mut Value, Spelling),
) {
    if is_identity(place) {
        return;
    }
    if place == "metadata.managedFields" {
        // The keys of list entries stand in it in clear.
        if !keys.is_empty() {
            visit(value, Spelling::Record);
        }
    } else if is_copy(field) {
        visit(value, Spelling::Copy);
    } else if keys.lists(field, place) || (named && is_value(field)) {
        match value {
            // The object must still be told from others.
            Value::Object(fields) if place == "metadata" => fields
                .iter_mut()
                .filter(|(field, _)| !is_identity(&format!("metadata.{field}")))
                .for_each(|(_, child)| each_leaf(child, Spelling::Plain, visit)),
            value => each_leaf(value, Spelling::Plain, visit),
        }
    } else {
        below(keys, value, place, visit);
    }
}

fn below(keys: &Keys, value: &mut Value, place: &str, visit: &mut dyn FnMut(&mut Value, Spelling)) {
    // A reference to a Secret looks like one; what makes a Secret of it is what it holds.
    let holds_secret = means_secret(value);
    match value {
        Value::Object(fields) => {
            let named = names_its_value(fields, keys);
            for (field, child) in fields {
                if holds_secret && matches!(field.as_str(), "data" | "stringData") {
                    let spelling = if field == "data" { Spelling::Base64 } else { Spelling::Plain };
                    each_leaf(child, spelling, visit);
                } else {
                    one(keys, field, child, named, &format!("{place}.{field}"), visit);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| below(keys, item, place, visit)),
        _ => {}
    }
}

/// Every value that is not a map: how long a list is, nobody needs to know.
fn each_leaf(value: &mut Value, spelling: Spelling, visit: &mut dyn FnMut(&mut Value, Spelling)) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(|child| each_leaf(child, spelling, visit));
        }
        leaf => visit(leaf, spelling),
    }
}

/// The part of a path that names no listed value.
pub(super) fn open_part(keys: &Keys, path: &Path) -> Path {
    let mut open = Path::root();
    let mut place = String::new();
    let mut named = false;
    for segment in path.segments() {
        match segment {
            Segment::Field(field) => {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(field);
                open = open.join(segment.clone());
                if keys.lists(field, &place) && !is_identity(&place) || (named && is_value(field)) {
                    return open;
                }
                named = false;
            }
            Segment::Key(fields) => {
                if fields.keys().any(|field| keys.lists(field, &format!("{place}.{field}"))) {
                    return open;
                }
                let name = ["name", "key"].iter().find_map(|field| fields.get(*field)?.as_str());
                named = name.is_some_and(|name| keys.names(name));
                open = open.join(segment.clone());
            }
            Segment::Value(_) | Segment::Index(_) => open = open.join(segment.clone()),
        }
    }
    open
}
