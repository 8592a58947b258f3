//! What the settled digest heeds and what not, as a table.

use serde_json::json;

use super::*;

fn service(ports: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": ports}})
}

fn digest(desired: &Value, live: &Value) -> Digest {
    settled_digest(&Schemas::builtin(), live, desired, None).digest
}

/// Whoever declares a list as null declares the whole of it, and its order as little as any order.
#[test]
fn of_a_list_declared_as_null_everything_counts_but_its_order() {
    let port = |port: u16| json!({"name": format!("p{port}"), "port": port, "protocol": "TCP"});
    let null = service(Value::Null);
    let one = digest(&null, &service(json!([port(80), port(81)])));
    assert_eq!(one, digest(&null, &service(json!([port(81), port(80)]))), "another order");
    assert_ne!(one, digest(&null, &service(json!([port(80)]))), "an entry less");
    let mut renamed = port(81);
    renamed["name"] = json!("other");
    assert_ne!(one, digest(&null, &service(json!([port(80), renamed]))), "another value");
    let mut sets = service(Value::Null);
    sets["metadata"]["finalizers"] = Value::Null;
    let with = |finalizers: Value| {
        let mut live = service(json!([port(80)]));
        live["metadata"]["finalizers"] = finalizers;
        digest(&sets, &live)
    };
    assert_eq!(with(json!(["a/b", "c/d"])), with(json!(["c/d", "a/b"])), "a set");
    assert_ne!(with(json!(["a/b", "c/d"])), with(json!(["a/b"])), "a member less");
}
