//! What a server adds to an object of a built-in kind before storing it.
//!
//! Three things happen to a body on its way to storage, in this order: decoding drops what Go does not
//! keep (`builtin::respell`), the defaulting functions run on every Go type they are registered for,
//! and the kinds' registry strategies and default admission plugins add what does not depend on the
//! cluster. Nothing is allocated here: no uid, no cluster IP, no node port, no times.
//!
//! The rules are those of kube-apiserver 1.28: `pkg/apis/*/v1/defaults.go`, `zz_generated.defaults.go`,
//! the conversions beside them and `pkg/registry/*/strategy.go`. Each function here names the one it
//! follows. An object without a uid is taken for one that is being created.

mod access;
mod autoscaling;
mod cluster;
mod containers;
mod images;
mod jobs;
mod network;
mod part;
mod pods;
mod service_update;
mod storage;
mod update;
mod volumes;
mod workloads;

pub(crate) use cluster::move_string_data;
pub use jobs::identify_job;
pub use part::{Step, part};
pub use update::update;

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::builtin::{self, Shape, Struct, respell};

/// The fields of an object or of a struct inside it.
pub(crate) type Fields = Map<String, Value>;

/// Fills in what a server would. Objects of kinds that are not built in only have their metadata
/// brought into the form a server keeps it in.
pub fn fill(object: &mut Value) {
    let kind = builtin::type_of(object);
    let Some(fields) = object.as_object_mut() else { return };
    let Some(kind) = kind else {
        if let (Some(meta), Some(Value::Object(metadata))) =
            (builtin::object_meta(), fields.get_mut("metadata"))
        {
            respell::decode(meta, metadata);
        }
        return;
    };
    respell::decode(kind, fields);
    if is_new(fields) && kind.name != "core/v1.Node" {
        // `PrepareForCreate`: nobody brings a status along, save a kubelet.
        fields.remove("status");
    }
    respell::encode(kind, fields);
    root(kind, fields);
    walk(kind, fields);
    respell::encode(kind, fields);
    if let Some(metadata) = map_at(fields, "metadata")
        && metadata.get("creationTimestamp").is_some_and(Value::is_null)
    {
        metadata.remove("creationTimestamp");
    }
}

fn is_new(object: &Fields) -> bool {
    map_of(object, "metadata").is_none_or(|metadata| is_unset(metadata, "uid"))
}

/// What only happens to an object of its own, not to the same type inside another (a Pod, not a
/// template). Goes first, as in Go.
fn root(kind: &Struct, object: &mut Fields) {
    let creating = is_new(object);
    match kind.name {
        "core/v1.Pod" => pods::pod(object, creating),
        "core/v1.Secret" => cluster::secret(object),
        "core/v1.Namespace" => cluster::namespace(object, creating),
        "core/v1.Node" if creating => cluster::new_node(object),
        "core/v1.PersistentVolume" => storage::volume(object, creating),
        "core/v1.PersistentVolumeClaim" if creating => storage::protect_claim(object),
        "core/v1.Service" if creating => network::new_service(object),
        _ => {}
    }
}

/// Runs the defaulting functions of every Go type in the object, from the outside in.
fn walk(kind: &Struct, object: &mut Fields) {
    if let Some(Some(set_defaults)) = DEFAULTING.get(kind.place) {
        set_defaults(object);
    }
    for (name, value) in object {
        if (value.is_object() || value.is_array())
            && let Some(field) = kind.field(name)
        {
            walk_value(&field.shape, value);
        }
    }
}

fn walk_value(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Struct(link), Value::Object(object)) => {
            if let Some(kind) = link.get() {
                walk(kind, object);
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                walk_value(item, value);
            }
        }
        (Shape::Map(entry), Value::Object(entries)) => {
            for value in entries.values_mut() {
                walk_value(entry, value);
            }
        }
        _ => {}
    }
}

/// A function that gives one Go type its defaults.
type Defaulting = fn(&mut Fields);

/// Of every type, by its place, the function that defaults it.
static DEFAULTING: LazyLock<Vec<Option<Defaulting>>> =
    LazyLock::new(|| builtin::types().iter().map(|kind| by_type(kind.name)).collect());

fn by_type(name: &str) -> Option<Defaulting> {
    let function: Defaulting = match name {
        "core/v1.Service" => network::service,
        "core/v1.EndpointSubset" => network::endpoint_subset,
        "discovery/v1.EndpointPort" => network::endpoint_port,
        "networking/v1.NetworkPolicy" => network::network_policy,
        "networking/v1.NetworkPolicyPort" => |object| set_absent(object, "protocol", "TCP"),
        "networking/v1.IngressClass" => network::ingress_class,

        "core/v1.PodSpec" => pods::pod_spec,
        "core/v1.Container" | "core/v1.EphemeralContainer" => containers::container,
        "core/v1.ContainerPort" => |object| set_empty(object, "protocol", "TCP"),
        "core/v1.Probe" => containers::probe,
        "core/v1.HTTPGetAction" => containers::http_get,
        "core/v1.GRPCAction" => |object| set_absent(object, "service", ""),
        "core/v1.ObjectFieldSelector" => |object| set_empty(object, "apiVersion", "v1"),

        "core/v1.Volume" => volumes::volume,
        "core/v1.SecretVolumeSource"
        | "core/v1.ConfigMapVolumeSource"
        | "core/v1.DownwardAPIVolumeSource"
        | "core/v1.ProjectedVolumeSource" => |object| set_absent(object, "defaultMode", 0o644),
        "core/v1.ServiceAccountTokenProjection" => {
            |object| set_absent(object, "expirationSeconds", 3600)
        }
        "core/v1.HostPathVolumeSource" => |object| set_absent(object, "type", ""),
        "core/v1.ISCSIVolumeSource" | "core/v1.ISCSIPersistentVolumeSource" => |object| {
            set_empty(object, "iscsiInterface", "default");
        },
        "core/v1.RBDVolumeSource" | "core/v1.RBDPersistentVolumeSource" => volumes::rbd,
        "core/v1.AzureDiskVolumeSource" => volumes::azure_disk,
        "core/v1.ScaleIOVolumeSource" | "core/v1.ScaleIOPersistentVolumeSource" => |object| {
            set_empty(object, "storageMode", "ThinProvisioned");
            set_empty(object, "fsType", "xfs");
        },
        "core/v1.PersistentVolumeClaim" => storage::claim,
        "core/v1.PersistentVolumeClaimSpec" => storage::claim_spec,
        "storage/v1.StorageClass" => storage::class,
        "storage/v1.CSIDriverSpec" => storage::driver,

        "apps/v1.Deployment" => workloads::deployment,
        "apps/v1.DaemonSet" => workloads::daemon_set,
        "apps/v1.StatefulSet" => workloads::stateful_set,
        "apps/v1.ReplicaSet" => workloads::replica_set,
        "core/v1.ReplicationController" => workloads::replication_controller,
        "batch/v1.Job" => jobs::job,
        "batch/v1.CronJob" => jobs::cron_job,
        "batch/v1.PodFailurePolicyOnPodConditionsPattern" => {
            |object| set_empty(object, "status", "True")
        }

        "core/v1.LimitRangeItem" => cluster::limit_range_item,
        "core/v1.NodeStatus" => cluster::node_status,
        "scheduling/v1.PriorityClass" => |object| {
            set_absent(object, "preemptionPolicy", "PreemptLowerPriority");
        },
        "apiextensions/v1.CustomResourceDefinition" => cluster::definition,

        "rbac/v1.RoleBinding" | "rbac/v1.ClusterRoleBinding" => access::binding,
        "rbac/v1.Subject" => access::subject,
        "admissionregistration/v1.ValidatingWebhook" => access::webhook,
        "admissionregistration/v1.MutatingWebhook" => |object| {
            access::webhook(object);
            set_absent(object, "reinvocationPolicy", "Never");
        },
        "admissionregistration/v1.RuleWithOperations" => |object| set_absent(object, "scope", "*"),
        "admissionregistration/v1.ServiceReference" | "apiextensions/v1.ServiceReference" => {
            |object| {
                set_absent(object, "port", 443);
            }
        }

        "autoscaling/v1.HorizontalPodAutoscaler" => autoscaling::version_one,
        "autoscaling/v2.HorizontalPodAutoscaler" => autoscaling::version_two,
        _ => return None,
    };
    Some(function)
}

/// Whether a field is absent, null or an empty string.
fn is_unset(object: &Fields, field: &str) -> bool {
    match object.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Sets a field whose Go type is a pointer: only where it is absent.
fn set_absent(object: &mut Fields, field: &str, value: impl Into<Value>) {
    if object.get(field).is_none_or(Value::is_null) {
        object.insert(field.to_owned(), value.into());
    }
}

/// Sets a field that is no pointer: where it is absent, or an empty string.
fn set_empty(object: &mut Fields, field: &str, value: impl Into<Value>) {
    if is_unset(object, field) {
        object.insert(field.to_owned(), value.into());
    }
}

/// Sets a number that is no pointer: where it is absent or zero.
fn set_zero(object: &mut Fields, field: &str, value: i64) {
    if is_unset(object, field) || object.get(field).and_then(Value::as_i64) == Some(0) {
        object.insert(field.to_owned(), value.into());
    }
}

fn map_of<'a>(object: &'a Fields, field: &str) -> Option<&'a Fields> {
    object.get(field)?.as_object()
}

fn map_at<'a>(object: &'a mut Fields, field: &str) -> Option<&'a mut Fields> {
    object.get_mut(field)?.as_object_mut()
}

/// The map at a field, made where there is none; `None` where something else stands there.
fn map_made<'a>(object: &'a mut Fields, field: &str) -> Option<&'a mut Fields> {
    set_absent(object, field, Map::new());
    map_at(object, field)
}

/// The maps in a list.
fn items_at<'a>(object: &'a mut Fields, field: &str) -> impl Iterator<Item = &'a mut Fields> {
    object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn text_of<'a>(object: &'a Fields, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list_is_empty(object: &Fields, field: &str) -> bool {
    object.get(field).and_then(Value::as_array).is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests;
