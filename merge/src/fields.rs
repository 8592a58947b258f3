//! Sets of fields: what a manager owns, what a comparison found, what is to be removed.
//!
//! A set is a tree of segments. A node is a *member* when the field itself is in the set; what lies
//! below it is in the set only where its own nodes say so. [`FieldSet::from_v1`] and
//! [`FieldSet::to_v1`] read and write the `fieldsV1` of managedFields. The algebra is that of
//! structured-merge-diff's `fieldpath.Set`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::class::ErrorClass;
use crate::path::{Path, Segment};

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// In the order of segments, each once.
    nodes: Vec<(Segment, Node)>,
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
        Self { nodes: Vec::new() }
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
        let mut nodes = Vec::with_capacity(map.len());
        for (key, below) in map {
            if key == "." {
                continue;
            }
            let segment = read_segment(key)?;
            let Some(inner) = below.as_object() else {
                return Err(FieldsError::NotAMap(below.to_string()));
            };
            let children = if inner.is_empty() { Self::new() } else { Self::from_v1(below)? };
            let member = inner.is_empty() || inner.contains_key(".");
            if member || !children.is_empty() {
                nodes.push((segment, Node { member, children }));
            }
        }
        Ok(Self::sorted(nodes))
    }

    /// The set of these nodes, in whatever order they come. Of two with one segment the later counts.
    fn sorted(mut nodes: Vec<(Segment, Node)>) -> Self {
        if !nodes.is_sorted_by(|(one, _), (two, _)| one < two) {
            nodes.reverse();
            nodes.sort_by(|(one, _), (two, _)| one.cmp(two));
            nodes.dedup_by(|(one, _), (two, _)| one == two);
        }
        Self { nodes }
    }

    fn place(&self, segment: &Segment) -> Result<usize, usize> {
        self.nodes.binary_search_by(|(own, _)| own.cmp(segment))
    }

    fn get(&self, segment: &Segment) -> Option<&Node> {
        self.place(segment).ok().and_then(|place| self.nodes.get(place)).map(|(_, node)| node)
    }

    /// What the set says of a field right below the root, by its name: whether it is a member, and
    /// what lies below it.
    pub(crate) fn field(&self, name: &str) -> Option<(bool, &Self)> {
        let by_name = |(own, _): &(Segment, Node)| match own {
            Segment::Field(own) => own.as_str().cmp(name),
            _ => Ordering::Greater,
        };
        let place = self.nodes.binary_search_by(by_name).ok()?;
        self.nodes.get(place).map(|(_, node)| (node.member, &node.children))
    }

    /// Written as a `fieldsV1`.
    pub fn to_v1(&self) -> Value {
        Value::Object(self.to_map(false))
    }

    fn to_map(&self, member: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if member && !self.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (segment, node) in &self.nodes {
            map.insert(write_segment(segment), Value::Object(node.children.to_map(node.member)));
        }
        map
    }

    /// Put one field into the set. The root itself cannot be a member.
    pub fn insert(&mut self, path: &[Segment]) {
        if let Some((first, rest)) = path.split_first() {
            let place = self.place(first).unwrap_or_else(|place| {
                self.nodes.insert(place, (first.clone(), Node::default()));
                place
            });
            if let Some((_, node)) = self.nodes.get_mut(place) {
                if rest.is_empty() {
                    node.member = true;
                } else {
                    node.children.insert(rest);
                }
            }
        }
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many fields are in the set.
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|(_, node)| usize::from(node.member) + node.children.len()).sum()
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
                self.get(first).is_some_and(|node| node.children.contains_segments(rest))
            }
        }
    }

    /// Whether this field, or anything under it, is in the set.
    pub fn touches(&self, path: &Path) -> bool {
        let mut here = self;
        for segment in path.segments() {
            match here.get(segment) {
                Some(node) => here = &node.children,
                None => return false,
            }
        }
        true
    }

    /// Whether the field right below the root with this segment is in the set.
    pub fn has_member(&self, segment: &Segment) -> bool {
        self.get(segment).is_some_and(|node| node.member)
    }

    /// What the set holds below a segment; `None` if nothing.
    pub fn below(&self, segment: &Segment) -> Option<&Self> {
        self.get(segment).map(|node| &node.children).filter(|children| !children.is_empty())
    }

    /// What the set holds below a path.
    pub fn at(&self, path: &[Segment]) -> Option<&Self> {
        path.iter().try_fold(self, |set, segment| set.get(segment).map(|node| &node.children))
    }

    /// The segments right below the root, whether each is a member, and what lies below it.
    pub fn entries(&self) -> impl Iterator<Item = (&Segment, bool, &Self)> {
        self.nodes.iter().map(|(segment, node)| (segment, node.member, &node.children))
    }

    /// Put a node with what lies below it into the set, where it is not yet. Cheap in order.
    pub(crate) fn put(&mut self, segment: Segment, member: bool, children: Self) {
        let node = Node { member, children };
        if node.is_empty() {
            return;
        }
        if self.nodes.last().is_none_or(|(last, _)| *last < segment) {
            self.nodes.push((segment, node));
            return;
        }
        match self.place(&segment) {
            Ok(place) => {
                if let Some((_, own)) = self.nodes.get_mut(place) {
                    *own = node;
                }
            }
            Err(place) => self.nodes.insert(place, (segment, node)),
        }
    }

    /// Walks two sets side by side.
    fn pairs<'a>(
        &'a self,
        other: &'a Self,
        mut visit: impl FnMut(&'a Segment, Option<&'a Node>, Option<&'a Node>),
    ) {
        let (mut mine, mut theirs) = (self.nodes.iter().peekable(), other.nodes.iter().peekable());
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((two, _))) => one.cmp(two),
            };
            let one = if order.is_le() { mine.next() } else { None };
            let two = if order.is_ge() { theirs.next() } else { None };
            if let Some((segment, _)) = one.or(two) {
                visit(segment, one.map(|(_, node)| node), two.map(|(_, node)| node));
            }
        }
    }

    /// Whether every field of this set is in the other.
    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.nodes.len() <= other.nodes.len()
            && self.nodes.iter().all(|(segment, node)| {
                other.get(segment).is_some_and(|theirs| {
                    (!node.member || theirs.member) && node.children.is_subset(&theirs.children)
                })
            })
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
        if other.is_empty() {
            return self.clone();
        }
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        self.pairs(other, |segment, mine, theirs| {
            let node = match (mine, theirs) {
                (Some(mine), Some(theirs)) => Node {
                    member: mine.member || theirs.member,
                    children: mine.children.union(&theirs.children),
                },
                (Some(only), None) | (None, Some(only)) => only.clone(),
                (None, None) => return,
            };
            nodes.push((segment.clone(), node));
        });
        Self { nodes }
    }

    /// Fields in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::new();
        if self.is_empty() || other.is_empty() {
            return out;
        }
        self.pairs(other, |segment, mine, theirs| {
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                let children = mine.children.intersection(&theirs.children);
                out.push(segment, mine.member && theirs.member, children);
            }
        });
        out
    }

    /// Fields of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut out = Self::new();
        self.pairs(other, |segment, mine, theirs| match (mine, theirs) {
            (Some(mine), None) => out.nodes.push((segment.clone(), mine.clone())),
            (Some(mine), Some(theirs)) => {
                let children = mine.children.difference(&theirs.children);
                out.push(segment, mine.member && !theirs.member, children);
            }
            _ => {}
        });
        out
    }

    /// Fields of this set that are neither in the other nor below a field of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut out = Self::new();
        self.pairs(other, |segment, mine, theirs| match (mine, theirs) {
            (Some(mine), None) => out.nodes.push((segment.clone(), mine.clone())),
            (Some(mine), Some(theirs)) if !theirs.member => {
                let children = mine.children.recursive_difference(&theirs.children);
                out.push(segment, mine.member, children);
            }
            _ => {}
        });
        out
    }

    /// Append a node that comes after all others, unless it says nothing.
    fn push(&mut self, segment: &Segment, member: bool, children: Self) {
        if member || !children.is_empty() {
            self.nodes.push((segment.clone(), Node { member, children }));
        }
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
        Segment::Field(name) => {
            let mut key = String::with_capacity(name.len() + 2);
            key.push_str("f:");
            key.push_str(name);
            key
        }
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
