//! Sets of fields: what a manager owns, what a comparison found, what is to be removed.
//!
//! A set is a tree of segments. A node is a *member* when the field itself is in the set; what lies
//! below it is in the set only where its own nodes say so. [`FieldSet::from_v1`] and
//! [`FieldSet::to_v1`] read and write the `fieldsV1` of managedFields. The algebra is that of
//! structured-merge-diff's `fieldpath.Set`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::class::ErrorClass;
use crate::path::{Path, Segment};

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<Segment, Node>,
}

/// A segment's place in a set; never without a member and without children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    children: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

/// A `fieldsV1` that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A level that is no map.
    #[error("fieldsV1 holds {0} where a map of fields is expected")]
    NotAMap(String),
    /// A key that starts with none of `f:`, `k:`, `v:`, `i:`.
    #[error("fieldsV1 has the key `{0}`: `f:`, `k:`, `v:`, `i:` or `.` is expected")]
    UnknownKey(String),
    /// A key whose value part cannot be read.
    #[error("fieldsV1 has the key `{0}`, whose value cannot be read")]
    BadKey(String),
}

impl FieldsError {
    /// The kind of this failure.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::User
    }
}

impl FieldSet {
    /// A set with nothing in it.
    pub const fn new() -> Self {
        Self { nodes: BTreeMap::new() }
    }

    /// The set of these paths.
    pub fn of(paths: impl IntoIterator<Item = Path>) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(path.segments());
        }
        set
    }

    /// Read a `fieldsV1`.
    pub fn from_v1(fields: &Value) -> Result<Self, FieldsError> {
        let Some(map) = fields.as_object() else {
            return Err(FieldsError::NotAMap(fields.to_string()));
        };
        let mut set = Self::new();
        for (key, below) in map {
            if key == "." {
                continue;
            }
            let segment = read_segment(key)?;
            let Some(inner) = below.as_object() else {
                return Err(FieldsError::NotAMap(below.to_string()));
            };
            let children = Self::from_v1(below)?;
            let member = inner.is_empty() || inner.contains_key(".");
            if member || !children.is_empty() {
                set.nodes.insert(segment, Node { member, children });
            }
        }
        Ok(set)
    }

    /// Written as a `fieldsV1`.
    pub fn to_v1(&self) -> Value {
        let mut map = Map::new();
        for (segment, node) in &self.nodes {
            let mut below = node.children.to_v1();
            if node.member
                && !node.children.is_empty()
                && let Some(fields) = below.as_object_mut()
            {
                fields.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(write_segment(segment), below);
        }
        Value::Object(map)
    }

    /// Put one field into the set. The root itself cannot be a member.
    pub fn insert(&mut self, path: &[Segment]) {
        if let Some((first, rest)) = path.split_first() {
            let node = self.nodes.entry(first.clone()).or_default();
            if rest.is_empty() {
                node.member = true;
            } else {
                node.children.insert(rest);
            }
        }
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many fields are in the set.
    pub fn len(&self) -> usize {
        self.nodes.values().map(|node| usize::from(node.member) + node.children.len()).sum()
    }

    /// Whether this very field is in the set.
    pub fn contains(&self, path: &Path) -> bool {
        self.contains_segments(path.segments())
    }

    fn contains_segments(&self, path: &[Segment]) -> bool {
        match path.split_first() {
            None => false,
            Some((first, [])) => self.has_member(first),
            Some((first, rest)) => {
                self.nodes.get(first).is_some_and(|node| node.children.contains_segments(rest))
            }
        }
    }

    /// Whether this field, or anything under it, is in the set.
    pub fn touches(&self, path: &Path) -> bool {
        let mut here = self;
        for segment in path.segments() {
            match here.nodes.get(segment) {
                Some(node) => here = &node.children,
                None => return false,
            }
        }
        true
    }

    /// Whether the field right below the root with this segment is in the set.
    pub fn has_member(&self, segment: &Segment) -> bool {
        self.nodes.get(segment).is_some_and(|node| node.member)
    }

    /// What the set holds below a segment; `None` if nothing.
    pub fn below(&self, segment: &Segment) -> Option<&Self> {
        self.nodes.get(segment).map(|node| &node.children).filter(|children| !children.is_empty())
    }

    /// What the set holds below a path.
    pub fn at(&self, path: &[Segment]) -> Option<&Self> {
        path.iter().try_fold(self, |set, segment| set.nodes.get(segment).map(|node| &node.children))
    }

    /// The segments right below the root, whether each is a member, and what lies below it.
    pub fn entries(&self) -> impl Iterator<Item = (&Segment, bool, &Self)> {
        self.nodes.iter().map(|(segment, node)| (segment, node.member, &node.children))
    }

    pub(crate) fn put(&mut self, segment: Segment, member: bool, children: Self) {
        let node = Node { member, children };
        if !node.is_empty() {
            self.nodes.insert(segment, node);
        }
    }

    /// Every field in the set, in the server's order: at each level the members first, then what
    /// lies below.
    pub fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<Segment>, out: &mut Vec<Path>) {
        for (segment, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            prefix.push(segment.clone());
            out.push(Path(prefix.clone()));
            prefix.pop();
        }
        for (segment, node) in &self.nodes {
            prefix.push(segment.clone());
            node.children.collect(prefix, out);
            prefix.pop();
        }
    }

    /// The fields that have no other field of the set below them.
    pub fn leaves(&self) -> Vec<Path> {
        self.leaf_set().paths()
    }

    /// The set without the fields that have others below them.
    #[must_use]
    pub fn leaf_set(&self) -> Self {
        let mut out = Self::new();
        for (segment, node) in &self.nodes {
            let children = node.children.leaf_set();
            out.put(segment.clone(), node.member && node.children.is_empty(), children);
        }
        out
    }

    /// Fields in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (segment, node) in &other.nodes {
            let mine = out.nodes.entry(segment.clone()).or_default();
            mine.member |= node.member;
            mine.children = mine.children.union(&node.children);
        }
        out
    }

    /// Fields in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (segment, node) in &self.nodes {
            if let Some(theirs) = other.nodes.get(segment) {
                let children = node.children.intersection(&theirs.children);
                out.put(segment.clone(), node.member && theirs.member, children);
            }
        }
        out
    }

    /// Fields of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (segment, node) in &self.nodes {
            match other.nodes.get(segment) {
                None => out.put(segment.clone(), node.member, node.children.clone()),
                Some(theirs) => {
                    let children = node.children.difference(&theirs.children);
                    out.put(segment.clone(), node.member && !theirs.member, children);
                }
            }
        }
        out
    }

    /// Fields of this set that are neither in the other nor below a field of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (segment, node) in &self.nodes {
            match other.nodes.get(segment) {
                None => out.put(segment.clone(), node.member, node.children.clone()),
                Some(theirs) if theirs.member => {}
                Some(theirs) => {
                    let children = node.children.recursive_difference(&theirs.children);
                    out.put(segment.clone(), node.member, children);
                }
            }
        }
        out
    }
}

fn read_segment(key: &str) -> Result<Segment, FieldsError> {
    let bad = || FieldsError::BadKey(key.to_owned());
    match key.split_once(':') {
        Some(("f", name)) => Ok(Segment::field(name)),
        Some(("v", text)) => Ok(Segment::Value(serde_json::from_str(text).map_err(|_| bad())?)),
        Some(("i", text)) => Ok(Segment::Index(text.parse().map_err(|_| bad())?)),
        Some(("k", text)) => Ok(Segment::Key(serde_json::from_str(text).map_err(|_| bad())?)),
        _ => Err(FieldsError::UnknownKey(key.to_owned())),
    }
}

fn write_segment(segment: &Segment) -> String {
    match segment {
        Segment::Field(name) => format!("f:{name}"),
        Segment::Value(value) => format!("v:{value}"),
        Segment::Index(place) => format!("i:{place}"),
        Segment::Key(fields) => {
            let fields: Map<String, Value> = fields.clone().into_iter().collect();
            format!("k:{}", Value::Object(fields))
        }
    }
}

#[cfg(test)]
mod tests;
