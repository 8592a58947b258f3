//! How one value differs from another (structured-merge-diff's `mergingWalker` with the rules of
//! `Compare`). Leaves are scalars, atomic maps and lists, and maps and lists that are empty on both
//! sides.

use serde_json::Value;

use super::keys::are_aligned;
use super::trail::Trail;
use super::walk::{Indexed, fields_of, items_of};
use super::{Form, Forms, form, forms};
use crate::fields::FieldSet;
use crate::path::compare_values;
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
        if ignored.is_empty() || self.is_same() {
            return self;
        }
        Self {
            removed: self.removed.recursive_difference(ignored),
            modified: self.modified.recursive_difference(ignored),
            added: self.added.recursive_difference(ignored),
        }
    }

    fn leaf(&mut self, trail: &Trail<'_>, one: Option<&Value>, two: Option<&Value>) {
        match (one, two) {
            (Some(one), Some(two)) => {
                if compare_values(one, two).is_ne() {
                    self.modified.insert(&trail.segments());
                }
            }
            _ => self.item(trail, one, two),
        }
    }

    fn item(&mut self, trail: &Trail<'_>, one: Option<&Value>, two: Option<&Value>) {
        match (one, two) {
            (None, Some(_)) => self.added.insert(&trail.segments()),
            (Some(_), None) => self.removed.insert(&trail.segments()),
            _ => {}
        }
    }

    fn walk(
        &mut self,
        at: TypeRef<'_>,
        one: Option<&Value>,
        two: Option<&Value>,
        trail: &Trail<'_>,
    ) {
        let (first, second) = (forms(at, one), forms(at, two));
        let is_leaf = if two.is_none() {
            self.handle(at, first, one, two, trail)
        } else {
            if one.is_some() && first != second {
                // The form changed: what the old form loses is noted before the new one is taken.
                self.handle(at, first, one, two, trail);
            }
            self.handle(at, second, one, two, trail)
        };
        if !is_leaf {
            self.item(trail, one, two);
        }
    }

    /// Whether the place is a leaf.
    fn handle(
        &mut self,
        at: TypeRef<'_>,
        forms: Forms,
        one: Option<&Value>,
        two: Option<&Value>,
        trail: &Trail<'_>,
    ) -> bool {
        match form(at, forms) {
            Form::Scalar(_) => self.leaf(trail, one, two),
            Form::Map(map) => {
                let (first, second) = (fields_of(one), fields_of(two));
                if map.atomic || (first.is_empty() && second.is_empty()) {
                    self.leaf(trail, one, two);
                } else {
                    self.fields(at, one, two, trail);
                    return false;
                }
            }
            Form::List(list) => {
                let (first, second) = (items_of(one), items_of(two));
                if list.entries == Entries::Atomic || (first.is_empty() && second.is_empty()) {
                    self.leaf(trail, one, two);
                } else {
                    self.items(at, list, first, second, trail);
                    return false;
                }
            }
            Form::None => return false,
        }
        true
    }

    fn fields(
        &mut self,
        at: TypeRef<'_>,
        one: Option<&Value>,
        two: Option<&Value>,
        trail: &Trail<'_>,
    ) {
        let (one, two) = (fields_of(one), fields_of(two));
        let mut visit = |name: &str, mine: Option<&Value>, theirs: Option<&Value>| {
            let is_bookkeeping = name == "managedFields" && trail.is_field_of_root("metadata");
            if !is_same_scalar(mine, theirs)
                && !is_bookkeeping
                && let Some(child) = at.child(name)
            {
                self.walk(child, mine, theirs, &trail.field(name));
            }
        };
        // Maps are sorted by key: they are walked side by side.
        let (mut left, mut right) = (one.iter().peekable(), two.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((mine, _)), Some((theirs, _))) => mine.cmp(theirs),
            };
            let mine = if order.is_le() { left.next() } else { None };
            let theirs = if order.is_ge() { right.next() } else { None };
            if let Some((name, _)) = mine.or(theirs) {
                visit(name, mine.map(|(_, value)| value), theirs.map(|(_, value)| value));
            }
        }
    }

    fn items(
        &mut self,
        at: TypeRef<'_>,
        list: &ListType,
        one: &[Value],
        two: &[Value],
        trail: &Trail<'_>,
    ) {
        let Some(element) = at.element() else {
            return;
        };
        if are_aligned(at, list, one, two) {
            for (mine, theirs) in one.iter().zip(two) {
                self.walk(element, Some(mine), Some(theirs), &trail.entry(at, list, mine));
            }
            return;
        }
        let (first, second) = (Indexed::new(at, list, one), Indexed::new(at, list, two));
        let only_second = second.order.iter().filter(|entry| !first.items.contains_key(*entry));
        for segment in first.order.iter().chain(only_second) {
            let (mine, theirs) = (first.items.get(segment), second.items.get(segment));
            self.walk(element, mine.copied(), theirs.copied(), &trail.segment(segment));
        }
    }
}

fn is_same_scalar(one: Option<&Value>, two: Option<&Value>) -> bool {
    match (one, two) {
        (Some(Value::String(one)), Some(Value::String(two))) => one == two,
        (Some(Value::Number(one)), Some(Value::Number(two))) => one == two,
        (Some(Value::Bool(one)), Some(Value::Bool(two))) => one == two,
        _ => false,
    }
}

/// How the second value differs from the first. managedFields are not compared: nobody owns them.
pub(crate) fn compare(at: TypeRef<'_>, one: &Value, two: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    comparison.walk(at, Some(one), Some(two), &Trail::ROOT);
    comparison
}
