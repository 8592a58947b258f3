//! Services, network policies, ingress classes and endpoints.

use serde_json::{Value, json};

use super::{
    Fields, is_unset, items_at, list_is_empty, map_at, map_of, set_absent, set_empty, text_of,
};

/// How long a client keeps its endpoint: three hours.
const CLIENT_AFFINITY_SECONDS: i64 = 10_800;

/// `SetDefaults_Service`.
pub(super) fn service(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_empty(spec, "sessionAffinity", "None");
    match text_of(spec, "sessionAffinity") {
        "None" => {
            spec.remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let timeout = spec
                .get("sessionAffinityConfig")
                .and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
            if timeout.is_none_or(Value::is_null) {
                let config = json!({"clientIP": {"timeoutSeconds": CLIENT_AFFINITY_SECONDS}});
                spec.insert("sessionAffinityConfig".to_owned(), config);
            }
        }
        _ => {}
    }
    set_empty(spec, "type", "ClusterIP");
    for port in items_at(spec, "ports") {
        service_port(port);
    }
    let kind = text_of(spec, "type").to_owned();
    let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    if outside {
        set_empty(spec, "externalTrafficPolicy", "Cluster");
    }
    if outside || kind == "ClusterIP" {
        set_absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set_absent(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// The address family fields that `Allocators.initIPFamilyFields` gives a new Service on a cluster of
/// one family.
pub(super) fn new_service(object: &mut Fields) {
    if let Some(spec) = map_at(object, "spec")
        && text_of(spec, "type") != "ExternalName"
    {
        address_families(spec);
    }
}

fn service_port(port: &mut Fields) {
    set_empty(port, "protocol", "TCP");
    let unset = match port.get("targetPort") {
        None | Some(Value::Null) => true,
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::String(name)) => name.is_empty(),
        Some(_) => false,
    };
    if unset && let Some(number) = port.get("port").cloned() {
        port.insert("targetPort".to_owned(), number);
    }
}

/// Families follow the addresses where there are any, and are IPv4 where there are none.
pub(super) fn address_families(spec: &mut Fields) {
    let address = text_of(spec, "clusterIP").to_owned();
    if !address.is_empty() && list_is_empty(spec, "clusterIPs") {
        spec.insert("clusterIPs".to_owned(), json!([address]));
    }
    let headless = address == "None";
    let selectorless = map_of(spec, "selector").is_none_or(Fields::is_empty);
    let free = headless && selectorless;
    // Without a selector a headless service may have endpoints of both families.
    set_absent(spec, "ipFamilyPolicy", if free { "RequireDualStack" } else { "SingleStack" });
    if list_is_empty(spec, "ipFamilies") {
        let six = !headless && address.contains(':');
        let families = match (six, text_of(spec, "ipFamilyPolicy")) {
            (true, _) => json!(["IPv6"]),
            (false, "RequireDualStack") if free => json!(["IPv4", "IPv6"]),
            (false, _) => json!(["IPv4"]),
        };
        spec.insert("ipFamilies".to_owned(), families);
    }
}

/// `SetDefaults_Endpoints`.
pub(super) fn endpoint_subset(object: &mut Fields) {
    for port in items_at(object, "ports") {
        set_empty(port, "protocol", "TCP");
    }
}

/// `SetDefaults_EndpointPort` of discovery.
pub(super) fn endpoint_port(object: &mut Fields) {
    set_absent(object, "name", "");
    set_absent(object, "protocol", "TCP");
}

/// `SetDefaults_NetworkPolicy`: ingress always, egress where rules name it.
pub(super) fn network_policy(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    if list_is_empty(spec, "policyTypes") {
        let types = if list_is_empty(spec, "egress") {
            json!(["Ingress"])
        } else {
            json!(["Ingress", "Egress"])
        };
        spec.insert("policyTypes".to_owned(), types);
    }
}

/// `SetDefaults_IngressClass`.
pub(super) fn ingress_class(object: &mut Fields) {
    if let Some(parameters) = map_at(object, "spec").and_then(|spec| map_at(spec, "parameters"))
        && is_unset(parameters, "scope")
    {
        set_absent(parameters, "scope", "Cluster");
    }
}
