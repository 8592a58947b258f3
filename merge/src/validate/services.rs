//! Services (`ValidateService`, `ValidateServiceUpdate`). That an address or a port is free, and in the
//! cluster's range, only its allocator knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::causes::{At, Causes};
use super::golang::{quoted, scalar, strings};
use super::{names, probes, selectors};

pub(super) fn service(object: &At<'_>, causes: &mut Causes) {
    let spec = object.field("spec");
    let kind = spec.field("type");
    let ports = spec.field("ports");
    let headless = spec.field("clusterIP").text() == "None";
    if ports.items().is_empty() && !headless && kind.text() != "ExternalName" {
        causes.required(&ports.path, "");
    }
    match kind.text() {
        "LoadBalancer" | "NodePort" if headless => {
            let detail = format!("may not be set to 'None' for {} services", kind.text());
            causes.invalid("spec.clusterIPs[0]", &quoted("None"), &detail);
        }
        "ExternalName" => external_name(&spec, causes),
        _ => {}
    }
    let mut taken = BTreeSet::new();
    let several = ports.items().len() > 1;
    for port in ports.items() {
        service_port(&port, several, &mut taken, causes);
    }
    selectors::labels(&spec.field("selector"), causes);
    causes.one_of(&spec.field("sessionAffinity"), &["ClientIP", "None"]);
    causes.one_of(&kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    if kind.text() == "ClusterIP" {
        for port in ports.items().iter().map(|port| port.field("nodePort")) {
            if port.number().is_some_and(|number| number != 0) {
                causes.forbidden(&port.path, "may not be used when `type` is 'ClusterIP'");
            }
        }
    }
    duplicates(&ports, causes);
    let allocate = spec.field("allocateLoadBalancerNodePorts");
    if allocate.is_set() && kind.text() != "LoadBalancer" {
        causes.forbidden(&allocate.path, "may only be used when `type` is 'LoadBalancer'");
    }
    for policy in ["externalTrafficPolicy", "internalTrafficPolicy"] {
        let policy = spec.field(policy);
        if !policy.text().is_empty() {
            causes.one_of(&policy, &["Cluster", "Local"]);
        }
    }
    // `validateServiceExternalTrafficPolicy`, as of 1.26.
    let is_reached_from_outside = match kind.text() {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !spec.field("externalIPs").items().is_empty(),
        _ => false,
    };
    let policy = spec.field("externalTrafficPolicy");
    if !is_reached_from_outside && !policy.text().is_empty() {
        let detail = "may only be set for externally-accessible services";
        causes.invalid(&policy.path, &quoted(policy.text()), detail);
    }
}

fn external_name(spec: &At<'_>, causes: &mut Causes) {
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let at = spec.field(field);
        if at.is_set() {
            causes.forbidden(&at.path, "may not be set for ExternalName services");
        }
    }
    let name = spec.field("externalName");
    let host = name.text().strip_suffix('.').unwrap_or(name.text());
    if host.is_empty() {
        causes.required(&name.path, "");
    } else {
        causes.invalid_text(&name.path, host, names::dns_subdomain(host));
    }
}

fn service_port<'a>(
    port: &At<'a>,
    several: bool,
    taken: &mut BTreeSet<&'a str>,
    causes: &mut Causes,
) {
    let name = port.field("name");
    if name.text().is_empty() {
        if several {
            causes.required(&name.path, "");
        }
    } else {
        causes.invalid_text(&name.path, name.text(), names::dns_label(name.text()));
        if !taken.insert(name.text()) {
            causes.duplicate(&name.path, name.text());
        }
    }
    let number = port.field("port");
    let value = number.number().unwrap_or_default();
    for problem in names::port_number(value) {
        causes.invalid(&number.path, &value.to_string(), &problem);
    }
    causes.one_of(&port.field("protocol"), &["SCTP", "TCP", "UDP"]);
    probes::port(&port.field("targetPort"), causes);
}

/// Two ports may not be the same in protocol and number, inside or on the nodes.
fn duplicates(ports: &At<'_>, causes: &mut Causes) {
    let mut on_nodes = BTreeSet::new();
    for port in ports.items() {
        let node_port = port.field("nodePort");
        let number = node_port.number().unwrap_or_default();
        if number != 0 && !on_nodes.insert((port.field("protocol").text(), number)) {
            causes.add(
                "FieldValueDuplicate",
                &node_port.path,
                &format!("Duplicate value: {number}"),
                "",
            );
        }
    }
    let mut inside = BTreeSet::new();
    for port in ports.items() {
        let (protocol, number) =
            (port.field("protocol").text(), port.field("port").number().unwrap_or_default());
        if !inside.insert((protocol, number)) {
            let headline = format!(
                "Duplicate value: core.ServicePort{{Name:\"\", Protocol:{}, AppProtocol:(*string)(nil), Port:{number}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}",
                quoted(protocol)
            );
            causes.add("FieldValueDuplicate", &port.path, &headline, "");
        }
    }
}

/// `validateUpgradeDowngradeClusterIPs`, `validateUpgradeDowngradeIPFamilies`: an address that was given
/// stays, unless the Service changes from or to `ExternalName`.
pub(super) fn immutable(old: &At<'_>, new: &At<'_>, causes: &mut Causes) {
    let (old, new) = (old.field("spec"), new.field("spec"));
    if [&old, &new].iter().any(|spec| spec.field("type").text() == "ExternalName") {
        return;
    }
    let headless = |spec: &At<'_>| spec.field("clusterIP").text() == "None";
    if !(headless(&old) && headless(&new)) {
        let (before, after) = (old.field("clusterIPs"), new.field("clusterIPs"));
        let (given, wanted) = (before.items(), after.items());
        let first = format!("{}[0]", after.path);
        if wanted.is_empty() && !given.is_empty() {
            causes.invalid(&first, &strings(after.value), "primary clusterIP can not be unset");
        }
        let compared = if given.len() == wanted.len() { given.len() } else { 1 };
        for (index, (given, wanted)) in given.iter().zip(&wanted).take(compared).enumerate() {
            if given.value != wanted.value {
                causes.invalid(
                    &format!("{}[{index}]", after.path),
                    &strings(after.value),
                    "may not change once set",
                );
            }
        }
    }
    let (before, after) = (old.field("ipFamilies"), new.field("ipFamilies"));
    if let (Some(given), Some(wanted)) = (before.items().first(), after.items().first())
        && given.value != wanted.value
    {
        let families = after.value.and_then(Value::as_array).into_iter().flatten();
        let spelled: Vec<String> = families.map(scalar).collect();
        causes.invalid(
            &format!("{}[0]", after.path),
            &format!("[]core.IPFamily{{{}}}", spelled.join(", ")),
            "may not change once set",
        );
    }
}
