//! Server-side apply as a function: live object, body, manager in; the object as the server would
//! store it out, managedFields included.
//!
//! ```text
//!  body ──typed──► merge onto live ──► prune what we no longer apply ──► compare with live
//!                                                                            │ conflicts?
//!        stored ◄── managedFields ◄── defaults, `finish` ◄──── anything changed?
//! ```
//!
//! It follows apimachinery's `managedfields.FieldManager.Apply` and structured-merge-diff's
//! `merge.Updater.Apply`, as of Kubernetes 1.28.

mod conflict;
mod convert;
mod last_applied;
mod prune;

use serde_json::Value;

use crate::class::ErrorClass;
use crate::fields::FieldSet;
use crate::managed::{
    self, Identity, Managers, Operation, Owned, Updater, decode, encode, replace, strip,
};
use crate::object::{self, GroupVersionKind};
use crate::reset;
use crate::schema::{Schemas, TypeRef};
use crate::typed;

pub use conflict::{Conflict, conflict_message, served_paths};

/// An apply.
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a> {
    /// The object as it is; `None` if there is none.
    pub live: Option<&'a Value>,
    /// What is applied.
    pub body: &'a Value,
    /// The field manager.
    pub manager: &'a str,
    /// Whether to take fields from other managers.
    pub force: bool,
    /// The subresource that is applied to, `status` for instance.
    pub subresource: Option<&'a str>,
    /// The time for managedFields, RFC 3339.
    pub time: &'a str,
}

/// Why an apply is refused. The text is the server's own.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that the body sets to other values.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// The body, or the live object, does not fit its schema.
    #[error("{message}")]
    NotTyped {
        /// What the server says.
        message: String,
    },
    /// The live object's managedFields cannot be read.
    #[error("failed to decode managed fields: {message}")]
    BadManagedFields {
        /// What is wrong with them.
        message: String,
    },
    /// The body carries managedFields.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsInBody,
    /// A manager owns fields in a version its definition no longer serves.
    #[error("request to convert CR to an invalid group/version: {api_version}")]
    VersionGone {
        /// That version.
        api_version: String,
    },
}

impl ApplyError {
    /// The kind of this failure.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Conflicts(_) => ErrorClass::Conflict,
            _ => ErrorClass::User,
        }
    }

    /// The HTTP code a server answers with.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Conflicts(_) => 409,
            Self::ManagedFieldsInBody => 400,
            _ => 500,
        }
    }
}

/// The object as the server would store it after an apply, managedFields included. What the server
/// gives an object afterwards (resourceVersion, generation, a new object's uid and creation time) is
/// not here.
///
/// `finish` is what happens between the merge and the ownership record: defaulting and what a kind's
/// strategy does. It runs only if the merge changed something; the defaults that custom resources state
/// in their schema are filled in before, and fields that the version they are stored in does not have are
/// dropped after.
pub fn apply(
    schemas: &Schemas,
    request: &Apply<'_>,
    finish: &dyn Fn(&mut Value),
) -> Result<Value, ApplyError> {
    match attempt(schemas, request, request.force, finish) {
        Err(ApplyError::Conflicts(conflicts)) if request.manager == "kubectl" => {
            // kubectl takes over from its own client-side applies.
            let left = last_applied::conflicts_left(schemas, request.live, conflicts);
            if left.is_empty() {
                attempt(schemas, request, true, finish)
            } else {
                Err(ApplyError::Conflicts(left))
            }
        }
        other => other,
    }
    .map(|mut object| {
        if request.manager == "kubectl" {
            last_applied::refresh(&mut object, request.body);
        }
        object
    })
}

fn attempt(
    schemas: &Schemas,
    request: &Apply<'_>,
    force: bool,
    finish: &dyn Fn(&mut Value),
) -> Result<Value, ApplyError> {
    let Apply { subresource, time, .. } = *request;
    let body = convert::whole_numbers(request.body);
    let body = body.as_ref();
    let updater = Updater::new(schemas, body, subresource);
    let root = updater.root();
    let mut managers = match request.live {
        Some(live) => decode(live).map_err(|message| ApplyError::BadManagedFields { message })?,
        None => Managers::new(),
    };
    let blank = request.live.is_none().then(|| reset::blank(root, body));
    let before = request.live.or(blank.as_ref()).unwrap_or(&Value::Null);
    let bare = managed::without_managed_fields(before);
    if managers.is_empty() && request.live.is_some() {
        let what = "failed to create manager for existing fields: failed to convert new object";
        check_typed(root, &bare, what, " to smd typed")?;
        managed::take_over(&updater, &bare, &mut managers, subresource, time)?;
    }
    if body.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(ApplyError::ManagedFieldsInBody);
    }
    check_typed(root, body, "failed to create typed patch object", "")?;
    check_typed(root, &bare, "failed to create typed live object", "")?;

    let me = Identity::new(request.manager, Operation::Apply, "", subresource);
    let merged = merge_and_own(&updater, before, bare, body, &mut managers, &me, force)?;
    let mut object = if let Some(mut object) = merged {
        schemas.settle_applied(&mut object);
        if let Some(message) = convert::refused(schemas, &object) {
            return Err(ApplyError::NotTyped { message });
        }
        reset::restore(updater.ignored(), request.live, &mut object);
        finish(&mut object);
        schemas.store(&mut object);
        if let Some(owned) = managers.get_mut(&me) {
            owned.time = Some(time.to_owned());
        }
        object
    } else {
        // Nothing but ownership can have moved, and mostly not even that.
        let fields = encode(&managers);
        if let Some(live) = request.live.filter(|live| managed::only_times(live, &fields)) {
            return Ok(live.clone());
        }
        managed::without_managed_fields(before)
    };
    let fields = encode(&managers);
    let before = request.live.filter(|live| managed::only_times_differ(live, &object, &fields));
    if let Some(live) = before {
        return Ok(live.clone());
    }
    replace(&mut object, fields);
    reset::keep_life(request.live, &mut object);
    Ok(object)
}

/// The fields that an apply of a body makes its manager's, if it is not refused: what managedFields say
/// after the manager has created an object with it.
pub fn declared(schemas: &Schemas, body: &Value) -> Result<FieldSet, ApplyError> {
    let body = convert::whole_numbers(body);
    let body = body.as_ref();
    let updater = Updater::new(schemas, body, None);
    let root = updater.root();
    if body.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(ApplyError::ManagedFieldsInBody);
    }
    check_typed(root, body, "failed to create typed patch object", "")?;
    if let Some(message) = convert::refused(schemas, body) {
        return Err(ApplyError::NotTyped { message });
    }
    Ok(strip(&typed::field_set(root, body).recursive_difference(updater.ignored())))
}

/// `Updater.Apply`: the merged object, or `None` if it is the live one. `bare` is the live object
/// without its managedFields.
fn merge_and_own(
    updater: &Updater<'_>,
    live: &Value,
    bare: Value,
    body: &Value,
    managers: &mut Managers,
    me: &Identity,
    force: bool,
) -> Result<Option<Value>, ApplyError> {
    updater.reconcile(managers)?;
    let root = updater.root();
    let mut merged = bare;
    if !typed::overlay(root, &mut merged, body) {
        merged = Value::Null;
    }
    let last = managers.remove(me);
    let fields = typed::field_set(root, body).recursive_difference(updater.ignored());
    let time = last.as_ref().and_then(|last| last.time.clone());
    let owned = Owned { fields, api_version: updater.api_version(), time };
    managers.insert(me.clone(), owned);
    let pruned = prune::prune(updater, merged, managers, last.as_ref())?;
    let changed = conflict::take(updater, live, &pruned, managers, me, force)?;
    if let Some(owned) = managers.get_mut(me) {
        owned.fields = strip(&owned.fields);
    }
    managers.retain(|_, owned| !owned.fields.is_empty());
    Ok((!changed.is_same()).then_some(pruned))
}

fn check_typed(root: TypeRef<'_>, object: &Value, what: &str, how: &str) -> Result<(), ApplyError> {
    let problems = typed::validate(root, object);
    let mut lines: Vec<String> = problems.iter().map(typed::Problem::server_words).collect();
    let words = match lines.as_mut_slice() {
        [] => return Ok(()),
        [only] => std::mem::take(only),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    let message = format!("{what} ({}){how}: {words}", named(object));
    Err(ApplyError::NotTyped { message })
}

/// `namespace/name; group/version, Kind=kind`, as the server names an object in such errors.
fn named(object: &Value) -> String {
    let namespace = object::namespace(object).unwrap_or_default();
    let name = object::name(object).unwrap_or_default();
    format!("{namespace}/{name}; {}", kind_words(object))
}

fn kind_words(object: &Value) -> String {
    GroupVersionKind::of(object)
        .map(|gvk| format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind))
        .unwrap_or_default()
}

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
