//! One value laid over another (structured-merge-diff's `mergingWalker` with the rules of `Merge`).
//!
//! [`overlay`] does it in place and touches only what the second value states; where the lists' entries
//! are not in one order, [`merged`] makes the list anew.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::keys::is_same_entry;
use super::{Form, form, forms, segment_of};
use crate::path::Segment;
use crate::schema::{Entries, ListType, TypeRef};

/// Lay the second value over the first. Whether anything is left.
pub(crate) fn overlay(at: TypeRef<'_>, one: &mut Value, two: &Value) -> bool {
    match (form(at, forms(at, Some(two))), &mut *one, two) {
        (Form::Scalar(_), ..) => {
            if one != two {
                one.clone_from(two);
            }
            true
        }
        (Form::Map(map), Value::Object(mine), Value::Object(theirs))
            if !(map.atomic || (mine.is_empty() && theirs.is_empty())) =>
        {
            for (name, inner) in theirs {
                let Some(child) = at.child(name) else {
                    mine.remove(name);
                    continue;
                };
                let kept = match mine.get_mut(name) {
                    Some(own) => overlay(child, own, inner),
                    None => merged(child, None, Some(inner))
                        .map(|value| mine.insert(name.clone(), value))
                        .is_some(),
                };
                if !kept {
                    mine.remove(name);
                }
            }
            !mine.is_empty()
        }
        (Form::List(list), Value::Array(mine), Value::Array(theirs))
            if list.entries != Entries::Atomic && !theirs.is_empty() =>
        {
            match (at.element(), places(at, list, mine, theirs)) {
                (Some(element), Some(places)) => {
                    for (place, item) in places.into_iter().zip(theirs) {
                        if let Some(own) = mine.get_mut(place) {
                            overlay(element, own, item);
                        }
                    }
                    true
                }
                _ => replace(at, one, two),
            }
        }
        _ => replace(at, one, two),
    }
}

fn replace(at: TypeRef<'_>, one: &mut Value, two: &Value) -> bool {
    let value = merged(at, Some(one), Some(two));
    let kept = value.is_some();
    *one = value.unwrap_or(Value::Null);
    kept
}

/// Where the second list's entries stand in the first, if all are there and in the same order.
fn places(at: TypeRef<'_>, list: &ListType, one: &[Value], two: &[Value]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(two.len());
    let mut from = 0;
    for item in two {
        let rest = one.get(from..)?;
        from += rest.iter().position(|own| is_same_entry(at, list, own, item))?;
        places.push(from);
        from += 1;
    }
    Some(places)
}

/// The first value with the second laid over it.
fn merged(at: TypeRef<'_>, one: Option<&Value>, two: Option<&Value>) -> Option<Value> {
    let whole = || two.or(one).cloned();
    match form(at, forms(at, two.or(one))) {
        Form::Scalar(_) => whole(),
        Form::Map(map) => {
            let (first, second) = (fields_of(one), fields_of(two));
            if map.atomic || (first.is_empty() && second.is_empty()) {
                return whole();
            }
            merged_fields(at, first, second)
        }
        Form::List(list) => {
            let (first, second) = (items_of(one), items_of(two));
            if list.entries == Entries::Atomic || (first.is_empty() && second.is_empty()) {
                return whole();
            }
            merged_items(at, list, first, second)
        }
        Form::None => None,
    }
}

fn merged_fields(
    at: TypeRef<'_>,
    one: &Map<String, Value>,
    two: &Map<String, Value>,
) -> Option<Value> {
    let mut out = Map::new();
    let names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
    for name in names {
        if let Some(child) = at.child(name)
            && let Some(value) = merged(child, one.get(name), two.get(name))
        {
            out.insert(name.clone(), value);
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// `visitListItems`: entries of the second keep their order, and entries only the first has stay
/// where they are between those both have.
fn merged_items(at: TypeRef<'_>, list: &ListType, one: &[Value], two: &[Value]) -> Option<Value> {
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
        out.extend(merged(element, mine.copied(), theirs.copied()));
    }
    (!out.is_empty()).then_some(Value::Array(out))
}

static NO_FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The fields of a map; none if there is no value or it is no map.
pub(super) fn fields_of(value: Option<&Value>) -> &Map<String, Value> {
    value.and_then(Value::as_object).unwrap_or(&NO_FIELDS)
}

/// The items of a list; none if there is no value or it is no list.
pub(super) fn items_of(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A list's entries by what tells them apart.
pub(super) struct Indexed<'a> {
    pub order: Vec<Segment>,
    pub items: BTreeMap<Segment, &'a Value>,
}

impl<'a> Indexed<'a> {
    pub fn new(at: TypeRef<'_>, list: &ListType, items: &'a [Value]) -> Self {
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
