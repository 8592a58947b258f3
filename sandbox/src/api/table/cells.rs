//! The cells of a row, each read from its object.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::duration::human;
use crate::registry::items;

pub(super) fn at(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_else(|| json!(""))
}

pub(super) fn number(object: &Value, pointer: &str) -> Value {
    json!(object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default())
}

pub(super) fn count(object: &Value, pointer: &str) -> usize {
    match object.pointer(pointer) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    }
}

pub(super) fn ready_of(object: &Value, ready: &str, wanted: &str) -> Value {
    let part = |pointer| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    json!(format!("{}/{}", part(ready), part(wanted)))
}

/// The age of an object.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    match object.pointer("/metadata/creationTimestamp").and_then(Value::as_str) {
        Some(created) => since(created, now),
        None => json!("<unknown>"),
    }
}

pub(super) fn since(time: &str, now: Timestamp) -> Value {
    match time.parse::<Timestamp>() {
        Ok(then) => json!(human(now.as_second() - then.as_second())),
        Err(_) => json!("<invalid>"),
    }
}

pub(super) fn containers(object: &Value) -> [Value; 2] {
    let list = |field: &str| {
        let found: Vec<&str> = items(object, &["spec", "template", "spec", "containers"])
            .filter_map(|container| container.get(field).and_then(Value::as_str))
            .collect();
        json!(found.join(","))
    };
    [list("name"), list("image")]
}

pub(super) fn labels(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") }
}

pub(super) fn selector(selector: Option<&Value>) -> String {
    labels(selector.and_then(|selector| selector.get("matchLabels")))
}

pub(super) fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    let kind = object.pointer("/spec/type").and_then(Value::as_str).unwrap_or("ClusterIP");
    let ip = object.pointer("/spec/clusterIP").and_then(Value::as_str).unwrap_or_default();
    let mut external: Vec<&str> = items(object, &["status", "loadBalancer", "ingress"])
        .filter_map(|entry| entry.get("ip").or_else(|| entry.get("hostname")))
        .chain(items(object, &["spec", "externalIPs"]))
        .filter_map(Value::as_str)
        .collect();
    external.extend(object.pointer("/spec/externalName").and_then(Value::as_str));
    let external = match (external.is_empty(), kind) {
        (true, "LoadBalancer") => "<pending>".to_owned(),
        (true, _) => "<none>".to_owned(),
        (false, _) => external.join(","),
    };
    let ports: Vec<String> = items(object, &["spec", "ports"])
        .map(|port| {
            let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            let number = port.get("port").and_then(Value::as_i64).unwrap_or_default();
            match port.get("nodePort").and_then(Value::as_i64) {
                Some(node) => format!("{number}:{node}/{protocol}"),
                None => format!("{number}/{protocol}"),
            }
        })
        .collect();
    let ports = if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") };
    let ip = if ip.is_empty() { "<none>" } else { ip };
    vec![
        json!(kind),
        json!(ip),
        json!(external),
        json!(ports),
        age(object, now),
        json!(labels(object.pointer("/spec/selector"))),
    ]
}

pub(super) fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let succeeded = object.pointer("/status/succeeded").and_then(Value::as_i64).unwrap_or_default();
    let wanted = object.pointer("/spec/completions").and_then(Value::as_i64).unwrap_or(1);
    let time =
        |pointer: &str| object.pointer(pointer).and_then(Value::as_str)?.parse::<Timestamp>().ok();
    let duration = time("/status/startTime").map_or_else(String::new, |start| {
        let end = time("/status/completionTime").unwrap_or(now);
        human(end.as_second() - start.as_second())
    });
    let mut cells = vec![json!(format!("{succeeded}/{wanted}")), json!(duration), age(object, now)];
    cells.extend(containers(object));
    cells.push(json!(selector(object.pointer("/spec/selector"))));
    cells
}

pub(super) fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
    let hosts: Vec<&str> = items(object, &["spec", "rules"])
        .filter_map(|rule| rule.get("host").and_then(Value::as_str))
        .collect();
    let hosts = if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") };
    let class = object.pointer("/spec/ingressClassName").and_then(Value::as_str);
    let address: Vec<&str> = items(object, &["status", "loadBalancer", "ingress"])
        .filter_map(|entry| entry.get("ip").or_else(|| entry.get("hostname")))
        .filter_map(Value::as_str)
        .collect();
    let ports = if count(object, "/spec/tls") > 0 { "80, 443" } else { "80" };
    vec![
        json!(class.unwrap_or("<none>")),
        json!(hosts),
        json!(address.join(",")),
        json!(ports),
        age(object, now),
    ]
}

pub(super) fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let seen = ["/series/lastObservedTime", "/lastTimestamp", "/firstTimestamp", "/eventTime"]
        .into_iter()
        .map(text)
        .find(|time| !time.is_empty());
    let about =
        format!("{}/{}", text("/involvedObject/kind").to_lowercase(), text("/involvedObject/name"));
    vec![
        seen.map_or_else(|| json!("<unknown>"), |time| since(time, now)),
        at(object, "/type"),
        at(object, "/reason"),
        json!(about),
        json!(text("/message").trim()),
    ]
}

pub(super) fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let named = |entry: &&Value, field: &str, name: &str| {
        entry.get(field).and_then(Value::as_str) == Some(name)
    };
    let ready = items(object, &["status", "conditions"]).find(|it| named(it, "type", "Ready"));
    let mut status = match ready.and_then(|it| it.get("status")).and_then(Value::as_str) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if object.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
        status.push_str(",SchedulingDisabled");
    }
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter_map(|key| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    roles.sort_unstable();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    let address =
        items(object, &["status", "addresses"]).find(|it| named(it, "type", "InternalIP"));
    vec![
        json!(status),
        json!(roles),
        age(object, now),
        at(object, "/status/nodeInfo/kubeletVersion"),
        address.and_then(|it| it.get("address")).cloned().unwrap_or_else(|| json!("<none>")),
    ]
}

pub(super) fn access_modes(object: &Value) -> String {
    let short: Vec<&str> = items(object, &["spec", "accessModes"])
        .filter_map(Value::as_str)
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    short.join(",")
}
