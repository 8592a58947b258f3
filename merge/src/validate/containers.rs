//! Containers of a pod spec (`validateContainers`, `validateInitContainers`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::quoted;
use super::{names, probes};
use crate::builtin::quantity::Quantity;

/// Judges the containers of a pod, which may mount the volumes named.
pub(super) fn check(spec: &At<'_>, volumes: &BTreeSet<&str>, causes: &mut Causes) {
    let containers = spec.field("containers");
    if containers.items().is_empty() {
        causes.required(&containers.path, "");
    }
    let mut taken = BTreeSet::new();
    for container in containers.items() {
        common(&container, volumes, causes);
        let name = container.field("name");
        if !taken.insert(name.text().to_owned()) {
            causes.duplicate(&name.path, name.text());
        }
        probes::check(&container, causes);
        let policy = container.field("restartPolicy");
        if policy.is_set() {
            causes.forbidden(&policy.path, "may not be set for non-init containers");
        }
    }
    for container in spec.field("initContainers").items() {
        common(&container, volumes, causes);
        let name = container.field("name");
        if taken.contains(name.text()) {
            causes.duplicate(&name.path, name.text());
        } else if !name.text().is_empty() {
            taken.insert(name.text().to_owned());
        }
        if container.field("restartPolicy").text() == "Always" {
            probes::check(&container, causes);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                let at = container.field(field);
                if at.is_set() {
                    causes.forbidden(
                        &at.path,
                        "may not be set for init containers without restartPolicy=Always",
                    );
                }
            }
        }
    }
}

/// `validateContainerCommon`.
fn common(container: &At<'_>, volumes: &BTreeSet<&str>, causes: &mut Causes) {
    let name = container.field("name");
    if name.text().is_empty() {
        causes.required(&name.path, "");
    } else {
        causes.invalid_text(&name.path, name.text(), names::dns_label(name.text()));
    }
    let image = container.field("image");
    if image.text().is_empty() {
        causes.required(&image.path, "");
    }
    causes.one_of(&container.field("terminationMessagePolicy"), &["File", "FallbackToLogsOnError"]);
    ports(&container.field("ports"), causes);
    environment(&container.field("env"), causes);
    mounts(&container.field("volumeMounts"), volumes, causes);
    causes.one_of(&container.field("imagePullPolicy"), &["Always", "IfNotPresent", "Never"]);
    resources(&container.field("resources"), causes);
}

fn ports(ports: &At<'_>, causes: &mut Causes) {
    let mut taken = BTreeSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if !name.text().is_empty() {
            let problems = names::port_name(name.text());
            if problems.is_empty() && !taken.insert(name.text()) {
                causes.duplicate(&name.path, name.text());
            }
            causes.invalid_text(&name.path, name.text(), problems);
        }
        let number = port.field("containerPort");
        match number.number().unwrap_or_default() {
            0 => causes.required(&number.path, ""),
            wrong => {
                for problem in names::port_number(wrong) {
                    causes.invalid(&number.path, &wrong.to_string(), &problem);
                }
            }
        }
        let host = port.field("hostPort");
        if let Some(number) = host.number().filter(|number| *number != 0) {
            for problem in names::port_number(number) {
                causes.invalid(&host.path, &number.to_string(), &problem);
            }
        }
        causes.one_of(&port.field("protocol"), &["SCTP", "TCP", "UDP"]);
    }
}

fn environment(variables: &At<'_>, causes: &mut Causes) {
    for variable in variables.items() {
        let name = variable.field("name");
        if name.text().is_empty() {
            causes.required(&name.path, "");
        } else {
            causes.invalid_text(&name.path, name.text(), names::environment_variable(name.text()));
        }
        let from = variable.field("valueFrom");
        if !from.is_set() {
            continue;
        }
        for reference in ["configMapKeyRef", "secretKeyRef"] {
            let reference = from.field(reference);
            let key = reference.field("key");
            if reference.is_set() && reference.field("name").text().is_empty() {
                causes.required(&reference.field("name").path, "");
            }
            if reference.is_set() && key.text().is_empty() {
                causes.required(&key.path, "");
            } else if reference.is_set() {
                causes.invalid_text(&key.path, key.text(), names::config_key(key.text()));
            }
        }
        let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"];
        let count = sources.iter().filter(|source| from.field(source).is_set()).count();
        let problem = match (count, variable.field("value").text().is_empty()) {
            (0, _) => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            }
            (_, false) => "may not be specified when `value` is not empty",
            (1, true) => continue,
            (_, true) => "may not have more than one field specified at a time",
        };
        causes.invalid(&from.path, "\"\"", problem);
    }
}

fn mounts(mounts: &At<'_>, volumes: &BTreeSet<&str>, causes: &mut Causes) {
    let mut taken = BTreeSet::new();
    for mount in mounts.items() {
        let (name, path) = (mount.field("name"), mount.field("mountPath"));
        if name.text().is_empty() {
            causes.required(&name.path, "");
        }
        if !volumes.contains(name.text()) {
            causes.not_found(&name.path, name.text());
        }
        if path.text().is_empty() {
            causes.required(&path.path, "");
        }
        if !taken.insert(path.text()) {
            causes.invalid(&path.path, &quoted(path.text()), "must be unique");
        }
    }
}

/// `ValidateResourceRequirements`: amounts are not negative, requests stay within limits, and what
/// cannot be overcommitted is requested at its limit.
fn resources(resources: &At<'_>, causes: &mut Causes) {
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    for (_, amount) in limits.entries() {
        not_negative(&amount, causes);
    }
    for (resource, amount) in requests.entries() {
        not_negative(&amount, causes);
        let spelled = quoted(amount.text());
        let may_exceed = !resource.starts_with("hugepages-")
            && (!resource.contains('/') || resource.contains("kubernetes.io/"));
        let limit = limits.value.and_then(|limits| limits.get(resource));
        match (limit, amount.value.and_then(Quantity::of)) {
            (None, _) if !may_exceed => {
                causes.required(&limits.path, "Limit must be set for non overcommitable resources");
            }
            (Some(limit), Some(request)) => {
                let Some(most) = Quantity::of(limit) else { continue };
                let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
                if !may_exceed && request != most {
                    causes.invalid(
                        &requests.path,
                        &spelled,
                        &format!("must be equal to {resource} limit of {limit}"),
                    );
                } else if request.nanos() > most.nanos() {
                    causes.invalid(
                        &requests.path,
                        &spelled,
                        &format!("must be less than or equal to {resource} limit of {limit}"),
                    );
                }
            }
            _ => {}
        }
    }
}

fn not_negative(amount: &At<'_>, causes: &mut Causes) {
    if amount.value.and_then(Quantity::of).is_some_and(|quantity| quantity.nanos() < 0) {
        let spelled = amount.value.and_then(Value::as_str).map(quoted).unwrap_or_default();
        causes.invalid(&amount.path, &spelled, "must be greater than or equal to 0");
    }
}
