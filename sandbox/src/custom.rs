//! Custom resources: what an installed CustomResourceDefinition makes the server serve.

mod columns;
pub(crate) mod defaults;
pub(crate) mod definition;
pub(crate) mod schema;

use std::cmp::Ordering;
use std::sync::Arc;

use merge::GroupVersionKind;
use serde_json::Value;

pub(crate) use columns::columns;

use crate::registry::{GroupResource, Resource, Subresource, items, text, texts};

const VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// A CustomResourceDefinition, as far as serving needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) plural: String,
    /// The definition itself.
    pub(crate) body: Arc<Value>,
}

impl Definition {
    /// Reads a stored definition.
    pub(crate) fn read(body: &Arc<Value>) -> Option<Self> {
        Some(Self {
            name: merge::object::name(body)?.to_owned(),
            group: body.pointer("/spec/group")?.as_str()?.to_owned(),
            plural: body.pointer("/spec/names/plural")?.as_str()?.to_owned(),
            body: Arc::clone(body),
        })
    }

    /// One version's entry in the definition.
    pub(crate) fn version(&self, version: &str) -> Option<&Value> {
        items(&self.body, &["spec", "versions"])
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some(version))
    }

    /// The structural schema of a version.
    pub(crate) fn schema(&self, version: &str) -> Option<&Value> {
        self.version(version)?.pointer("/schema/openAPIV3Schema")
    }

    /// The schema of the version objects are stored in.
    pub(crate) fn storage_schema(&self) -> Option<&Value> {
        items(&self.body, &["spec", "versions"])
            .find(|entry| entry.get("storage").and_then(Value::as_bool) == Some(true))?
            .pointer("/schema/openAPIV3Schema")
    }

    /// Whether a version has a subresource.
    pub(crate) fn has_subresource(&self, version: &str, name: &str) -> bool {
        let entry = self.version(version).and_then(|entry| entry.get("subresources"));
        entry.and_then(|subresources| subresources.get(name)).is_some()
    }

    /// The resources it serves, one a served version.
    pub(crate) fn resources(self: &Arc<Self>) -> Vec<Resource> {
        let served = items(&self.body, &["spec", "versions"])
            .filter(|entry| entry.get("served").and_then(Value::as_bool) == Some(true));
        served.map(|entry| self.resource(&text(entry, "name"))).collect()
    }

    fn resource(self: &Arc<Self>, version: &str) -> Resource {
        // The accepted names are the spec's: two definitions of one kind are not refused here.
        let names = self.body.pointer("/spec/names").cloned().unwrap_or_default();
        let kind = text(&names, "kind");
        let own = GroupVersionKind {
            group: self.group.clone(),
            version: version.to_owned(),
            kind: kind.clone(),
        };
        let verbs: Vec<String> = ["get", "patch", "update"].map(str::to_owned).to_vec();
        let mut subresources = Vec::new();
        if self.has_subresource(version, "status") {
            let status = Subresource { name: "status".to_owned(), gvk: own, verbs: verbs.clone() };
            subresources.push(status);
        }
        if self.has_subresource(version, "scale") {
            let gvk = GroupVersionKind::new("autoscaling/v1", "Scale");
            subresources.push(Subresource { name: "scale".to_owned(), gvk, verbs });
        }
        Resource {
            group: self.group.clone(),
            version: version.to_owned(),
            plural: self.plural.clone(),
            singular: text(&names, "singular"),
            kind,
            namespaced: self.body.pointer("/spec/scope").and_then(Value::as_str)
                == Some("Namespaced"),
            short_names: texts(&names, "shortNames"),
            categories: texts(&names, "categories"),
            verbs: VERBS.map(str::to_owned).to_vec(),
            subresources,
            storage: GroupResource::new(&self.group, &self.plural),
            custom: Some(Arc::clone(self)),
        }
    }
}

/// The order versions are preferred in: general availability, beta, alpha, newer first, then the rest
/// by name (`k8s.io/apimachinery/pkg/version.CompareKubeAwareVersionStrings`).
pub(crate) fn version_order(one: &str, two: &str) -> Ordering {
    match (kube_version(one), kube_version(two)) {
        (Some(one), Some(two)) => two.cmp(&one),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(two),
    }
}

fn kube_version(version: &str) -> Option<(u8, u32, u32)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest.get(..digits)?.parse().ok()?;
    let tail = rest.get(digits..)?;
    if tail.is_empty() {
        return Some((2, major, 0));
    }
    if let Some(minor) = tail.strip_prefix("beta") {
        return Some((1, major, minor.parse().ok()?));
    }
    Some((0, major, tail.strip_prefix("alpha")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_the_server_prefers_them() {
        let mut versions = ["foo10", "v1beta1", "v2", "v1alpha1", "v10", "v1beta2", "foo1", "v1"];
        versions.sort_by(|one, two| version_order(one, two));
        let expected = ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo1", "foo10"];
        assert_eq!(versions, expected);
    }
}
