//! Ingresses, claims, classes and definitions.

use serde_json::{Map, Value};

use super::causes::{At, Causes};
use super::golang::{quoted, scalar};
use super::names;
use crate::builtin::quantity::Quantity;

/// `ValidateIngressSpec`.
pub(super) fn ingress(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let rules = spec.field("rules");
    let default = spec.field("defaultBackend");
    if rules.items().is_empty() && !default.is_set() {
        causes.invalid(
            &spec.path,
            "[]networking.IngressRule(nil)",
            "either `defaultBackend` or `rules` must be specified",
        );
    }
    if default.is_set() {
        backend(&default, causes);
    }
    for rule in rules.items() {
        let host = rule.field("host");
        if host.text().parse::<std::net::IpAddr>().is_ok() {
            causes.invalid(
                &host.path,
                &quoted(host.text()),
                "must be a DNS name, not an IP address",
            );
        }
        if host.text().contains('*') {
            causes.invalid_text(&host.path, host.text(), names::wildcard_subdomain(host.text()));
        } else if !host.text().is_empty() {
            causes.invalid_text(&host.path, host.text(), names::dns_subdomain(host.text()));
        }
        let http = rule.field("http");
        let paths = http.field("paths");
        if http.is_set() && paths.items().is_empty() {
            causes.required(&paths.path, "");
        }
        for path in paths.items() {
            ingress_path(&path, causes);
        }
    }
}

fn ingress_path(at: &At<'_>, causes: &mut Causes) {
    let kind = at.field("pathType");
    if !kind.is_set() {
        return causes.required(&kind.path, "pathType must be specified");
    }
    let path = at.field("path");
    let relative = !path.text().starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if relative {
                causes.invalid(&path.path, &quoted(path.text()), "must be an absolute path");
            }
            for sequence in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.text().contains(sequence) {
                    causes.invalid(
                        &path.path,
                        &quoted(path.text()),
                        &format!("must not contain '{sequence}'"),
                    );
                }
            }
            for suffix in ["/..", "/."] {
                if path.text().ends_with(suffix) {
                    causes.invalid(
                        &path.path,
                        &quoted(path.text()),
                        &format!("cannot end with '{suffix}'"),
                    );
                }
            }
        }
        "ImplementationSpecific" => {
            if relative && !path.text().is_empty() {
                causes.invalid(&path.path, &quoted(path.text()), "must be an absolute path");
            }
        }
        other => causes.not_supported(
            &kind.path,
            &quoted(other),
            &["Exact", "ImplementationSpecific", "Prefix"],
        ),
    }
    backend(&at.field("backend"), causes);
}

fn backend(at: &At<'_>, causes: &mut Causes) {
    let service = at.field("service");
    match (at.field("resource").is_set(), service.is_set()) {
        (true, true) => {
            return causes.invalid(
                &at.path,
                "\"\"",
                "cannot set both resource and service backends",
            );
        }
        (false, false) => {
            return causes.invalid(&at.path, "\"\"", "resource or service backend is required");
        }
        (true, false) => return,
        (false, true) => {}
    }
    let name = service.field("name");
    if name.text().is_empty() {
        causes.required(&name.path, "");
    } else {
        causes.invalid_text(&name.path, name.text(), names::dns_1035_label(name.text()));
    }
    let (port_name, number) = (service.field("port.name"), service.field("port.number"));
    let value = number.number().unwrap_or_default();
    match (port_name.text(), value) {
        ("", 0) => causes.required(&at.path, "port name or number is required"),
        ("", number_set) => {
            for problem in names::port_number(number_set) {
                causes.invalid(&number.path, &number_set.to_string(), &problem);
            }
        }
        (name, 0) => causes.invalid_text(&port_name.path, name, names::port_name(name)),
        _ => causes.invalid(&at.path, "\"\"", "cannot set both port name & port number"),
    }
}

/// `ValidatePersistentVolumeClaimSpec`.
pub(super) fn claim(object: &At<'_>, causes: &mut Causes) {
    const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let spec = object.field("spec");
    let modes = spec.field("accessModes");
    if modes.items().is_empty() {
        causes.required(&modes.path, "at least 1 access mode is required");
    }
    for mode in modes.items() {
        if !MODES.contains(&mode.text()) {
            causes.not_supported(&modes.path, &quoted(mode.text()), &MODES);
        }
    }
    // The server leaves `requests` out of this path.
    match spec.field("resources.requests").value.and_then(|requests| requests.get("storage")) {
        None => causes.required("spec.resources[storage]", ""),
        Some(storage) => {
            if Quantity::of(storage).is_some_and(|amount| amount.nanos() <= 0) {
                causes.invalid(
                    "spec.resources[storage]",
                    &scalar(storage),
                    "must be greater than zero",
                );
            }
        }
    }
    let class = spec.field("storageClassName");
    if !class.text().is_empty() {
        causes.invalid_text(&class.path, class.text(), names::dns_subdomain(class.text()));
    }
    let mode = spec.field("volumeMode");
    if mode.is_set() && !matches!(mode.text(), "Block" | "Filesystem") {
        causes.not_supported(&mode.path, &quoted(mode.text()), &["Block", "Filesystem"]);
    }
}

/// `ValidatePersistentVolumeClaimUpdate`: only the size of a bound claim may change, upwards. The
/// server appends a diff of Go structs to the first message; it is left out here.
pub(super) fn claim_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let bound = new.field("status.phase").text() == "Bound";
    let fixed = |object: &At<'_>| -> Map<String, Value> {
        let mut spec =
            object.field("spec").value.and_then(Value::as_object).cloned().unwrap_or_default();
        if old.field("spec.volumeName").text().is_empty() {
            spec.remove("volumeName");
        }
        if bound
            && let Some(requests) = spec
                .get_mut("resources")
                .and_then(|resources| resources.get_mut("requests"))
                .and_then(Value::as_object_mut)
        {
            requests.remove("storage");
        }
        spec
    };
    if fixed(old) != fixed(new) {
        causes.forbidden(
            "spec",
            "spec is immutable after creation except resources.requests for bound claims",
        );
    }
    let size = |object: &At<'_>| {
        let storage = object.field("spec.resources.requests.storage");
        storage.value.and_then(Quantity::of).map_or(0, Quantity::nanos)
    };
    if size(new) < size(old) {
        causes.forbidden(
            "spec.resources.requests.storage",
            "field can not be less than previous value",
        );
    }
    let (before, after) = (old.field("spec.volumeMode"), new.field("spec.volumeMode"));
    // The server names this field without `spec`.
    let after = At { value: after.value, path: "volumeMode".to_owned() };
    causes.immutable(&before, &after, scalar);
}

/// `ValidateStorageClassUpdate`.
pub(super) fn storage_class_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if old.field(field).value != new.field(field).value {
            causes.forbidden(field, &format!("updates to {field} are forbidden."));
        }
    }
    causes.immutable(&old.field("volumeBindingMode"), &new.field("volumeBindingMode"), scalar);
}

/// `ValidatePriorityClass`.
pub(super) fn priority_class(object: &At<'_>, causes: &mut Causes) {
    let system = object.field("metadata.name").text().starts_with("system-");
    if !system && object.field("value").number().is_some_and(|value| value > 1_000_000_000) {
        causes.forbidden("value", "maximum allowed value of a user defined priority is 1000000000");
    }
}

/// `ValidatePriorityClassUpdate`.
pub(super) fn priority_class_immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    if old.field("value").value != new.field("value").value {
        causes.forbidden("value", "may not be changed in an update.");
    }
    causes.immutable(&old.field("preemptionPolicy"), &new.field("preemptionPolicy"), scalar);
}

/// What a webhook configuration may say (`pkg/apis/admissionregistration/validation`).
pub(super) fn webhooks(object: &At<'_>, causes: &mut Causes) {
    for webhook in object.field("webhooks").items() {
        let effects = webhook.field("sideEffects");
        if effects.is_set() {
            causes.one_of(&effects, &["None", "NoneOnDryRun"]);
        } else {
            causes.required(&effects.path, "must specify one of None, NoneOnDryRun");
        }
        for (field, supported) in
            [("failurePolicy", &["Fail", "Ignore"]), ("matchPolicy", &["Equivalent", "Exact"])]
        {
            let at = webhook.field(field);
            if at.is_set() {
                causes.one_of(&at, supported);
            }
        }
    }
}
