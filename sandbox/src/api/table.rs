//! Tables: what `kubectl get` shows. Columns and cells follow
//! `k8s.io/kubernetes/pkg/printers/internalversion`, and a definition's own columns.

mod cells;
mod duration;
mod pod;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::custom::columns;
use crate::registry::Resource;
use cells::{
    access_modes, age, at, containers, count, event, ingress, job, labels, node, number, ready_of,
    selector, service, since,
};

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
            column(&one.name, &one.value_type, &one.format, &one.description, one.priority)
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
            match (column.find(object), &*column.value_type) {
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
        ("", "nodes") => Printer {
            columns: &[
                ("Status", "string", 0),
                ("Roles", "string", 0),
                AGE,
                ("Version", "string", 0),
                ("Internal-IP", "string", 1),
            ],
            cells: node,
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
