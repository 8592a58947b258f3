//! What a Service keeps when it is replaced, and what it loses with its type
//! (`pkg/registry/core/service`: `dropTypeDependentFields`, `normalizeClusterIPs`, `patchAllocatedValues`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Fields, items_at, list_is_empty, map_at, map_made, map_of, network, text_of};

pub(super) fn carry_over(old: &Fields, new: &mut Fields) {
    let Some(old) = map_of(old, "spec") else { return };
    if let Some(spec) = map_at(new, "spec") {
        drop_with_type(old, spec);
        normalize_addresses(old, spec);
        keep_allocated(old, spec);
        if needs_address(spec) {
            for field in ["ipFamilyPolicy", "ipFamilies"] {
                keep(old, spec, field);
            }
            network::address_families(spec);
        }
        if text_of(spec, "type") == "LoadBalancer" {
            return;
        }
    }
    if let Some(status) = map_made(new, "status") {
        status.insert("loadBalancer".to_owned(), Map::new().into());
    }
}

fn needs_address(spec: &Fields) -> bool {
    text_of(spec, "type") != "ExternalName"
}

fn needs_node_port(spec: &Fields) -> bool {
    matches!(text_of(spec, "type"), "NodePort" | "LoadBalancer")
}

fn needs_health_check_port(spec: &Fields) -> bool {
    text_of(spec, "type") == "LoadBalancer" && text_of(spec, "externalTrafficPolicy") == "Local"
}

fn set<'a>(spec: &'a Fields, field: &str) -> Option<&'a Value> {
    spec.get(field).filter(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Number(number) => number.as_i64() != Some(0),
        _ => true,
    })
}

fn same(old: &Fields, new: &Fields, field: &str) -> bool {
    set(old, field) == set(new, field)
}

fn keep(old: &Fields, new: &mut Fields, field: &str) {
    if set(new, field).is_none()
        && let Some(value) = set(old, field)
    {
        new.insert(field.to_owned(), value.clone());
    }
}

/// What came with the old type and nobody touched goes with it.
fn drop_with_type(old: &Fields, new: &mut Fields) {
    let mut gone = Vec::new();
    if needs_address(old) && !needs_address(new) {
        if same(old, new, "clusterIPs") && same(old, new, "clusterIP") {
            gone.extend(["clusterIP", "clusterIPs"]);
        }
        gone.extend(["ipFamilies", "ipFamilyPolicy"].iter().filter(|field| same(old, new, field)));
    }
    if needs_health_check_port(old)
        && !needs_health_check_port(new)
        && same(old, new, "healthCheckNodePort")
    {
        gone.push("healthCheckNodePort");
    }
    let was_balanced =
        text_of(old, "type") == "LoadBalancer" && text_of(new, "type") != "LoadBalancer";
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if was_balanced && same(old, new, field) {
            gone.push(field);
        }
    }
    if needs_node_port(old) && !needs_node_port(new) {
        if same(old, new, "externalTrafficPolicy") {
            gone.push("externalTrafficPolicy");
        }
        let before = node_ports(old);
        if before == node_ports(new) {
            for port in items_at(new, "ports") {
                port.remove("nodePort");
            }
        }
    }
    for field in gone {
        new.remove(field);
    }
}

fn node_ports(spec: &Fields) -> BTreeSet<i64> {
    spec.get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|port| port.get("nodePort")?.as_i64())
        .filter(|port| *port != 0)
        .collect()
}

/// A client that only knows `clusterIP` means `clusterIPs` too.
fn normalize_addresses(old: &Fields, new: &mut Fields) {
    let (before, after) = (text_of(old, "clusterIP"), text_of(new, "clusterIP").to_owned());
    if before == after {
        if !after.is_empty() {
            keep(old, new, "clusterIPs");
        }
    } else if same(old, new, "clusterIPs") {
        if after.is_empty() {
            new.remove("clusterIPs");
        } else {
            new.insert("clusterIPs".to_owned(), json!([after]));
        }
    }
}

/// What was allocated stays, though the body does not name it.
fn keep_allocated(old: &Fields, new: &mut Fields) {
    if needs_address(old) && needs_address(new) {
        keep(old, new, "clusterIP");
        if list_is_empty(new, "clusterIPs") {
            keep(old, new, "clusterIPs");
        }
    }
    if needs_node_port(old) && needs_node_port(new) {
        let used: BTreeSet<i64> = node_ports(old).intersection(&node_ports(new)).copied().collect();
        let by_name: BTreeMap<&str, i64> = old
            .get("ports")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|port| {
                let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
                Some((name, port.get("nodePort")?.as_i64()?))
            })
            .collect();
        for port in items_at(new, "ports") {
            if set(port, "nodePort").is_none()
                && let Some(number) = by_name.get(text_of(port, "name"))
                && !used.contains(number)
            {
                port.insert("nodePort".to_owned(), (*number).into());
            }
        }
    }
    if needs_health_check_port(old) && needs_health_check_port(new) {
        keep(old, new, "healthCheckNodePort");
    }
}
