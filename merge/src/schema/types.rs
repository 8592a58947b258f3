//! The compact form of schemas: what structured merge needs to know of a type, and no more.
//!
//! A [`Layer`] owns its types and refers to them by number, so that recursive types need no
//! pointers. The first two types of every layer are the ones a server deduces from values:
//! [`DEDUCED`] (maps merge, lists are atomic) and [`UNTYPED`] (all is atomic).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A name. Equal ones of a layer are kept once.
pub(crate) type Name = Arc<str>;

/// The place of a type in its layer.
pub(crate) type TypeId = u32;

/// Any value; maps are merged by key, lists replaced as a whole.
pub(crate) const DEDUCED: TypeId = 0;
/// Any value, replaced as a whole.
pub(crate) const UNTYPED: TypeId = 1;

/// What scalar a type admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ListType {
    pub element: TypeId,
    pub entries: Entries,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct MapType {
    /// Declared fields.
    pub fields: Fields,
    /// The type of keys that are not declared; without it there are none.
    pub element: Option<TypeId>,
    pub atomic: bool,
}

/// Declared fields, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Fields(Box<[(Name, Field)]>);

impl Fields {
    pub fn get(&self, name: &str) -> Option<&Field> {
        let place = self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        self.0.get(place).map(|(_, field)| field)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Field)> {
        self.0.iter().map(|(name, field)| (name, field))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Field> {
        self.0.iter_mut().map(|(_, field)| field)
    }
}

/// Of two fields with one name the later counts.
impl FromIterator<(Name, Field)> for Fields {
    fn from_iter<T: IntoIterator<Item = (Name, Field)>>(fields: T) -> Self {
        let mut fields: Vec<(Name, Field)> = fields.into_iter().collect();
        fields.reverse();
        fields.sort_by(|(one, _), (two, _)| one.cmp(two));
        fields.dedup_by(|(one, _), (two, _)| one == two);
        Self(fields.into_boxed_slice())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Field {
    pub kind: TypeId,
    pub required: bool,
    pub default: Option<Arc<Value>>,
    pub patch: Option<Arc<Patch>>,
}

/// What strategic merge patches go by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Patch {
    /// `x-kubernetes-patch-strategy`.
    pub strategy: Option<Name>,
    /// `x-kubernetes-patch-merge-key`.
    pub key: Option<Name>,
}

/// What values a type admits: at most one form each of scalar, list and map.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Type {
    pub scalar: Option<Scalar>,
    pub list: Option<ListType>,
    pub map: Option<MapType>,
    pub format: Option<Format>,
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

/// A kind's group, version and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KindKey {
    pub group: Name,
    pub version: Name,
    pub kind: Name,
}

impl KindKey {
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    pub fn parts(&self) -> (&str, &str, &str) {
        (&self.group, &self.version, &self.kind)
    }

    /// Whether this is a version of a kind.
    pub fn is_of(&self, group: &str, kind: &str) -> bool {
        *self.group == *group && *self.kind == *kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kind {
    pub root: TypeId,
    /// None for kinds that only stand at subresources, such as Scale.
    pub scope: Option<Scope>,
    /// Whether it has a status subresource.
    pub status: bool,
    /// Whether it is defined by a CustomResourceDefinition.
    pub custom: bool,
    /// Whether this version is the one objects are stored in, where a definition says so.
    pub stored: bool,
}

/// Kinds and the types they need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    /// In the order of their keys.
    pub kinds: Vec<(KindKey, Kind)>,
    pub types: Vec<Type>,
}

impl Layer {
    pub fn get(&self, id: TypeId) -> Option<&Type> {
        self.types.get(usize::try_from(id).ok()?)
    }

    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&Kind> {
        let wanted = (group, version, kind);
        let place = self.kinds.binary_search_by(|(key, _)| key.parts().cmp(&wanted)).ok()?;
        self.kinds.get(place).map(|(_, kind)| kind)
    }

    /// Make a kind known.
    pub fn put(&mut self, key: KindKey, kind: Kind) {
        match self.kinds.binary_search_by(|(own, _)| own.cmp(&key)) {
            Ok(place) => {
                if let Some((_, own)) = self.kinds.get_mut(place) {
                    *own = kind;
                }
            }
            Err(place) => self.kinds.insert(place, (key, kind)),
        }
    }

    /// The types every layer starts with (structured-merge-diff's `__untyped_deduced_` and
    /// `__untyped_atomic_`).
    pub fn empty() -> Self {
        let any = |element, atomic| Type {
            scalar: Some(Scalar::Any),
            list: Some(ListType { element: UNTYPED, entries: Entries::Atomic }),
            map: Some(MapType { fields: Fields::default(), element: Some(element), atomic }),
            format: None,
            nullable: true,
        };
        Self { kinds: Vec::new(), types: vec![any(DEDUCED, false), any(UNTYPED, true)] }
    }

    /// Drop the types that no kind leads to, and number the rest anew.
    pub fn keep_reachable(&mut self) {
        let mut numbers: Vec<Option<TypeId>> = vec![None; self.types.len()];
        let mut order = vec![DEDUCED, UNTYPED];
        order.extend(self.kinds.iter().map(|(_, kind)| kind.root));
        let mut kept = Vec::new();
        let mut next = 0;
        while let Some(id) = order.get(next).copied() {
            next += 1;
            let place = usize::try_from(id).unwrap_or(usize::MAX);
            let (Some(number), Some(own)) = (numbers.get_mut(place), self.types.get(place)) else {
                continue;
            };
            if number.is_some() {
                continue;
            }
            *number = TypeId::try_from(kept.len()).ok();
            order.extend(own.list.iter().map(|list| list.element));
            if let Some(map) = &own.map {
                order.extend(map.element);
                order.extend(map.fields.iter().map(|(_, field)| field.kind));
            }
            kept.push(own.clone());
        }
        let renumber = |id: &mut TypeId| {
            let number = usize::try_from(*id).ok().and_then(|place| numbers.get(place).copied());
            *id = number.flatten().unwrap_or(DEDUCED);
        };
        for own in &mut kept {
            own.list.iter_mut().for_each(|list| renumber(&mut list.element));
            if let Some(map) = &mut own.map {
                map.element.iter_mut().for_each(renumber);
                map.fields.iter_mut().for_each(|field| renumber(&mut field.kind));
            }
        }
        self.kinds.iter_mut().for_each(|(_, kind)| renumber(&mut kind.root));
        self.types = kept;
    }
}
