//! Where a Service's traffic goes: an EndpointSlice, and the older Endpoints, of the pods its selector
//! matches.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::pods;

const WRITER: Writer = Writer::Controller("endpoint-controller");
const SLICES: Writer = Writer::Controller("endpointslice-controller");
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// Whether a Service's selector matches a pod.
pub(super) fn selects(service: &Value, pod: &Value) -> bool {
    let Some(selector) = selector(service) else { return false };
    let labels = object::map(pod, "/metadata/labels");
    selector.iter().all(|(key, wanted)| labels.and_then(|labels| labels.get(key)) == Some(wanted))
}

fn selector(service: &Value) -> Option<&Map<String, Value>> {
    object::map(service, "/spec/selector").filter(|selector| !selector.is_empty())
}

/// Whether a change of a pod can change what a Service sends to it.
pub(super) fn same_target(before: &Value, after: &Value) -> bool {
    let view = |pod: &Value| {
        (
            object::text(pod, "/status/podIP").to_owned(),
            pods::is_ready(pod),
            pods::is_finished(pod),
            object::is_deleted(pod),
            object::map(pod, "/metadata/labels").cloned(),
        )
    };
    view(before) == view(after)
}

/// One look at a Service, its pods, and what stands for them.
pub(super) fn reconcile(
    service: &Value,
    all: &[&Arc<Value>],
    slice: Option<&Value>,
    endpoints: Option<&Value>,
) -> Plan {
    let mut plan = Plan::default();
    let external = object::text(service, "/spec/type") == "ExternalName";
    if object::is_deleted(service) || external || selector(service).is_none() {
        return plan;
    }
    let mut targets: Vec<&Value> = all
        .iter()
        .map(AsRef::as_ref)
        .filter(|pod| !object::text(pod, "/status/podIP").is_empty() && !pods::is_finished(pod))
        .filter(|pod| selects(service, pod))
        .collect();
    targets.sort_by_key(|pod| object::name(pod));
    let namespace = object::namespace(service).to_owned();
    let mut wanted = self::slice(service, &targets);
    match slice {
        None => plan.write(
            SLICES,
            Write::Create { kind: Kind::EndpointSlice, namespace: namespace.clone(), body: wanted },
        ),
        Some(live) => {
            object::set(&mut wanted, "metadata", json!(live.get("metadata")));
            if !same(live, &wanted, &["endpoints", "ports"]) {
                plan.write(SLICES, Write::Replace { kind: Kind::EndpointSlice, body: wanted });
            }
        }
    }
    let mut wanted = self::endpoints(service, &targets);
    match endpoints {
        None => {
            plan.write(WRITER, Write::Create { kind: Kind::Endpoints, namespace, body: wanted });
        }
        Some(live) => {
            object::set(&mut wanted, "metadata", json!(live.get("metadata")));
            if !same(live, &wanted, &["subsets"]) {
                plan.write(WRITER, Write::Replace { kind: Kind::Endpoints, body: wanted });
            }
        }
    }
    plan
}

/// The Endpoints of a Service that is gone have no owner that would take them along. Those without
/// the annotation this controller writes are somebody else's.
pub(super) fn forget(endpoints: &Value) -> Plan {
    let mut plan = Plan::default();
    let ours = object::annotation(endpoints, TRIGGER).is_some();
    if ours && !object::is_deleted(endpoints) {
        plan.write(
            WRITER,
            Write::Delete {
                key: Key::of(Kind::Endpoints, endpoints),
                uid: object::uid(endpoints).to_owned(),
                grace: None,
            },
        );
    }
    plan
}

/// Whether fields are the same, with nothing, null and an empty list being one.
fn same(live: &Value, wanted: &Value, fields: &[&str]) -> bool {
    fields.iter().all(|field| {
        let pointer = format!("/{field}");
        object::list(live, &pointer) == object::list(wanted, &pointer)
    })
}

/// A Service's port as its pods listen on it: a name is looked up in the pods' container ports.
fn ports(service: &Value, targets: &[&Value]) -> Vec<Value> {
    object::list(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = match port.get("targetPort") {
                Some(Value::Number(number)) => number.as_i64(),
                Some(Value::String(name)) => targets
                    .iter()
                    .flat_map(|pod| object::list(pod, "/spec/containers"))
                    .flat_map(|container| object::list(container, "/ports"))
                    .find(|known| object::text(known, "/name") == name)
                    .and_then(|known| object::integer(known, "/containerPort")),
                _ => object::integer(port, "/port"),
            }?;
            let protocol = match object::text(port, "/protocol") {
                "" => "TCP",
                protocol => protocol,
            };
            let name = object::text(port, "/name");
            Some(json!({"name": name, "port": number, "protocol": protocol}))
        })
        .collect()
}

fn reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod),
        "uid": object::uid(pod)})
}

fn slice(service: &Value, targets: &[&Value]) -> Value {
    let endpoints: Vec<Value> = targets
        .iter()
        .map(|pod| {
            let (ready, terminating) = (pods::is_ready(pod), object::is_deleted(pod));
            json!({
                "addresses": [object::text(pod, "/status/podIP")],
                "conditions": {"ready": ready && !terminating, "serving": ready,
                    "terminating": terminating},
                "nodeName": object::text(pod, "/spec/nodeName"),
                "targetRef": reference(pod),
            })
        })
        .collect();
    let mut labels = service.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({}));
    object::set(&mut labels, "kubernetes.io/service-name", json!(object::name(service)));
    object::set(
        &mut labels,
        "endpointslice.kubernetes.io/managed-by",
        json!("endpointslice-controller.k8s.io"),
    );
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", object::name(service)),
            "namespace": object::namespace(service), "labels": labels,
            "ownerReferences": [object::controller_reference("v1", "Service", service)],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports(service, targets),
    })
}

fn endpoints(service: &Value, targets: &[&Value]) -> Value {
    let address = |pod: &&Value| {
        json!({"ip": object::text(pod, "/status/podIP"), "targetRef": reference(pod),
            "nodeName": object::text(pod, "/spec/nodeName")})
    };
    let live = targets.iter().copied().filter(|pod| !object::is_deleted(pod));
    let (ready, not_ready): (Vec<&Value>, Vec<&Value>) = live.partition(|pod| pods::is_ready(pod));
    let ports: Vec<Value> = ports(service, targets)
        .into_iter()
        .map(|mut port| {
            if let Some(fields) =
                port.as_object_mut().filter(|fields| fields.get("name") == Some(&json!("")))
            {
                fields.remove("name");
            }
            port
        })
        .collect();
    let mut subset = json!({"ports": ports});
    for (field, pods) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
        if !pods.is_empty() {
            let list: Vec<Value> = pods.iter().map(address).collect();
            object::set(&mut subset, field, Value::Array(list));
        }
    }
    let mut body = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {
            "name": object::name(service), "namespace": object::namespace(service),
            "annotations": {TRIGGER: object::text(service, "/metadata/creationTimestamp")},
        },
    });
    if let Some(labels) = service.pointer("/metadata/labels")
        && let Some(metadata) = body.get_mut("metadata")
    {
        object::set(metadata, "labels", labels.clone());
    }
    if subset.get("addresses").or_else(|| subset.get("notReadyAddresses")).is_some() {
        object::set(&mut body, "subsets", json!([subset]));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Value {
        json!({"metadata": {"name": "web", "namespace": "shop", "uid": "s", "labels": {"team": "a"}},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}})
    }

    fn pod(name: &str, ready: bool) -> Arc<Value> {
        Arc::new(
            json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "podIP": "10.244.0.5", "conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" }}]}}),
        )
    }

    #[test]
    fn pods_that_are_not_ready_are_listed_apart_and_named_ports_are_looked_up() {
        let (up, down) = (pod("up", true), pod("down", false));
        let plan = reconcile(&service(), &[&up, &down], None, None);
        let [(_, Write::Create { body: slice, .. }), (_, Write::Create { body: endpoints, .. })] =
            plan.writes.as_slice()
        else {
            panic!("{plan:?}")
        };
        assert_eq!(slice["ports"], json!([{"name": "", "port": 8080, "protocol": "TCP"}]));
        assert_eq!(slice["endpoints"][0]["conditions"]["ready"], json!(false));
        assert_eq!(slice["endpoints"][1]["conditions"]["ready"], json!(true));
        assert_eq!(endpoints["subsets"][0]["addresses"][0]["targetRef"]["name"], json!("up"));
        assert_eq!(
            endpoints["subsets"][0]["notReadyAddresses"][0]["targetRef"]["name"],
            json!("down")
        );
        assert_eq!(endpoints["metadata"]["labels"], json!({"team": "a"}));
        let again = reconcile(&service(), &[&up, &down], Some(slice), Some(endpoints));
        assert_eq!(again, Plan::default());
    }

    #[test]
    fn a_service_without_a_selector_is_left_alone() {
        let mut service = service();
        service["spec"]["selector"] = json!({});
        assert_eq!(reconcile(&service, &[&pod("up", true)], None, None), Plan::default());
        assert!(!selects(&service, &pod("up", true)));
    }
}
