//! Entries of lists told apart without making segments of their keys.

use std::cmp::Ordering;

use serde_json::Value;

use crate::path::compare_values;
use crate::schema::{Entries, ListType, TypeRef};

/// Whether two entries of a list are the same entry. Entries that cannot be told apart are not.
pub(super) fn is_same_entry(at: TypeRef<'_>, list: &ListType, one: &Value, two: &Value) -> bool {
    compare_entries(at, list, one, two) == Some(Ordering::Equal)
}

/// The order of two entries by what tells them apart; `None` if nothing does.
pub(super) fn compare_entries(
    at: TypeRef<'_>,
    list: &ListType,
    one: &Value,
    two: &Value,
) -> Option<Ordering> {
    match &list.entries {
        Entries::Atomic => None,
        Entries::Set => {
            let scalar =
                |value: &Value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
            (scalar(one) && scalar(two)).then(|| compare_values(one, two))
        }
        Entries::Keyed(keys) => {
            let (one, two) = (one.as_object()?, two.as_object()?);
            for name in keys {
                let default = || at.element().and_then(|element| element.default_of(name));
                let mine = one.get(name).or_else(default)?;
                let theirs = two.get(name).or_else(default)?;
                let order = compare_values(mine, theirs);
                if order.is_ne() {
                    return Some(order);
                }
            }
            Some(Ordering::Equal)
        }
    }
}

/// Whether two lists have the same entries in the same order.
pub(super) fn are_aligned(at: TypeRef<'_>, list: &ListType, one: &[Value], two: &[Value]) -> bool {
    one.len() == two.len()
        && one.iter().zip(two).all(|(mine, theirs)| is_same_entry(at, list, mine, theirs))
}

/// Whether every entry of a list can be told from every other.
pub(super) fn all_differ(at: TypeRef<'_>, list: &ListType, items: &[Value]) -> bool {
    /// Up to here comparing all with all is quicker than sorting.
    const FEW: usize = 12;
    if let [only] = items {
        return is_same_entry(at, list, only, only);
    }
    let differ =
        |one: &Value, two: &Value| compare_entries(at, list, one, two).is_some_and(Ordering::is_ne);
    if items.len() <= FEW {
        return items
            .iter()
            .enumerate()
            .all(|(place, one)| items.iter().skip(place + 1).all(|two| differ(one, two)));
    }
    let mut sorted: Vec<&Value> = items.iter().collect();
    sorted.sort_by(|one, two| compare_entries(at, list, one, two).unwrap_or(Ordering::Equal));
    sorted.iter().zip(sorted.iter().skip(1)).all(|(one, two)| differ(one, two))
}
