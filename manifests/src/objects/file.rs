//! One file into its objects: everything about them that needs no other file. What does need the
//! others (one object for each identity, the scope of kinds that the source defines) comes after.

use std::collections::BTreeMap;
use std::sync::Arc;

use merge::schema::{Schemas, Scope};
use merge::{Digest, GroupVersionKind, Manifest, ObjectId, Origin};
use serde_json::{Map, Value};

use super::{identity, unfold};
use crate::loader::{self, Budget, Document};
use crate::options::Limits;
use crate::problem::Problem;

/// The scopes of kinds that a source defines, by group and kind.
pub(crate) type Defined = BTreeMap<String, BTreeMap<String, Scope>>;

/// A kind that an object of the source defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub group: String,
    pub kind: String,
    pub scope: Scope,
}

/// What is known of kinds: what the source itself defines goes before what is known anyhow.
#[derive(Clone, Copy)]
pub(crate) struct Scopes<'a> {
    pub known: &'a Schemas,
    pub defined: &'a Defined,
}

impl Scopes<'_> {
    /// The scope of a kind; `None` for one that nobody knows.
    pub fn of(&self, gvk: &GroupVersionKind) -> Option<Scope> {
        let defined = self.defined.get(&gvk.group).and_then(|kinds| kinds.get(&gvk.kind));
        defined.copied().or_else(|| self.known.scope(gvk))
    }
}

/// Where a file is, and what all files share.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub limits: &'a Limits,
    /// The namespace of namespaced objects that name none.
    pub namespace: Option<&'a str>,
}

/// One object of a file.
#[derive(Debug)]
pub(crate) struct Item {
    pub id: ObjectId,
    pub gvk: GroupVersionKind,
    /// Its body; `None` once it was let go.
    pub body: Option<Value>,
    /// The body's digest; `None` until its kind's scope is known, or known to be unknown.
    pub digest: Option<Digest>,
    pub line: u32,
    pub scope: Option<Scope>,
    /// The namespace that was taken from a cluster-scoped object, and the line it stood on.
    pub dropped: Option<(String, u32)>,
}

/// What a file comes to by itself.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub items: Vec<Item>,
    /// Where each object stands, the unsound ones too.
    pub lines: Vec<u32>,
    pub definitions: Vec<Definition>,
    pub problems: Vec<Problem>,
    pub spent: Budget,
}

/// Reads a file's bytes. `scope` tells what is known of a kind so far; an object of a kind that it
/// does not know waits for [`Item::settle`].
pub(crate) fn parse(
    file: &str,
    bytes: &[u8],
    setting: Setting<'_>,
    scope: &dyn Fn(&GroupVersionKind) -> Option<Scope>,
    budget: Budget,
) -> Parsed {
    let mut parsed = Parsed::default();
    let mut left = budget;
    let documents = loader::load(file, bytes, setting.limits, &mut left, &mut parsed.problems);
    parsed.spent = budget.less(left);
    for document in documents {
        unfold::unfold(document, &mut |document| parsed.add(file, document, setting, scope));
    }
    parsed
}

impl Parsed {
    fn add(
        &mut self,
        file: &str,
        document: Document,
        setting: Setting<'_>,
        scope: &dyn Fn(&GroupVersionKind) -> Option<Scope>,
    ) {
        let Document { value, outline } = document;
        self.lines.push(outline.line);
        self.definitions.extend(definition(&value));
        let before = self.problems.len();
        identity::check(&value, &outline, file, &mut self.problems);
        if self.problems.len() > before {
            return;
        }
        let (Some(id), Some(gvk)) = (ObjectId::of(&value), GroupVersionKind::of(&value)) else {
            return;
        };
        let namespace_line = outline.line_of(&["metadata", "namespace"]);
        let mut item = Item {
            id,
            gvk,
            body: Some(value),
            digest: None,
            line: outline.line,
            scope: None,
            dropped: None,
        };
        if let Some(scope) = scope(&item.gvk) {
            item.settle(Some(scope), setting.namespace);
            if let Some((_, line)) = &mut item.dropped {
                *line = namespace_line;
            }
        } else if item.id.namespace.is_some() {
            // Kept for the warning, should the kind prove to be cluster-scoped.
            item.dropped = Some((String::new(), namespace_line));
        }
        self.items.push(item);
    }
}

impl Item {
    /// The object as it travels on; `None` if its body was let go.
    pub fn into_manifest(self, file: &str) -> Option<Manifest> {
        let Self { id, gvk, body, digest, line, .. } = self;
        let origin = Origin { file: file.to_owned(), line };
        Some(Manifest { id, gvk, body: Arc::new(body?), digest: digest?, origin })
    }

    /// Gives a namespaced object the default namespace if it names none, takes it from a
    /// cluster-scoped one, as the API server does, and leaves an object of an unknown kind as it is.
    /// Then the digest is known. Done once an object.
    pub fn settle(&mut self, scope: Option<Scope>, namespace: Option<&str>) {
        let Some(body) = &mut self.body else { return };
        let waiting = self.dropped.take();
        self.scope = scope;
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            match scope {
                Some(Scope::Namespaced) if self.id.namespace.is_none() => {
                    if let Some(namespace) = namespace {
                        metadata.insert("namespace".to_owned(), namespace.into());
                        self.id.namespace = Some(namespace.to_owned());
                    }
                }
                Some(Scope::Cluster) => {
                    metadata.remove("namespace");
                    let line = waiting.map_or(self.line, |(_, line)| line);
                    self.dropped = self.id.namespace.take().map(|namespace| (namespace, line));
                }
                Some(Scope::Namespaced) | None => {}
            }
        }
        self.digest = Some(Digest::of(body));
    }
}

/// What an object defines, if it is a CustomResourceDefinition.
fn definition(object: &Value) -> Option<Definition> {
    if object.get("kind")?.as_str()? != "CustomResourceDefinition" {
        return None;
    }
    let text = |map: &Map<String, Value>, key: &str| Some(map.get(key)?.as_str()?.to_owned());
    let spec = object.get("spec")?.as_object()?;
    let scope = match spec.get("scope")?.as_str()? {
        "Namespaced" => Scope::Namespaced,
        "Cluster" => Scope::Cluster,
        _ => return None,
    };
    let kind = text(spec.get("names")?.as_object()?, "kind")?;
    Some(Definition { group: text(spec, "group")?, kind, scope })
}

/// What all files of a source define; of two definitions the later one counts.
pub(crate) fn defined<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Defined {
    let mut defined = Defined::new();
    for Definition { group, kind, scope } in definitions {
        defined.entry(group.clone()).or_default().insert(kind.clone(), *scope);
    }
    defined
}
