//! Nodes for a cluster that has none: enough of one for schedulers, kubelets and `kubectl get nodes`.

use http::{Method, Request, header};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};

use super::object;

/// The address of a node, or one of the documentation's if it states none.
pub(super) fn address(node: &Value) -> String {
    object::list(node, "/status/addresses")
        .iter()
        .find(|address| object::text(address, "/type") == "InternalIP")
        .map_or("192.0.2.1", |address| object::text(address, "/address"))
        .to_owned()
}

/// Creates `count` nodes if the cluster has none.
pub(super) async fn create(client: &Client, count: u32, now: Timestamp) -> Result<(), kube::Error> {
    let known: Value = send(client, Method::GET, "/api/v1/nodes?limit=1", Vec::new()).await?;
    if !object::list(&known, "/items").is_empty() {
        return Ok(());
    }
    for number in 1..=count {
        let node = node(number, now);
        let path = "/api/v1/nodes?fieldManager=kubelet";
        match send(client, Method::POST, path, node.to_string().into_bytes()).await {
            Err(kube::Error::Api(status)) if status.code == 409 => continue,
            created => drop(created?),
        }
        let path = format!("/api/v1/nodes/{}/status?fieldManager=kubelet", object::name(&node));
        let status =
            json!({"metadata": {"name": object::name(&node)}, "status": node.get("status")});
        send(client, Method::PATCH, &path, status.to_string().into_bytes()).await?;
    }
    Ok(())
}

fn node(number: u32, now: Timestamp) -> Value {
    let name = format!("node-{number}");
    let size = json!({"cpu": "8", "memory": "32Gi", "pods": "1000", "ephemeral-storage": "100Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        }},
        "status": {
            "capacity": size, "allocatable": size,
            "addresses": [{"type": "InternalIP", "address": format!("192.0.2.{number}")},
                {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
                "lastHeartbeatTime": object::stamp(now), "lastTransitionTime": object::stamp(now)}],
            "nodeInfo": {"machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "",
                "osImage": "cleat sandbox", "containerRuntimeVersion": "containerd://2.0.0",
                "kubeletVersion": "v1.28.7", "kubeProxyVersion": "v1.28.7",
                "operatingSystem": "linux", "architecture": "amd64"},
        },
    })
}

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Value, kube::Error> {
    let content =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content));
    *request.uri_mut() = path
        .parse()
        .map_err(|error: http::uri::InvalidUri| kube::Error::Service(Box::new(error)))?;
    client.request(request).await
}
