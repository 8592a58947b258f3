//! Probes and lifecycle hooks of a container (`validateProbe`, `validateHandler`).

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::quoted;
use super::names;

pub(super) fn check(container: &At<'_>, causes: &mut Causes) {
    for hook in ["postStart", "preStop"] {
        let hook = container.field("lifecycle").field(hook);
        if hook.is_set() {
            handler(&hook, causes);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.field(name);
        if !probe.is_set() {
            continue;
        }
        handler(&probe, causes);
        for field in [
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ] {
            causes.not_negative(&probe.field(field));
        }
        let grace = probe.field("terminationGracePeriodSeconds");
        if let Some(seconds) = grace.number().filter(|seconds| *seconds <= 0) {
            causes.invalid(&grace.path, &seconds.to_string(), "must be greater than 0");
        }
        let threshold = probe.field("successThreshold");
        if let Some(times) =
            threshold.number().filter(|times| name != "readinessProbe" && *times != 1)
        {
            causes.invalid(&threshold.path, &times.to_string(), "must be 1");
        }
    }
}

fn handler(at: &At<'_>, causes: &mut Causes) {
    let mut found = 0;
    for sort in ["exec", "httpGet", "tcpSocket", "grpc"] {
        let action = at.field(sort);
        if !action.is_set() {
            continue;
        }
        found += 1;
        if found > 1 {
            causes.forbidden(&action.path, "may not specify more than 1 handler type");
            continue;
        }
        match sort {
            "exec" => {
                let command = action.field("command");
                if command.items().is_empty() {
                    causes.required(&command.path, "");
                }
            }
            "httpGet" => {
                port(&action.field("port"), causes);
                let scheme = action.field("scheme");
                if !matches!(scheme.text(), "HTTP" | "HTTPS") {
                    causes.not_supported(&scheme.path, &quoted(scheme.text()), &["HTTP", "HTTPS"]);
                }
            }
            _ => port(&action.field("port"), causes),
        }
    }
    if found == 0 {
        causes.required(&at.path, "must specify a handler type");
    }
}

/// `ValidatePortNumOrName`: also for a Service's target.
pub(super) fn port(at: &At<'_>, causes: &mut Causes) {
    if let Some(Value::String(name)) = at.value {
        causes.invalid_text(&at.path, name, names::port_name(name));
        return;
    }
    let number = at.number().unwrap_or_default();
    for problem in names::port_number(number) {
        causes.invalid(&at.path, &number.to_string(), &problem);
    }
}
