//! The name of an application, and how its objects say whose they are.
//!
//! Every object we apply carries [`OWNED_BY`], which names the application *and the object itself*:
//! controllers copy annotations and labels from one object to another (a Service's labels reach its
//! EndpointSlices, a Deployment's annotations its ReplicaSets), so a mark that does not name its
//! bearer proves nothing. Adoption and pruning believe only a mark that does.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use merge::object::annotation;
use merge::{Digest, Manifest, ObjectId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The field manager of our applies.
pub const MANAGER: &str = "cleat";

/// The annotation that says which application an object belongs to.
pub const OWNED_BY: &str = "cleat.dev/owned-by";

/// An application's namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApplicationName {
    /// The namespace that holds the application and its records.
    pub namespace: String,
    /// Its name in there.
    pub name: String,
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A text that names no application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no application: `namespace/name` is expected, in lower-case letters, digits, `-` and `.`"
)]
pub struct NotAnApplication(String);

impl NotAnApplication {
    /// Who can mend it.
    pub fn class(&self) -> merge::ErrorClass {
        merge::ErrorClass::User
    }
}

impl FromStr for ApplicationName {
    type Err = NotAnApplication;

    fn from_str(text: &str) -> Result<Self, NotAnApplication> {
        let refused = || NotAnApplication(text.to_owned());
        let (namespace, name) = text.split_once('/').ok_or_else(refused)?;
        if !is_name(namespace) || !is_name(name) {
            return Err(refused());
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// A DNS subdomain, as Kubernetes wants names to be (`IsDNS1123Subdomain`).
fn is_name(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        part.bytes().all(|byte| plain(byte) || byte == b'-')
            && part.bytes().next().is_some_and(plain)
            && part.bytes().last().is_some_and(plain)
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// Whose an object is, as its own annotation tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It carries no mark.
    Unmarked,
    /// It carries our mark for this very object.
    Ours,
    /// It carries the mark of another application, for this very object.
    Other(ApplicationName),
    /// It carries a mark that names another object (a copy) or that cannot be read.
    Stray(String),
}

impl ApplicationName {
    /// The mark an object of this application carries.
    pub fn mark(&self, id: &ObjectId) -> String {
        format!("{self}:{}", object_part(id))
    }

    /// The same manifest carrying our mark. Its digest is that of the unmarked body together with the
    /// mark: it names the marked body as well as a digest of all of it would, and costs a hundredth.
    #[must_use]
    pub fn marked(&self, manifest: &Manifest) -> Manifest {
        self.into_marked(manifest.clone())
    }

    /// Like [`marked`](Self::marked). A body that nobody else holds is marked where it is.
    #[must_use]
    #[allow(clippy::wrong_self_convention, reason = "it is the manifest that goes in")]
    pub fn into_marked(&self, mut manifest: Manifest) -> Manifest {
        let mark = self.mark(&manifest.id);
        if annotation(&manifest.body, OWNED_BY) != Some(mark.as_str()) {
            set_mark(Arc::make_mut(&mut manifest.body), Some(&mark));
            manifest.digest =
                Digest::of_bytes(&[manifest.digest.as_bytes(), mark.as_bytes()].concat());
        }
        manifest
    }

    /// Whose a live object is. `id` is the identity it was read under.
    pub fn ownership(&self, id: &ObjectId, live: &Value) -> Ownership {
        let Some(mark) = annotation(live, OWNED_BY) else { return Ownership::Unmarked };
        let stray = || Ownership::Stray(mark.to_owned());
        let Some((application, object)) = mark.split_once(':') else { return stray() };
        if object != object_part(id) {
            return stray();
        }
        match application.parse::<Self>() {
            Ok(name) if name == *self => Ownership::Ours,
            Ok(name) => Ownership::Other(name),
            Err(_) => stray(),
        }
    }
}

/// A body that carries this mark, or none. One whose metadata is no map stays as it is, and is refused elsewhere.
#[must_use]
pub fn with_mark(body: &Value, mark: Option<&str>) -> Value {
    let mut body = body.clone();
    set_mark(&mut body, mark);
    body
}

fn set_mark(body: &mut Value, mark: Option<&str>) {
    let Some(metadata) = child(body, "metadata") else { return };
    let Some(annotations) = child(metadata, "annotations").and_then(Value::as_object_mut) else {
        return;
    };
    match mark {
        Some(mark) => annotations.insert(OWNED_BY.to_owned(), Value::String(mark.to_owned())),
        None => annotations.remove(OWNED_BY),
    };
    if annotations.is_empty()
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.remove("annotations");
    }
}

/// `Deployment.apps/shop/web`, `Namespace//shop`.
fn object_part(id: &ObjectId) -> String {
    let namespace = id.namespace.as_deref().unwrap_or_default();
    if id.group.is_empty() {
        format!("{}/{namespace}/{}", id.kind, id.name)
    } else {
        format!("{}.{}/{namespace}/{}", id.kind, id.group, id.name)
    }
}

/// The map at a key, made if it is absent or null; `None` if something else stands there.
fn child<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let entry = value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if entry.is_null() {
        *entry = Value::Object(Map::new());
    }
    entry.is_object().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::Origin;
    use serde_json::json;

    fn shop() -> ApplicationName {
        "default/shop".parse().unwrap()
    }

    fn manifest(body: Value) -> Manifest {
        Manifest::new(body, Origin { file: "a.yaml".to_owned(), line: 1 }).unwrap()
    }

    #[test]
    fn a_mark_names_the_application_and_the_object() {
        let web = manifest(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "annotations": null}}));
        let marked = shop().marked(&web);
        assert_eq!(
            annotation(&marked.body, OWNED_BY),
            Some("default/shop:Deployment.apps/shop/web")
        );
        assert_ne!(marked.digest, web.digest);
        assert_eq!(marked.digest, shop().marked(&web).digest, "it is always the same");
        let store: ApplicationName = "default/store".parse().unwrap();
        assert_ne!(marked.digest, store.marked(&web).digest, "each application has its own");
        assert_eq!(shop().marked(&marked), marked, "marking twice is marking once");
        assert_eq!(shop().into_marked(web), marked, "in place or not");
        let namespace = manifest(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "shop"}}));
        assert_eq!(shop().mark(&namespace.id), "default/shop:Namespace//shop");
    }

    #[test]
    fn only_a_mark_for_this_application_and_this_object_is_ours() {
        let id = manifest(json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"}}))
        .id;
        let with = |mark: &str| json!({"metadata": {"annotations": {OWNED_BY: mark}}});
        let other = "default/blog".parse().unwrap();
        for (mark, expected) in [
            ("default/shop:Service/shop/web", Ownership::Ours),
            ("default/blog:Service/shop/web", Ownership::Other(other)),
        ] {
            assert_eq!(shop().ownership(&id, &with(mark)), expected, "{mark}");
        }
        for stray in ["default/shop:Service/shop/api", "default/shop", "", "shop:Service/shop/web"]
        {
            assert_eq!(
                shop().ownership(&id, &with(stray)),
                Ownership::Stray(stray.to_owned()),
                "{stray}"
            );
        }
        assert_eq!(shop().ownership(&id, &json!({})), Ownership::Unmarked);
    }

    #[test]
    fn names_are_kubernetes_names() {
        for text in ["shop", "/shop", "default/", "Default/shop", "a/b/c", "default/shop:x", "a/-b"]
        {
            assert!(text.parse::<ApplicationName>().is_err(), "{text}");
        }
        assert_eq!(shop().to_string(), "default/shop");
    }
}
