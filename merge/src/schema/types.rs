//! The compact form of schemas: what structured merge needs to know of a type, and no more.
//!
//! A [`Layer`] owns its types and refers to them by number, so that recursive types need no
//! pointers. The first two types of every layer are the ones a server deduces from values:
//! [`DEDUCED`] (maps merge, lists are atomic) and [`UNTYPED`] (all is atomic).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The place of a type in its layer.
pub(crate) type TypeId = u32;

/// Any value; maps are merged by key, lists replaced as a whole.
pub(crate) const DEDUCED: TypeId = 0;
/// Any value, replaced as a whole.
pub(crate) const UNTYPED: TypeId = 1;

/// What scalar a type admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scalar {
    /// A text.
    #[serde(rename = "s")]
    Text,
    /// A whole number.
    #[serde(rename = "i")]
    Integer,
    /// A number.
    #[serde(rename = "n")]
    Number,
    /// `true` or `false`.
    #[serde(rename = "b")]
    Boolean,
    /// Any of them.
    #[serde(rename = "u")]
    Any,
}

/// A meaning the text of a scalar has beyond its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// An amount such as `100m` or `1Gi`.
    #[serde(rename = "q")]
    Quantity,
    /// A whole number or a text.
    #[serde(rename = "i")]
    IntOrString,
    /// Base64.
    #[serde(rename = "b")]
    Bytes,
    /// A time.
    #[serde(rename = "t")]
    Time,
}

/// How the entries of a list are told apart (`x-kubernetes-list-type`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Entries {
    /// They are not: the list is one value.
    #[default]
    #[serde(rename = "a")]
    Atomic,
    /// By their value.
    #[serde(rename = "s")]
    Set,
    /// By these fields.
    #[serde(rename = "k")]
    Keyed(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ListType {
    #[serde(rename = "e")]
    pub element: TypeId,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub entries: Entries,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct MapType {
    /// Declared fields.
    #[serde(rename = "f", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
    /// The type of keys that are not declared; without it there are none.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub element: Option<TypeId>,
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub atomic: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Field {
    #[serde(rename = "t")]
    pub kind: TypeId,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// `x-kubernetes-patch-strategy`, for strategic merge patches.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub patch_strategy: Option<String>,
    /// `x-kubernetes-patch-merge-key`, likewise.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub patch_key: Option<String>,
}

/// What values a type admits: at most one form each of scalar, list and map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Type {
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub scalar: Option<Scalar>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListType>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapType>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    #[serde(rename = "z", default, skip_serializing_if = "is_default")]
    pub nullable: bool,
}

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// In a namespace.
    #[serde(rename = "n")]
    Namespaced,
    /// In the cluster as a whole.
    #[serde(rename = "c")]
    Cluster,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kind {
    #[serde(rename = "t")]
    pub root: TypeId,
    /// None for kinds that only stand at subresources, such as Scale.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Whether it has a status subresource.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub status: bool,
    /// Whether it is defined by a CustomResourceDefinition.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub custom: bool,
    /// Whether this version is the one objects are stored in, where a definition says so.
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub stored: bool,
}

/// Kinds and the types they need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// `group/version/kind`, to the kind.
    pub kinds: BTreeMap<String, Kind>,
    pub types: Vec<Type>,
}

impl Layer {
    pub fn get(&self, id: TypeId) -> Option<&Type> {
        self.types.get(usize::try_from(id).ok()?)
    }

    /// The types every layer starts with (structured-merge-diff's `__untyped_deduced_` and
    /// `__untyped_atomic_`).
    pub fn empty() -> Self {
        let any = |element, atomic| Type {
            scalar: Some(Scalar::Any),
            list: Some(ListType { element: UNTYPED, entries: Entries::Atomic }),
            map: Some(MapType { fields: BTreeMap::new(), element: Some(element), atomic }),
            format: None,
            nullable: true,
        };
        Self { kinds: BTreeMap::new(), types: vec![any(DEDUCED, false), any(UNTYPED, true)] }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
