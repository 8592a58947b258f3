//! Tables: what `kubectl get` shows. Columns and cells follow
//! `k8s.io/kubernetes/pkg/printers/internalversion`, and a definition's own columns.

mod duration;
mod pod;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::custom::columns;
use crate::registry::{Resource, items};
pub(crate) use duration::human;

/// A column: name, type, priority (0 is always shown, 1 with `-o wide`).
type Column = (&'static str, &'static str, u8);

const AGE: Column = ("Age", "string", 0);

/// How a built-in kind is shown: its columns, and the cells of one object after its name.
struct Printer {
    columns: &'static [Column],
    cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// `kind: Table` and its columns.
pub(crate) fn head(resource: &Resource) -> Map<String, Value> {
    let column = |name: &str, column_type: &str, format: &str, about: &str, priority: i64| {
        json!({"name": name, "type": column_type, "format": format, "description": about,
            "priority": priority})
    };
    let mut columns_of = vec![column("Name", "string", "name", NAME_ABOUT, 0)];
    if let Some(definition) = &resource.custom {
        columns_of.extend(columns(definition, &resource.version).iter().map(|one| {
            column(&one.name, &one.column_type, &one.format, &one.description, one.priority)
        }));
    } else {
        columns_of.extend(
            printer(resource)
                .columns
                .iter()
                .map(|(name, of, priority)| column(name, of, "", "", i64::from(*priority))),
        );
    }
    let mut head = Map::new();
    head.insert("kind".to_owned(), json!("Table"));
    head.insert("apiVersion".to_owned(), json!("meta.k8s.io/v1"));
    head.insert("columnDefinitions".to_owned(), Value::Array(columns_of));
    head
}

const NAME_ABOUT: &str = "Name must be unique within a namespace. Is required when creating \
    resources, although some resources may allow a client to request the generation of an \
    appropriate name automatically. Name is primarily intended for creation idempotence and \
    configuration definition. Cannot be updated. More info: \
    https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

/// The cells of one object.
pub(crate) fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![at(object, "/metadata/name")];
    if let Some(definition) = &resource.custom {
        cells.extend(columns(definition, &resource.version).iter().map(|column| {
            match (column.find(object), &*column.column_type) {
                (None | Some(Value::Null), _) => Value::Null,
                (Some(Value::String(text)), "date") => since(text, now),
                (Some(found @ (Value::Array(_) | Value::Object(_))), "string") => {
                    json!(found.to_string())
                }
                (Some(found), _) => found.clone(),
            }
        }));
    } else {
        cells.extend((printer(resource).cells)(object, now));
    }
    cells
}

fn printer(resource: &Resource) -> Printer {
    match (&*resource.group, &*resource.plural) {
        ("", "pods") => Printer { columns: pod::COLUMNS, cells: pod::cells },
        ("", "namespaces") => Printer {
            columns: &[("Status", "string", 0), AGE],
            cells: |it, now| vec![at(it, "/status/phase"), age(it, now)],
        },
        ("", "configmaps") => Printer {
            columns: &[("Data", "string", 0), AGE],
            cells: |it, now| {
                vec![json!(count(it, "/data") + count(it, "/binaryData")), age(it, now)]
            },
        },
        ("", "secrets") => Printer {
            columns: &[("Type", "string", 0), ("Data", "string", 0), AGE],
            cells: |it, now| vec![at(it, "/type"), json!(count(it, "/data")), age(it, now)],
        },
        ("", "serviceaccounts") => Printer {
            columns: &[("Secrets", "string", 0), AGE],
            cells: |it, now| vec![json!(count(it, "/secrets")), age(it, now)],
        },
        ("", "services") => Printer {
            columns: &[
                ("Type", "string", 0),
                ("Cluster-IP", "string", 0),
                ("External-IP", "string", 0),
                ("Port(s)", "string", 0),
                AGE,
                ("Selector", "string", 1),
            ],
            cells: service,
        },
        ("apps", "deployments") => Printer {
            columns: &[
                ("Ready", "string", 0),
                ("Up-to-date", "string", 0),
                ("Available", "string", 0),
                AGE,
                ("Containers", "string", 1),
                ("Images", "string", 1),
                ("Selector", "string", 1),
            ],
            cells: |it, now| {
                let mut cells = vec![
                    ready_of(it, "/status/readyReplicas", "/spec/replicas"),
                    number(it, "/status/updatedReplicas"),
                    number(it, "/status/availableReplicas"),
                    age(it, now),
                ];
                cells.extend(containers(it));
                cells.push(json!(selector(it.pointer("/spec/selector"))));
                cells
            },
        },
        ("apps", "replicasets") => Printer {
            columns: &[
                ("Desired", "integer", 0),
                ("Current", "integer", 0),
                ("Ready", "integer", 0),
                AGE,
                ("Containers", "string", 1),
                ("Images", "string", 1),
                ("Selector", "string", 1),
            ],
            cells: |it, now| {
                let mut cells = vec![
                    number(it, "/spec/replicas"),
                    number(it, "/status/replicas"),
                    number(it, "/status/readyReplicas"),
                    age(it, now),
                ];
                cells.extend(containers(it));
                cells.push(json!(selector(it.pointer("/spec/selector"))));
                cells
            },
        },
        ("apps", "statefulsets") => Printer {
            columns: &[
                ("Ready", "string", 0),
                AGE,
                ("Containers", "string", 1),
                ("Images", "string", 1),
            ],
            cells: |it, now| {
                let mut cells =
                    vec![ready_of(it, "/status/readyReplicas", "/spec/replicas"), age(it, now)];
                cells.extend(containers(it));
                cells
            },
        },
        ("apps", "daemonsets") => Printer {
            columns: &[
                ("Desired", "integer", 0),
                ("Current", "integer", 0),
                ("Ready", "integer", 0),
                ("Up-to-date", "integer", 0),
                ("Available", "integer", 0),
                ("Node Selector", "string", 0),
                AGE,
                ("Containers", "string", 1),
                ("Images", "string", 1),
                ("Selector", "string", 1),
            ],
            cells: |it, now| {
                let mut cells = vec![
                    number(it, "/status/desiredNumberScheduled"),
                    number(it, "/status/currentNumberScheduled"),
                    number(it, "/status/numberReady"),
                    number(it, "/status/updatedNumberScheduled"),
                    number(it, "/status/numberAvailable"),
                    json!(labels(it.pointer("/spec/template/spec/nodeSelector"))),
                    age(it, now),
                ];
                cells.extend(containers(it));
                cells.push(json!(selector(it.pointer("/spec/selector"))));
                cells
            },
        },
        ("batch", "jobs") => Printer {
            columns: &[
                ("Completions", "string", 0),
                ("Duration", "string", 0),
                AGE,
                ("Containers", "string", 1),
                ("Images", "string", 1),
                ("Selector", "string", 1),
            ],
            cells: job,
        },
        ("batch", "cronjobs") => Printer {
            columns: &[
                ("Schedule", "string", 0),
                ("Suspend", "boolean", 0),
                ("Active", "integer", 0),
                ("Last Schedule", "string", 0),
                AGE,
            ],
            cells: |it, now| {
                let suspended = it.pointer("/spec/suspend").and_then(Value::as_bool);
                let last = it.pointer("/status/lastScheduleTime").and_then(Value::as_str);
                vec![
                    at(it, "/spec/schedule"),
                    json!(if suspended == Some(true) { "True" } else { "False" }),
                    json!(count(it, "/status/active")),
                    last.map_or_else(|| json!("<none>"), |time| since(time, now)),
                    age(it, now),
                ]
            },
        },
        ("networking.k8s.io", "ingresses") => Printer {
            columns: &[
                ("Class", "string", 0),
                ("Hosts", "string", 0),
                ("Address", "string", 0),
                ("Ports", "string", 0),
                AGE,
            ],
            cells: ingress,
        },
        ("", "persistentvolumeclaims") => Printer {
            columns: &[
                ("Status", "string", 0),
                ("Volume", "string", 0),
                ("Capacity", "string", 0),
                ("Access Modes", "string", 0),
                ("StorageClass", "string", 0),
                AGE,
                ("VolumeMode", "string", 1),
            ],
            cells: |it, now| {
                vec![
                    at(it, "/status/phase"),
                    at(it, "/spec/volumeName"),
                    at(it, "/status/capacity/storage"),
                    json!(access_modes(it)),
                    at(it, "/spec/storageClassName"),
                    age(it, now),
                    at(it, "/spec/volumeMode"),
                ]
            },
        },
        ("", "events") => Printer {
            columns: &[
                ("Last Seen", "string", 0),
                ("Type", "string", 0),
                ("Reason", "string", 0),
                ("Object", "string", 0),
                ("Message", "string", 0),
            ],
            cells: event,
        },
        ("rbac.authorization.k8s.io", "roles" | "clusterroles")
        | ("apiextensions.k8s.io", "customresourcedefinitions") => Printer {
            columns: &[("Created At", "date", 0)],
            cells: |it, _| vec![at(it, "/metadata/creationTimestamp")],
        },
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => Printer {
            columns: &[("Role", "string", 0), AGE],
            cells: |it, now| {
                let part =
                    |name: &str| it.pointer(name).and_then(Value::as_str).unwrap_or_default();
                let role = format!("{}/{}", part("/roleRef/kind"), part("/roleRef/name"));
                vec![json!(role), age(it, now)]
            },
        },
        _ => Printer { columns: &[AGE], cells: |it, now| vec![age(it, now)] },
    }
}

fn at(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_else(|| json!(""))
}

fn number(object: &Value, pointer: &str) -> Value {
    json!(object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default())
}

fn count(object: &Value, pointer: &str) -> usize {
    match object.pointer(pointer) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    }
}

fn ready_of(object: &Value, ready: &str, wanted: &str) -> Value {
    let part = |pointer| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    json!(format!("{}/{}", part(ready), part(wanted)))
}

/// The age of an object.
fn age(object: &Value, now: Timestamp) -> Value {
    match object.pointer("/metadata/creationTimestamp").and_then(Value::as_str) {
        Some(created) => since(created, now),
        None => json!("<unknown>"),
    }
}

fn since(time: &str, now: Timestamp) -> Value {
    match time.parse::<Timestamp>() {
        Ok(then) => json!(human(now.as_second() - then.as_second())),
        Err(_) => json!("<invalid>"),
    }
}

fn containers(object: &Value) -> [Value; 2] {
    let list = |field: &str| {
        let found: Vec<&str> = items(object, &["spec", "template", "spec", "containers"])
            .filter_map(|container| container.get(field).and_then(Value::as_str))
            .collect();
        json!(found.join(","))
    };
    [list("name"), list("image")]
}

fn labels(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") }
}

fn selector(selector: Option<&Value>) -> String {
    labels(selector.and_then(|selector| selector.get("matchLabels")))
}

fn service(object: &Value, now: Timestamp) -> Vec<Value> {
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

fn job(object: &Value, now: Timestamp) -> Vec<Value> {
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

fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
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

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
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

fn access_modes(object: &Value) -> String {
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
