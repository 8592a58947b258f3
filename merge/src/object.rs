//! Identities of Kubernetes objects, accessors over their untyped bodies, and [`Manifest`]: the one
//! form in which a desired object travels from Git to the plan.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;

/// A group, a version and a kind. The core group is the empty string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group, `v1` for instance.
    pub version: String,
    /// The kind, `Deployment` for instance.
    pub kind: String,
}

impl GroupVersionKind {
    /// From the `apiVersion` and `kind` of a manifest.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Read from an object's own `apiVersion` and `kind`; `None` if either is not a string or is empty.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion")?.as_str().filter(|text| !text.is_empty())?;
        let kind = object.get("kind")?.as_str().filter(|text| !text.is_empty())?;
        Some(Self::new(api_version, kind))
    }

    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// What names one object in a cluster, whatever version it is written in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectId {
    /// The identity an object's own body states; `None` without `kind` or `metadata.name`.
    pub fn of(object: &Value) -> Option<Self> {
        let gvk = GroupVersionKind::of(object)?;
        let name = name(object)?;
        Some(Self {
            group: gvk.group,
            kind: gvk.kind,
            namespace: namespace(object).map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

/// `deployment.apps/web in shop`, `namespace/shop`: the way kubectl names things.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.to_lowercase())?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        write!(f, "/{}", self.name)?;
        if let Some(namespace) = &self.namespace {
            write!(f, " in {namespace}")?;
        }
        Ok(())
    }
}

/// Where an object was written: a file and the line its document's first key stands on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The path inside the source, with `/`.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One object as its source wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its identity, with the namespace it will be applied to.
    pub id: ObjectId,
    /// The version it is written in.
    pub gvk: GroupVersionKind,
    /// Its body as it would be sent.
    pub body: Arc<Value>,
    /// Names the body: the sha256 of its canonical JSON, or what an application made of that when it put
    /// its mark on.
    pub digest: Digest,
    /// Where it was written.
    pub origin: Origin,
}

impl Manifest {
    /// A manifest of a body that has `apiVersion`, `kind` and `metadata.name`; `None` otherwise.
    pub fn new(body: Value, origin: Origin) -> Option<Self> {
        let id = ObjectId::of(&body)?;
        let gvk = GroupVersionKind::of(&body)?;
        let digest = Digest::of(&body);
        Some(Self { id, gvk, body: Arc::new(body), digest, origin })
    }
}

/// `metadata` of an object, if it is a map.
pub fn metadata(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.as_object()
}

fn metadata_text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    metadata(object)?.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// `metadata.name`, if it is there and not empty.
pub fn name(object: &Value) -> Option<&str> {
    metadata_text(object, "name")
}

/// `metadata.namespace`, if it is there and not empty.
pub fn namespace(object: &Value) -> Option<&str> {
    metadata_text(object, "namespace")
}

/// `metadata.uid`, if it is there and not empty.
pub fn uid(object: &Value) -> Option<&str> {
    metadata_text(object, "uid")
}

/// `metadata.resourceVersion`, if it is there and not empty.
pub fn resource_version(object: &Value) -> Option<&str> {
    metadata_text(object, "resourceVersion")
}

/// `metadata.generation`.
pub fn generation(object: &Value) -> Option<i64> {
    metadata(object)?.get("generation")?.as_i64()
}

/// The value of an annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    metadata(object)?.get("annotations")?.get(key)?.as_str()
}

/// The value of a label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    metadata(object)?.get("labels")?.get(key)?.as_str()
}

/// The uid of the owner that controls an object (`controller: true` among its `ownerReferences`).
pub fn controller_uid(object: &Value) -> Option<&str> {
    metadata(object)?
        .get("ownerReferences")?
        .as_array()?
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?
        .get("uid")?
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_identity_reads_as_kubectl_writes_it() {
        let web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"}});
        assert_eq!(ObjectId::of(&web).unwrap().to_string(), "deployment.apps/web in shop");
        let shop = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        assert_eq!(ObjectId::of(&shop).unwrap().to_string(), "namespace/shop");
    }

    #[test]
    fn an_object_that_states_no_identity_has_none() {
        for body in [
            json!({}),
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ""}}),
            json!({"apiVersion": "v1", "kind": 7, "metadata": {"name": "a"}}),
            json!([1]),
        ] {
            assert_eq!(ObjectId::of(&body), None, "{body}");
        }
    }

    #[test]
    fn the_version_is_no_part_of_the_identity() {
        let one = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"}});
        let mut two = one.clone();
        two["apiVersion"] = json!("autoscaling/v2");
        assert_eq!(ObjectId::of(&one), ObjectId::of(&two));
    }
}
