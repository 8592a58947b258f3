//! Schemas of kinds: how their fields merge, which of them there are, what they default to.
//!
//! Made from OpenAPI v3 documents ([`Schemas::from_documents`]), from CustomResourceDefinitions
//! ([`Schemas::with_definition`]) or taken from the table that is compiled in
//! ([`Schemas::builtin`], every kind of the recorded server). Read through [`TypeRef`], a place in a
//! schema. A set of schemas is a stack of layers that are never changed, so that clones and
//! extensions are cheap.

mod bytes;
mod check;
mod custom;
mod definition;
mod read;
mod table;
mod types;

use std::sync::Arc;

use serde_json::Value;

use crate::class::ErrorClass;
use crate::object::GroupVersionKind;

pub use check::{FieldProblem, ProblemKind};
pub use types::{Entries, Format, Scalar, Scope};

pub(crate) use types::{DEDUCED, ListType, MapType};
use types::{Field, Kind, KindKey, Layer, Type, TypeId};

/// The schemas of a number of kinds.
#[derive(Debug, Clone)]
pub struct Schemas {
    /// Later layers win.
    layers: Vec<Arc<Layer>>,
}

/// A schema that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A `$ref` to a definition the documents do not hold.
    #[error("the OpenAPI document refers to `{0}`, which it does not define")]
    UnknownReference(String),
    /// A CustomResourceDefinition that lacks what makes it one.
    #[error("CustomResourceDefinition {name}: {what}")]
    BadDefinition {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More types than can be numbered.
    #[error("the OpenAPI document is too large")]
    TooLarge,
}

impl SchemaError {
    /// The kind of this failure.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::User
    }
}

impl Schemas {
    /// The schemas of every built-in kind of the recorded server.
    pub fn builtin() -> Self {
        Self { layers: vec![table::builtin()] }
    }

    /// No schemas at all: every object is merged by what its values look like.
    pub const fn none() -> Self {
        Self { layers: Vec::new() }
    }

    /// The schemas of `/openapi/v3/…` documents.
    pub fn from_documents<'a>(
        documents: impl IntoIterator<Item = &'a Value>,
    ) -> Result<Self, SchemaError> {
        Ok(Self { layers: vec![Arc::new(read::documents(documents)?)] })
    }

    /// These schemas and others; where both know a kind, the other's.
    #[must_use]
    pub fn extended(&self, other: &Self) -> Self {
        let mut layers = self.layers.clone();
        for layer in &other.layers {
            if !layers.iter().any(|known| Arc::ptr_eq(known, layer)) {
                layers.push(Arc::clone(layer));
            }
        }
        Self { layers }
    }

    /// These schemas and those of a CustomResourceDefinition. Versions of its kind that it no longer
    /// serves are forgotten.
    pub fn with_definition(&self, crd: &Value) -> Result<Self, SchemaError> {
        let new = definition::layer(crd)?;
        let mut kept = self.without_definition(crd);
        kept.layers.push(Arc::new(new));
        Ok(kept)
    }

    /// These schemas without the kind a CustomResourceDefinition defines.
    #[must_use]
    pub fn without_definition(&self, crd: &Value) -> Self {
        let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
        let is_its = |key: &KindKey| key.is_of(group, kind);
        let layers = self.layers.iter().filter_map(|layer| {
            if !layer.kinds.iter().any(|(key, _)| is_its(key)) {
                return Some(Arc::clone(layer));
            }
            let mut changed = Layer::clone(layer);
            changed.kinds.retain(|(key, _)| !is_its(key));
            (!changed.kinds.is_empty()).then(|| Arc::new(changed))
        });
        Self { layers: layers.collect() }
    }

    /// Whether the kind's schema is known.
    pub fn knows(&self, gvk: &GroupVersionKind) -> bool {
        self.find(gvk).is_some()
    }

    /// Whether a kind's objects live in namespaces; `None` if the kind is not known, or stands only
    /// at a subresource, as Scale does.
    pub fn scope(&self, gvk: &GroupVersionKind) -> Option<Scope> {
        self.find(gvk)?.1.scope
    }

    /// Whether the kind is defined by a CustomResourceDefinition.
    pub fn is_custom(&self, gvk: &GroupVersionKind) -> bool {
        self.find(gvk).is_some_and(|(_, kind)| kind.custom)
    }

    /// Whether the kind has a status subresource.
    pub fn has_status(&self, gvk: &GroupVersionKind) -> bool {
        self.find(gvk).is_some_and(|(_, kind)| kind.status)
    }

    /// The versions of a kind that are known.
    pub fn versions(&self, group: &str, kind: &str) -> Vec<String> {
        let mut versions: Vec<String> = Vec::new();
        for (key, _) in self.layers.iter().flat_map(|layer| &layer.kinds) {
            if key.is_of(group, kind) && !versions.iter().any(|known| **known == *key.version) {
                versions.push(key.version.to_string());
            }
        }
        versions
    }

    /// The root of a kind's schema.
    pub fn root(&self, gvk: &GroupVersionKind) -> Option<TypeRef<'_>> {
        self.find(gvk).map(|(layer, kind)| TypeRef { layer, id: kind.root })
    }

    /// The root of an object's schema, or where its kind is not known the schema that a server
    /// deduces from values.
    pub fn root_or_deduced(&self, gvk: Option<&GroupVersionKind>) -> TypeRef<'_> {
        gvk.and_then(|gvk| self.root(gvk))
            .unwrap_or_else(|| TypeRef { layer: table::deduced(), id: DEDUCED })
    }

    /// The root of the version a definition's objects are stored in, if that is another one.
    fn storage_root(&self, gvk: &GroupVersionKind) -> Option<TypeRef<'_>> {
        self.layers.iter().rev().find_map(|layer| {
            let mut stored = layer.kinds.iter().filter(|(_, kind)| kind.stored);
            stored.find_map(|(key, kind)| {
                (key.is_of(&gvk.group, &gvk.kind) && *key.version != *gvk.version)
                    .then_some(TypeRef { layer, id: kind.root })
            })
        })
    }

    fn find(&self, gvk: &GroupVersionKind) -> Option<(&Layer, &Kind)> {
        self.layers.iter().rev().find_map(|layer| {
            Some((layer.as_ref(), layer.kind(&gvk.group, &gvk.version, &gvk.kind)?))
        })
    }
}

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub struct TypeRef<'a> {
    layer: &'a Layer,
    id: TypeId,
}

impl<'a> TypeRef<'a> {
    pub(crate) fn get(self) -> Option<&'a Type> {
        self.layer.get(self.id)
    }

    fn at(self, id: TypeId) -> Self {
        Self { layer: self.layer, id }
    }

    fn declared(self, name: &str) -> Option<&'a Field> {
        self.get()?.map.as_ref()?.fields.get(name)
    }

    /// The type of a declared field.
    pub fn field(self, name: &str) -> Option<Self> {
        self.declared(name).map(|field| self.at(field.kind))
    }

    /// The type of a field or of a map's key, declared or not.
    pub fn child(self, name: &str) -> Option<Self> {
        let map = self.get()?.map.as_ref()?;
        map.fields.get(name).map(|field| field.kind).or(map.element).map(|id| self.at(id))
    }

    /// Whether a field is declared, and the type of what stands there, declared or not.
    pub(crate) fn child_declared(self, name: &str) -> (bool, Option<Self>) {
        let Some(map) = self.get().and_then(|own| own.map.as_ref()) else {
            return (false, None);
        };
        match map.fields.get(name) {
            Some(field) => (true, Some(self.at(field.kind))),
            None => (false, map.element.map(|id| self.at(id))),
        }
    }

    /// The type of a list's entries.
    pub fn element(self) -> Option<Self> {
        self.get()?.list.as_ref().map(|list| self.at(list.element))
    }

    /// The names of declared fields.
    pub fn field_names(self) -> impl Iterator<Item = &'a str> {
        self.get()
            .and_then(|own| own.map.as_ref())
            .into_iter()
            .flat_map(|map| map.fields.iter().map(|(name, _)| &**name))
    }

    /// The default of a declared field.
    pub fn default_of(self, name: &str) -> Option<&'a Value> {
        self.declared(name)?.default.as_deref()
    }

    /// Whether a declared field is required.
    pub fn requires(self, name: &str) -> bool {
        self.declared(name).is_some_and(|field| field.required)
    }

    /// `x-kubernetes-patch-strategy` of a declared field.
    pub fn patch_strategy(self, name: &str) -> Option<&'a str> {
        self.declared(name)?.patch.as_ref()?.strategy.as_deref()
    }

    /// `x-kubernetes-patch-merge-key` of a declared field.
    pub fn patch_merge_key(self, name: &str) -> Option<&'a str> {
        self.declared(name)?.patch.as_ref()?.key.as_deref()
    }

    /// How entries of the list are told apart; `None` where no list may stand.
    pub fn entries(self) -> Option<&'a Entries> {
        self.get()?.list.as_ref().map(|list| &list.entries)
    }

    /// Whether a map may stand here, and is replaced as a whole.
    pub fn is_atomic_map(self) -> bool {
        self.get().and_then(|own| own.map.as_ref()).is_some_and(|map| map.atomic)
    }

    /// Whether a map may stand here, and has declared fields.
    pub fn is_struct(self) -> bool {
        self.get().and_then(|own| own.map.as_ref()).is_some_and(|map| !map.fields.is_empty())
    }

    /// Whether a map may stand here.
    pub fn is_map(self) -> bool {
        self.get().is_some_and(|own| own.map.is_some())
    }

    /// Which scalar may stand here.
    pub fn scalar(self) -> Option<Scalar> {
        self.get()?.scalar
    }

    /// What the scalar means beyond its type.
    pub fn format(self) -> Option<Format> {
        self.get()?.format
    }

    /// Whether `null` may stand here as a value.
    pub fn is_nullable(self) -> bool {
        self.get().is_some_and(|own| own.nullable)
    }

    /// Whether any value may stand here.
    pub fn is_free(self) -> bool {
        self.get().is_some_and(|own| {
            own.scalar.is_some()
                && own.list.is_some()
                && own.map.as_ref().is_some_and(|map| map.fields.is_empty())
        })
    }

    pub(crate) fn list_type(self) -> Option<&'a ListType> {
        self.get()?.list.as_ref()
    }

    pub(crate) fn map_type(self) -> Option<&'a MapType> {
        self.get()?.map.as_ref()
    }
}

#[cfg(test)]
mod tests;
