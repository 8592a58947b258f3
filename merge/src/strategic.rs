//! Strategic merge patch as a function.
//!
//! Maps are merged field by field; lists are merged by key where the schema says so
//! (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`) and replaced otherwise. Directives
//! in the patch steer it: `$patch` (`replace`, `delete`, `merge`), `$retainKeys`,
//! `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`. It follows
//! `StrategicMergeMapPatch` of `k8s.io/apimachinery/pkg/util/strategicpatch`.
//!
//! Only built-in kinds have it: a server answers 415 for custom resources, and whoever answers for
//! one has to do so before coming here.

mod list;

use serde_json::{Map, Value};

use crate::class::ErrorClass;
use crate::object::GroupVersionKind;
use crate::schema::{Schemas, TypeRef};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_SCALARS: &str = "$deleteFromPrimitiveList/";

/// Why a patch cannot be applied. A server answers 500 with these words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// `$patch` says something that is no instruction.
    #[error("unknown patch type: {directive} in map: {map}")]
    UnknownDirective {
        /// What it says.
        directive: String,
        /// The map it stands in, as JSON.
        map: String,
    },
    /// An entry for a keyed list does not say which one it is.
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The entry, as the server prints it.
        map: String,
        /// The key it lacks.
        key: String,
    },
    /// A directive is not of the form it must have.
    #[error("invalid patch format of {directive}: {problem}")]
    BadDirective {
        /// The directive.
        directive: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The patch, or the object, is no map.
    #[error("a strategic merge patch is a map, and so is what it applies to")]
    NotAMap,
}

impl PatchError {
    /// The kind of this failure: the patch is wrong.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::User
    }
}

/// The object with the patch merged into it. Neither defaults nor validation nor managedFields.
pub fn patch(schemas: &Schemas, live: &Value, patch: &Value) -> Result<Value, PatchError> {
    let (Value::Object(live_map), Value::Object(patch)) = (live, patch) else {
        return Err(PatchError::NotAMap);
    };
    let root = GroupVersionKind::of(live).and_then(|gvk| schemas.root(&gvk));
    merge_map(live_map.clone(), patch.clone(), root).map(Value::Object)
}

type Fields = Map<String, Value>;

fn merge_map(
    mut original: Fields,
    mut patch: Fields,
    schema: Option<TypeRef<'_>>,
) -> Result<Fields, PatchError> {
    if let Some(directive) = patch.remove(PATCH) {
        match directive.as_str() {
            Some("replace") => return Ok(patch),
            Some("delete") => return Ok(Fields::new()),
            Some("merge") => {}
            _ => return Err(unknown_directive(directive, patch)),
        }
    }
    retain_keys(&mut original, &mut patch)?;
    list::ordered(&mut original, &mut patch, schema)?;
    for (name, value) in patch {
        if let Some(list_name) = name.strip_prefix(DELETE_SCALARS) {
            list::delete_scalars(&mut original, list_name, &value)?;
            continue;
        }
        if value.is_null() {
            original.remove(&name);
            continue;
        }
        let merged = match (original.remove(&name), value) {
            (Some(Value::Object(before)), Value::Object(value)) => {
                let replaces = strategies(schema, &name).any(|strategy| strategy == "replace");
                if replaces {
                    Value::Object(plain_map(value))
                } else {
                    let child = schema.and_then(|schema| schema.child(&name));
                    Value::Object(merge_map(before, value, child)?)
                }
            }
            (Some(Value::Array(before)), Value::Array(value)) => {
                list::merge(before, value, list::Rule::of(schema, &name))?
            }
            (_, value) => plain(value),
        };
        original.insert(name, merged);
    }
    Ok(original)
}

/// The words of `x-kubernetes-patch-strategy` of a field.
fn strategies<'a>(schema: Option<TypeRef<'a>>, name: &str) -> impl Iterator<Item = &'a str> {
    schema
        .and_then(|schema| schema.patch_strategy(name))
        .unwrap_or_default()
        .split(',')
        .filter(|strategy| !strategy.is_empty())
}

fn unknown_directive(directive: Value, mut map: Fields) -> PatchError {
    let text = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
    map.insert(PATCH.to_owned(), directive);
    PatchError::UnknownDirective { directive: text, map: spelled(&map) }
}

/// A map as Go's `%v` prints it.
fn spelled(map: &Fields) -> String {
    fn value(value: &Value) -> String {
        match value {
            Value::Null => "<nil>".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                format!("[{}]", items.iter().map(value_of).collect::<Vec<_>>().join(" "))
            }
            Value::Object(map) => spelled(map),
            other => other.to_string(),
        }
    }
    fn value_of(item: &Value) -> String {
        value(item)
    }
    let entries: Vec<String> =
        map.iter().map(|(name, item)| format!("{name}:{}", value(item))).collect();
    format!("map[{}]", entries.join(" "))
}

/// `$retainKeys` names every field that may stay (`applyRetainKeysDirective`).
fn retain_keys(original: &mut Fields, patch: &mut Fields) -> Result<(), PatchError> {
    let Some(directive) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let bad = |problem| PatchError::BadDirective { directive: RETAIN_KEYS.to_owned(), problem };
    let Value::Array(names) = directive else {
        return Err(bad("it must be a list of field names"));
    };
    let kept = |name: &String| names.iter().any(|kept| kept == name);
    let mut written = patch.iter().filter(|(_, value)| !value.is_null());
    if written.any(|(name, _)| !name.starts_with('$') && !kept(name)) {
        return Err(bad("a field of the patch is not among the retained"));
    }
    original.retain(|name, _| kept(name));
    Ok(())
}

/// A value that meets no counterpart: nulls and directives mean nothing in it
/// (`discardNullValuesFromPatch`, `dropDirectives`).
fn plain(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(plain_map(map)),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .filter(|item| item.get(PATCH).is_none_or(|directive| directive == "merge"))
                .map(plain)
                .collect(),
        ),
        other => other,
    }
}

fn plain_map(map: Fields) -> Fields {
    map.into_iter()
        .filter(|(name, value)| !value.is_null() && !is_directive(name))
        .map(|(name, value)| (name, plain(value)))
        .collect()
}

fn is_directive(name: &str) -> bool {
    matches!(name, PATCH | RETAIN_KEYS)
        || name.starts_with(SET_ORDER)
        || name.starts_with(DELETE_SCALARS)
}

#[cfg(test)]
mod tests;
