//! What a server refuses with 422, and in which words.
//!
//! An object comes in (and the one it replaces), causes come out: the `details.causes` of the
//! `Status` a kube-apiserver would answer with, in its order. Objects are taken as the server would
//! have them after [`crate::defaults::fill`]. The rules and words are those of 1.28
//! (`pkg/apis/*/validation`); each function names the one it follows. Rules that only a cluster can
//! judge (is an address free, does an object exist) are not here. Of kinds that are not built in only
//! the metadata is judged: their schemas are the business of whoever holds their definition.
//!
//! Where a server spells a whole Go struct or a diff of two in its message, ours stops at the name of
//! the type.

mod access;
mod causes;
mod config;
mod containers;
mod definitions;
mod golang;
mod jobs;
mod metadata;
mod names;
mod others;
mod pods;
mod probes;
mod selectors;
mod services;
mod structural;
mod volumes;
mod workloads;

use serde_json::Value;

use self::causes::{At, Causes};
pub use self::definitions::definition_schemas;
use crate::object::GroupVersionKind;

/// One reason of a refusal, as it stands in the `details.causes` of a `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// The machine-readable reason, `FieldValueInvalid` for instance.
    pub reason: &'static str,
    /// The path of the field as the server writes it: `spec.ports[0].port`.
    pub field: String,
    /// The reason in words, the offending value included.
    pub message: String,
}

/// Judges one object.
type Check = fn(&At<'_>, &mut Causes);
/// Judges a change; the old object first.
type CheckChange = fn(&At<'_>, &At<'_>, &mut Causes);

/// How an update of a kind is put together. Servers differ in it from kind to kind.
#[derive(Clone, Copy)]
enum Order {
    /// What may not change, then metadata and contents anew.
    ChangeThenAll,
    /// Contents, then what may not change.
    ContentsThenChange,
    /// All as on creation, then contents again and what may not change.
    AllThenContentsAndChange,
    /// All as on creation, then what may not change.
    AllThenChange,
    /// Only what may not change.
    ChangeOnly,
}

/// The rules of one kind.
struct Rules {
    name: metadata::NameRule,
    contents: Check,
    change: CheckChange,
    order: Order,
}

fn rules(object: &Value) -> Rules {
    const NOTHING: Check = |_, _| {};
    const FREE: CheckChange = |_, _, _| {};
    let of = |name, contents, change, order| Rules { name, contents, change, order };
    let subdomain: metadata::NameRule = names::dns_subdomain;
    let gvk = GroupVersionKind::of(object);
    let (group, kind) =
        gvk.as_ref().map_or(("", ""), |gvk| (gvk.group.as_str(), gvk.kind.as_str()));
    match (group, kind) {
        ("", "ConfigMap") => {
            of(subdomain, config::config_map, config::immutable, Order::ChangeThenAll)
        }
        ("", "Secret") => {
            of(subdomain, config::secret, config::secret_immutable, Order::ChangeThenAll)
        }
        ("", "Service") => {
            of(names::dns_1035_label, services::service, services::immutable, Order::ChangeThenAll)
        }
        ("", "Namespace") => of(names::dns_label, NOTHING, FREE, Order::ChangeOnly),
        ("", "Pod") => of(
            subdomain,
            |pod, causes| pods::spec(&pod.field("spec"), causes),
            pods::immutable,
            Order::ContentsThenChange,
        ),
        ("", "PersistentVolumeClaim") => {
            of(subdomain, others::claim, others::claim_immutable, Order::AllThenContentsAndChange)
        }
        ("apps", "Deployment") => of(
            subdomain,
            workloads::deployment,
            workloads::selector_immutable,
            Order::ContentsThenChange,
        ),
        ("apps", "ReplicaSet") => of(
            subdomain,
            workloads::replica_set,
            workloads::selector_immutable,
            Order::AllThenContentsAndChange,
        ),
        ("apps", "DaemonSet") => of(
            subdomain,
            workloads::daemon_set,
            workloads::selector_immutable,
            Order::AllThenContentsAndChange,
        ),
        ("apps", "StatefulSet") => of(
            names::dns_label,
            workloads::stateful_set,
            workloads::stateful_set_immutable,
            Order::ContentsThenChange,
        ),
        ("batch", "Job") => {
            of(subdomain, jobs::job, jobs::immutable, Order::AllThenContentsAndChange)
        }
        ("batch", "CronJob") => of(subdomain, jobs::cron_job, FREE, Order::ContentsThenChange),
        ("networking.k8s.io", "Ingress") => {
            of(subdomain, others::ingress, FREE, Order::ChangeThenAll)
        }
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => {
            of(names::path_segment, access::role, FREE, Order::AllThenChange)
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            of(names::path_segment, access::binding, access::immutable, Order::AllThenChange)
        }
        ("storage.k8s.io", "StorageClass") => {
            of(subdomain, NOTHING, others::storage_class_immutable, Order::AllThenChange)
        }
        ("scheduling.k8s.io", "PriorityClass") => of(
            subdomain,
            others::priority_class,
            others::priority_class_immutable,
            Order::ChangeOnly,
        ),
        ("admissionregistration.k8s.io", _) => {
            of(subdomain, others::webhooks, FREE, Order::ContentsThenChange)
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            of(subdomain, definitions::definition, definitions::immutable, Order::ChangeThenAll)
        }
        _ => of(subdomain, NOTHING, FREE, Order::ChangeOnly),
    }
}

/// Why a server would refuse to create the object; empty when it would not.
pub fn create(object: &Value) -> Vec<Cause> {
    let rules = rules(object);
    let mut causes = Causes::default();
    let at = At::root(object);
    metadata::check(&at, rules.name, &mut causes);
    (rules.contents)(&at, &mut causes);
    causes.0
}

/// Why a server would refuse to put `new` in the place of `old`; empty when it would not. A server
/// looks at some things several times and repeats itself; so does this.
pub fn update(old: &Value, new: &Value) -> Vec<Cause> {
    let rules = rules(new);
    let mut causes = Causes::default();
    let (old, new) = (At::root(old), At::root(new));
    // `rest.BeforeUpdate` judges the metadata of every kind; the kind's own validation does it again.
    metadata::check(&new, names::path_segment, &mut causes);
    metadata::check_update(&old, &new, &mut causes);
    let all = |causes: &mut Causes| {
        metadata::check(&new, rules.name, causes);
        (rules.contents)(&new, causes);
    };
    match rules.order {
        Order::ChangeThenAll => {
            metadata::check_update(&old, &new, &mut causes);
            (rules.change)(&old, &new, &mut causes);
            all(&mut causes);
        }
        Order::ContentsThenChange => {
            metadata::check_update(&old, &new, &mut causes);
            (rules.contents)(&new, &mut causes);
            (rules.change)(&old, &new, &mut causes);
        }
        Order::AllThenContentsAndChange => {
            all(&mut causes);
            metadata::check_update(&old, &new, &mut causes);
            (rules.contents)(&new, &mut causes);
            (rules.change)(&old, &new, &mut causes);
        }
        Order::AllThenChange => {
            all(&mut causes);
            metadata::check_update(&old, &new, &mut causes);
            (rules.change)(&old, &new, &mut causes);
        }
        Order::ChangeOnly => {
            metadata::check_update(&old, &new, &mut causes);
            (rules.change)(&old, &new, &mut causes);
        }
    }
    causes.0
}

/// The part of [`update`] that is about fields that may never change once the object exists.
pub fn immutable(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Causes::default();
    let change = rules(new).change;
    let (old, new) = (At::root(old), At::root(new));
    metadata::immutable(&old, &new, &mut causes);
    change(&old, &new, &mut causes);
    causes.0
}

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod structural_tests;
#[cfg(test)]
mod tests;
