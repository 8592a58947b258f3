//! The parameters every write takes.

use merge::validate::Cause;

use super::super::{Call, Subject};
use crate::refusal::Refusal;
use crate::request::Verb;

/// What to do about fields the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The parameters of a write.
#[derive(Debug, Clone)]
pub(super) struct WriteOptions {
    pub(super) dry_run: bool,
    pub(super) manager: String,
    pub(super) force: bool,
    pub(super) validation: FieldValidation,
}

impl WriteOptions {
    /// Reads and checks them (`k8s.io/apimachinery/pkg/apis/meta/v1/validation`).
    pub(super) fn read(subject: &Subject<'_>) -> Result<Self, Refusal> {
        let call = subject.call;
        let verb = call.verb();
        let mut causes = Vec::new();
        let dry_run = dry_run(call, &mut causes);
        let validation = match call.text("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let message = format!(
                    "Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \
                     \"Strict\", \"Warn\""
                );
                causes.push(cause("FieldValueNotSupported", "fieldValidation", message));
                FieldValidation::Warn
            }
        };
        let force = call.flag("force");
        if verb == Verb::Apply && call.text("fieldManager").is_none() {
            let message = "Required value: is required for apply patch".to_owned();
            causes.push(cause("FieldValueRequired", "fieldManager", message));
        }
        if verb != Verb::Apply && call.parameter("force").is_some() && verb == Verb::Patch {
            let message = "Forbidden: may not be specified for non-apply patch".to_owned();
            causes.push(cause("FieldValueForbidden", "force", message));
        }
        check_manager(call, &mut causes);
        if causes.is_empty() {
            Ok(Self { dry_run, manager: call.manager(), force, validation })
        } else {
            let kind = match verb {
                Verb::Create => "CreateOptions",
                Verb::Update => "UpdateOptions",
                _ => "PatchOptions",
            };
            Err(Refusal::invalid("meta.k8s.io", kind, "", &causes))
        }
    }
}

fn cause(reason: &'static str, field: &str, message: String) -> Cause {
    Cause { reason, field: field.to_owned(), message }
}

/// Whether nothing is to be stored; the only value that says so is `All`.
pub(super) fn dry_run(call: &Call, causes: &mut Vec<Cause>) -> bool {
    match call.text("dryRun") {
        None => false,
        Some("All") => true,
        Some(other) => {
            let message =
                format!("Unsupported value: []string{{\"{other}\"}}: supported values: \"All\"");
            causes.push(cause("FieldValueNotSupported", "dryRun", message));
            true
        }
    }
}

fn check_manager(call: &Call, causes: &mut Vec<Cause>) {
    let Some(manager) = call.text("fieldManager") else { return };
    if manager.len() > 128 {
        let message = "Too long: must have at most 128 bytes".to_owned();
        causes.push(cause("FieldValueTooLong", "fieldManager", message));
    }
    if let Some((place, letter)) = manager.chars().enumerate().find(|(_, one)| one.is_control()) {
        let message = format!(
            "Invalid value: {manager:?}: invalid character U+{:04X} (at position {place})",
            u32::from(letter)
        );
        causes.push(cause("FieldValueInvalid", "fieldManager", message));
    }
}
