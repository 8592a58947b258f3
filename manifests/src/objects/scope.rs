//! Namespaces: what a kind's scope makes of the one that an object names, or does not.

use std::collections::{BTreeMap, BTreeSet};

use merge::schema::{Schemas, Scope};
use merge::{GroupVersionKind, Origin};
use serde_json::Value;

use crate::loader::Outline;
use crate::options::RenderOptions;
use crate::problem::Problem;

/// The scopes of kinds: those that the source itself defines, then those that are known.
pub(crate) struct Scopes<'a> {
    known: &'a Schemas,
    defined: BTreeMap<(String, String), Scope>,
    namespace: Option<&'a str>,
    warned: BTreeSet<GroupVersionKind>,
}

impl<'a> Scopes<'a> {
    pub fn new<'v>(
        options: &'a RenderOptions<'a>,
        objects: impl Iterator<Item = &'v Value>,
    ) -> Self {
        Self {
            known: options.scopes,
            defined: objects.filter_map(definition).collect(),
            namespace: options.namespace.as_deref(),
            warned: BTreeSet::new(),
        }
    }

    fn of(&self, gvk: &GroupVersionKind) -> Option<Scope> {
        let defined = self.defined.get(&(gvk.group.clone(), gvk.kind.clone())).copied();
        defined.or_else(|| self.known.scope(gvk))
    }

    /// Gives a namespaced object the default namespace if it names none, and takes it from a
    /// cluster-scoped one, as the API server does. What cannot be judged here is left as it is, with
    /// one warning a kind.
    pub fn settle(
        &mut self,
        value: &mut Value,
        outline: &Outline,
        origin: &Origin,
        warnings: &mut Vec<Problem>,
    ) {
        let Some(gvk) = GroupVersionKind::of(value) else { return };
        let named = merge::object::namespace(value).map(str::to_owned);
        let scope = self.of(&gvk);
        let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        match (scope, named) {
            (Some(Scope::Namespaced), None) => {
                if let Some(namespace) = self.namespace {
                    metadata.insert("namespace".to_owned(), namespace.into());
                }
            }
            (Some(Scope::Cluster), named) => {
                metadata.remove("namespace");
                if let Some(namespace) = named {
                    warnings.push(Problem::at(
                        origin.file.clone(),
                        outline.line_of(&["metadata", "namespace"]),
                        format!(
                            "{} is not namespaced: its namespace `{namespace}` is dropped",
                            gvk.kind
                        ),
                    ));
                }
            }
            (None, _) if !self.warned.contains(&gvk) => {
                let message = format!("{gvk} is neither a known kind nor defined by this source");
                warnings.push(Problem::of(origin, message));
                self.warned.insert(gvk);
            }
            (None | Some(Scope::Namespaced), _) => {}
        }
    }
}

/// The kind that a CustomResourceDefinition defines, and its scope.
fn definition(object: &Value) -> Option<((String, String), Scope)> {
    if object.get("kind")?.as_str()? != "CustomResourceDefinition" {
        return None;
    }
    let spec = object.get("spec")?;
    let group = spec.get("group")?.as_str()?.to_owned();
    let kind = spec.get("names")?.get("kind")?.as_str()?.to_owned();
    let scope = match spec.get("scope")?.as_str()? {
        "Namespaced" => Scope::Namespaced,
        "Cluster" => Scope::Cluster,
        _ => return None,
    };
    Some(((group, kind), scope))
}
