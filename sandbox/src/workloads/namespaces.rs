//! Namespaces: a service account `default` in each, and, where the server has no such controller, the
//! end of a deleted one: what is in it goes first, its finalizer last.

use http::{Method, Request};
use kube::Client;
use kube::discovery::{Discovery, Scope, verbs};
use serde_json::{Value, json};

use super::kind::Kind;
use super::object;
use super::plan::{Plan, Write, Writer};

const WRITER: Writer = Writer::Controller("service-account-controller");
const FINALIZER: &str = "kubernetes";

/// One look at a namespace that lives.
pub(super) fn reconcile(namespace: &Value, has_account: bool) -> Plan {
    let mut plan = Plan::default();
    if !has_account && !object::is_deleted(namespace) {
        let name = object::name(namespace);
        plan.write(
            WRITER,
            Write::Create {
                kind: Kind::ServiceAccount,
                namespace: name.to_owned(),
                body: json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": name}}),
            },
        );
    }
    plan
}

/// Whether a namespace waits for somebody to empty it.
pub(super) fn is_ending(namespace: &Value) -> bool {
    object::is_deleted(namespace)
        && object::list(namespace, "/spec/finalizers").iter().any(|name| name == FINALIZER)
}

/// The namespace as it is sent to `finalize` once it is empty.
pub(super) fn finalized(namespace: &Value) -> Value {
    let mut body = namespace.clone();
    if let Some(Value::Array(finalizers)) = body.pointer_mut("/spec/finalizers") {
        finalizers.retain(|name| name != FINALIZER);
    }
    body
}

/// Deletes everything in a namespace; says whether nothing is left. Kinds that were empty cost one
/// request, the others two (`deleteAllContent`).
pub(super) async fn empty(client: &Client, namespace: &str) -> Result<bool, kube::Error> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut is_empty = true;
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.scope != Scope::Namespaced
                || !capabilities.supports_operation(verbs::LIST)
                || !capabilities.supports_operation(verbs::DELETE_COLLECTION)
            {
                continue;
            }
            let root = if resource.group.is_empty() { "/api" } else { "/apis" };
            let path = format!(
                "{root}/{}/namespaces/{namespace}/{}",
                resource.api_version, resource.plural
            );
            let list: Value = send(client, Method::GET, &format!("{path}?limit=1")).await?;
            if object::list(&list, "/items").is_empty() {
                continue;
            }
            is_empty = false;
            let _: Value = send(client, Method::DELETE, &path).await?;
        }
    }
    Ok(is_empty)
}

async fn send(client: &Client, method: Method, path: &str) -> Result<Value, kube::Error> {
    let mut request = Request::new(Vec::new());
    *request.method_mut() = method;
    *request.uri_mut() = path
        .parse()
        .map_err(|error: http::uri::InvalidUri| kube::Error::Service(Box::new(error)))?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_namespace_gets_its_account_once() {
        let namespace =
            json!({"metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes"]}});
        assert_eq!(reconcile(&namespace, true), Plan::default());
        assert!(matches!(
            reconcile(&namespace, false).writes.as_slice(),
            [(_, Write::Create { kind: Kind::ServiceAccount, .. })]
        ));
        assert!(!is_ending(&namespace));
    }

    #[test]
    fn a_deleted_one_ends_by_losing_its_finalizer() {
        let namespace = json!({
            "metadata": {"name": "shop", "deletionTimestamp": "2024-01-01T00:00:00Z"},
            "spec": {"finalizers": ["kubernetes", "other.example/guard"]}});
        assert!(is_ending(&namespace));
        assert_eq!(reconcile(&namespace, false), Plan::default());
        assert_eq!(finalized(&namespace)["spec"]["finalizers"], json!(["other.example/guard"]));
    }
}
