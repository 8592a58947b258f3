//! Two values walked side by side: merged, or compared (structured-merge-diff's `mergingWalker`).
//!
//! Leaves are scalars, atomic maps and lists, and maps and lists that are empty on both sides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Form, Forms, form, forms, segment_of};
use crate::fields::FieldSet;
use crate::path::{Segment, compare_values};
use crate::schema::{Entries, ListType, TypeRef};

/// What differs between two values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub removed: FieldSet,
    pub modified: FieldSet,
    pub added: FieldSet,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Without some fields and all below them.
    pub fn without(self, ignored: &FieldSet) -> Self {
        if ignored.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            added: self.added.recursive_difference(ignored),
        }
    }
}

/// What is done on the way.
trait Visit {
    /// At a leaf; what comes of it.
    fn leaf(&mut self, path: &[Segment], one: Option<&Value>, two: Option<&Value>)
    -> Option<Value>;
    /// After all else that is no leaf.
    fn item(&mut self, path: &[Segment], one: Option<&Value>, two: Option<&Value>);
}

struct KeepSecond;

impl Visit for KeepSecond {
    fn leaf(&mut self, _: &[Segment], one: Option<&Value>, two: Option<&Value>) -> Option<Value> {
        two.or(one).cloned()
    }

    fn item(&mut self, _: &[Segment], _: Option<&Value>, _: Option<&Value>) {}
}

impl Visit for Comparison {
    fn leaf(
        &mut self,
        path: &[Segment],
        one: Option<&Value>,
        two: Option<&Value>,
    ) -> Option<Value> {
        match (one, two) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (Some(one), Some(two)) if compare_values(one, two).is_ne() => {
                self.modified.insert(path);
            }
            _ => {}
        }
        None
    }

    fn item(&mut self, path: &[Segment], one: Option<&Value>, two: Option<&Value>) {
        match (one, two) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            _ => {}
        }
    }
}

/// The first value with the second laid over it.
pub(crate) fn merge(at: TypeRef<'_>, one: &Value, two: &Value) -> Value {
    let mut walker = Walker { visit: KeepSecond, path: Vec::new() };
    walker.walk(at, Some(one), Some(two)).unwrap_or(Value::Null)
}

/// How the second value differs from the first.
pub(crate) fn compare(at: TypeRef<'_>, one: &Value, two: &Value) -> Comparison {
    let mut walker = Walker { visit: Comparison::default(), path: Vec::new() };
    walker.walk(at, Some(one), Some(two));
    walker.visit
}

struct Walker<V> {
    visit: V,
    path: Vec<Segment>,
}

/// What came of a place, and whether it was a leaf.
struct Outcome {
    value: Option<Value>,
    leaf: bool,
}

impl<V: Visit> Walker<V> {
    fn walk(&mut self, at: TypeRef<'_>, one: Option<&Value>, two: Option<&Value>) -> Option<Value> {
        let (first, second) = (forms(at, one), forms(at, two));
        let outcome = if two.is_none() {
            self.handle(at, first, one, two)
        } else {
            if one.is_some() && first != second {
                // The form changed: what the old form loses is noted before the new one is taken.
                self.handle(at, first, one, two);
            }
            self.handle(at, second, one, two)
        };
        if !outcome.leaf {
            self.visit.item(&self.path, one, two);
        }
        outcome.value
    }

    fn leaf(&mut self, one: Option<&Value>, two: Option<&Value>) -> Outcome {
        Outcome { value: self.visit.leaf(&self.path, one, two), leaf: true }
    }

    fn handle(
        &mut self,
        at: TypeRef<'_>,
        forms: Forms,
        one: Option<&Value>,
        two: Option<&Value>,
    ) -> Outcome {
        match form(at, forms) {
            Form::Scalar(_) => self.leaf(one, two),
            Form::Map(map) => {
                let (first, second) = (fields_of(one), fields_of(two));
                if map.atomic || (first.is_empty() && second.is_empty()) {
                    return self.leaf(one, two);
                }
                Outcome { value: self.fields(at, first, second), leaf: false }
            }
            Form::List(list) => {
                let (first, second) = (items_of(one), items_of(two));
                if list.entries == Entries::Atomic || (first.is_empty() && second.is_empty()) {
                    return self.leaf(one, two);
                }
                Outcome { value: self.items(at, list, first, second), leaf: false }
            }
            Form::None => Outcome { value: None, leaf: false },
        }
    }

    fn fields(
        &mut self,
        at: TypeRef<'_>,
        one: &Map<String, Value>,
        two: &Map<String, Value>,
    ) -> Option<Value> {
        let mut out = Map::new();
        let names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
        for name in names {
            let Some(child) = at.child(name) else {
                continue;
            };
            self.path.push(Segment::field(name));
            if let Some(value) = self.walk(child, one.get(name), two.get(name)) {
                out.insert(name.clone(), value);
            }
            self.path.pop();
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }

    /// `visitListItems`: entries of the second keep their order, and entries only the first has stay
    /// where they are between those both have.
    fn items(
        &mut self,
        at: TypeRef<'_>,
        list: &ListType,
        one: &[Value],
        two: &[Value],
    ) -> Option<Value> {
        let element = at.element()?;
        let first = Indexed::new(at, list, one);
        let second = Indexed::new(at, list, two);
        let mut shared =
            second.order.iter().filter(|segment| first.items.contains_key(*segment)).peekable();
        let mut out = Vec::new();
        let (mut left, mut right) = (first.order.iter().peekable(), second.order.iter().peekable());
        loop {
            let segment = match (left.peek().copied(), right.peek().copied()) {
                (None, None) => break,
                (Some(mine), Some(theirs)) if mine == theirs => {
                    left.next();
                    right.next();
                    shared.next();
                    mine
                }
                (Some(mine), Some(_))
                    if second.items.contains_key(mine)
                        && shared.peek().is_some_and(|next| *next != mine) =>
                {
                    left.next();
                    continue;
                }
                (Some(mine), _) if !second.items.contains_key(mine) => {
                    left.next();
                    mine
                }
                (_, Some(theirs)) => {
                    right.next();
                    if shared.peek().is_some_and(|next| *next == theirs) {
                        shared.next();
                    }
                    theirs
                }
                (Some(_), None) => {
                    left.next();
                    continue;
                }
            };
            let (mine, theirs) = (first.items.get(segment), second.items.get(segment));
            self.path.push(segment.clone());
            out.extend(self.walk(element, mine.copied(), theirs.copied()));
            self.path.pop();
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }
}

static NO_FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The fields of a map; none if there is no value or it is no map.
fn fields_of(value: Option<&Value>) -> &Map<String, Value> {
    value.and_then(Value::as_object).unwrap_or(&NO_FIELDS)
}

/// The items of a list; none if there is no value or it is no list.
fn items_of(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A list's entries by what tells them apart.
struct Indexed<'a> {
    order: Vec<Segment>,
    items: BTreeMap<Segment, &'a Value>,
}

impl<'a> Indexed<'a> {
    fn new(at: TypeRef<'_>, list: &ListType, items: &'a [Value]) -> Self {
        let mut indexed = Self { order: Vec::new(), items: BTreeMap::new() };
        for item in items {
            if let Ok(segment) = segment_of(at, list, item)
                && indexed.items.insert(segment.clone(), item).is_none()
            {
                indexed.order.push(segment);
            }
        }
        indexed
    }
}
