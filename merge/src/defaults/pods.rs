//! Pods: what holds for every pod spec, and what only for a Pod itself.

use serde_json::{Map, Value, json};

use super::{Fields, items_at, map_at, map_made, map_of, set_absent, set_empty, text_of};
use crate::builtin::quantity::Quantity;

/// `SetDefaults_PodSpec`, and the two spellings of the service account (`conversion.go` of core/v1).
pub(super) fn pod_spec(object: &mut Fields) {
    set_empty(object, "dnsPolicy", "ClusterFirst");
    set_empty(object, "restartPolicy", "Always");
    set_absent(object, "securityContext", Map::new());
    set_absent(object, "terminationGracePeriodSeconds", 30);
    set_empty(object, "schedulerName", "default-scheduler");
    let older = text_of(object, "serviceAccount").to_owned();
    if !older.is_empty() {
        set_empty(object, "serviceAccountName", older);
    }
    let account = text_of(object, "serviceAccountName").to_owned();
    if !account.is_empty() {
        object.insert("serviceAccount".to_owned(), account.into());
    }
}

/// `defaultHostNetworkPorts`: on the host's network a container's port is the host's. Templates have
/// not been given these since 1.28 (the gate `DefaultHostNetworkHostPortsInPodTemplates`).
fn host_network_ports(spec: &mut Fields) {
    for list in ["containers", "initContainers"] {
        for container in items_at(spec, list) {
            for port in items_at(container, "ports") {
                if let Some(number) = port.get("containerPort").cloned() {
                    super::set_absent(port, "hostPort", number);
                }
            }
        }
    }
}

/// `SetDefaults_Pod`, and for a new pod the plugins `Priority` and `DefaultTolerationSeconds` and the
/// status of `podStrategy.PrepareForCreate`.
pub(super) fn pod(object: &mut Fields, creating: bool) {
    let Some(spec) = map_made(object, "spec") else { return };
    for list in ["containers", "initContainers"] {
        for container in items_at(spec, list) {
            if let Some(resources) = map_at(container, "resources") {
                requests_from_limits(resources);
            }
        }
    }
    set_absent(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork").and_then(Value::as_bool) == Some(true) {
        host_network_ports(spec);
    }
    if creating {
        admitted(spec);
        let class = quality_of_service(spec);
        object.insert("status".to_owned(), json!({"phase": "Pending", "qosClass": class}));
    }
}

/// What is limited and not requested is requested at its limit.
fn requests_from_limits(resources: &mut Fields) {
    let Some(limits) = map_of(resources, "limits").cloned() else { return };
    if let Some(requests) = map_made(resources, "requests") {
        for (resource, amount) in limits {
            set_absent(requests, &resource, amount);
        }
    }
}

fn admitted(spec: &mut Fields) {
    let priority = match text_of(spec, "priorityClassName") {
        "" => Some(0),
        "system-cluster-critical" => Some(2_000_000_000),
        "system-node-critical" => Some(2_000_001_000),
        _ => None,
    };
    if let Some(priority) = priority {
        set_absent(spec, "priority", priority);
        set_absent(spec, "preemptionPolicy", "PreemptLowerPriority");
    }
    set_absent(spec, "tolerations", Vec::<Value>::new());
    if let Some(Value::Array(tolerations)) = spec.get_mut("tolerations") {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let text = |toleration: &Value, field: &str| {
                toleration.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let tolerated = tolerations.iter().any(|toleration| {
                (text(toleration, "key") == key || text(toleration, "key").is_empty())
                    && matches!(text(toleration, "effect").as_str(), "NoExecute" | "")
            });
            if !tolerated {
                tolerations.push(json!({
                    "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
                }));
            }
        }
    }
}

/// `qos.ComputePodQOS`: guaranteed where every container's CPU and memory are limited at what they
/// request, best effort where nothing is asked for, burstable between.
fn quality_of_service(spec: &Fields) -> &'static str {
    let mut asked = false;
    let mut guaranteed = true;
    for container in ["containers", "initContainers"]
        .iter()
        .filter_map(|list| spec.get(*list)?.as_array())
        .flatten()
    {
        for resource in ["cpu", "memory"] {
            let amount = |sort: &str| {
                let amounts = container.get("resources")?.get(sort)?;
                Quantity::of(amounts.get(resource)?).filter(|amount| amount.nanos() > 0)
            };
            let (request, limit) = (amount("requests"), amount("limits"));
            asked |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (asked, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
