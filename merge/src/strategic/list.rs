//! Lists under a strategic merge patch: merged by key, merged as sets, or replaced; and in which order
//! their entries end up (`mergeSlice`, `normalizeElementOrder`, `mergePatchIntoOriginal`).

use serde_json::Value;

use super::{
    DELETE_SCALARS, Fields, PATCH, PatchError, SET_ORDER, merge_map, plain, spelled, strategies,
    unknown_directive,
};
use crate::schema::TypeRef;

/// How a list is patched.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    /// Whether entries are merged; otherwise the list is replaced.
    merges: bool,
    /// The field that tells entries apart; none in a list of scalars.
    key: Option<&'a str>,
    /// What the entries are.
    element: Option<TypeRef<'a>>,
}

impl<'a> Rule<'a> {
    pub(super) fn of(schema: Option<TypeRef<'a>>, name: &str) -> Self {
        Self {
            merges: strategies(schema, name).any(|strategy| strategy == "merge"),
            key: schema.and_then(|schema| schema.patch_merge_key(name)),
            element: schema.and_then(|schema| schema.child(name)).and_then(TypeRef::element),
        }
    }

    /// Whether two entries are the same one.
    fn same(&self, one: &Value, other: &Value) -> bool {
        match self.key {
            Some(key) => one.get(key).is_some() && one.get(key) == other.get(key),
            None => one == other,
        }
    }
}

/// The two lists merged.
pub(super) fn merge(
    original: Vec<Value>,
    patch: Vec<Value>,
    rule: Rule<'_>,
) -> Result<Value, PatchError> {
    if !rule.merges {
        return Ok(plain(Value::Array(patch)));
    }
    let before = original.clone();
    let (merged, named) = match rule.key {
        Some(key) => merge_keyed(original, patch, key, rule)?,
        None => (merge_set(original, &patch), patch),
    };
    Ok(Value::Array(arrange(merged, &named, &before, rule)))
}

fn merge_set(original: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for item in original.into_iter().chain(patch.iter().cloned()) {
        if !merged.contains(&item) {
            merged.push(item);
        }
    }
    merged
}

/// The merged entries, and the entries of the patch that are no directives.
fn merge_keyed(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    rule: Rule<'_>,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut named = Vec::new();
    let mut replace = false;
    for item in patch {
        let Some(directive) = item.get(PATCH).cloned() else {
            named.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                need_key(&item, key)?;
                original.retain(|entry| !rule.same(entry, &item));
            }
            Some("replace") => replace = true,
            Some("merge") => named.push(item),
            _ => {
                return Err(unknown_directive(
                    directive,
                    item.as_object().cloned().unwrap_or_default(),
                ));
            }
        }
    }
    if replace {
        return Ok((named.iter().cloned().map(plain).collect(), named));
    }
    for item in &named {
        need_key(item, key)?;
        let found = original.iter_mut().find(|entry| rule.same(entry, item));
        match (found, item) {
            (Some(Value::Object(entry)), Value::Object(item)) => {
                *entry = merge_map(std::mem::take(entry), item.clone(), rule.element)?;
            }
            _ => original.push(plain(item.clone())),
        }
    }
    Ok((original, named))
}

fn need_key(item: &Value, key: &str) -> Result<(), PatchError> {
    if item.get(key).is_some() {
        return Ok(());
    }
    let map = item.as_object().map_or_else(|| item.to_string(), spelled);
    Err(PatchError::NoMergeKey { map, key: key.to_owned() })
}

/// Entries that the patch names stand in its order, the others in theirs; where both stood in the list
/// before, that decides which comes first, and otherwise the patch's come first.
fn arrange(merged: Vec<Value>, order: &[Value], before: &[Value], rule: Rule<'_>) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| list.iter().position(|entry| rule.same(entry, item));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    // What is new stands behind what was there.
    others.sort_by_key(|item| place(before, item).unwrap_or(usize::MAX));
    let mut arranged = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (Some(other), Some(name)) => match (place(before, other), place(before, name)) {
                (Some(other), Some(name)) => other < name,
                _ => false,
            },
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return arranged,
        };
        arranged.extend(if other_first { others.next() } else { named.next() });
    }
}

/// Lists whose order the patch states: merged, and brought into it.
pub(super) fn ordered(
    original: &mut Fields,
    patch: &mut Fields,
    schema: Option<TypeRef<'_>>,
) -> Result<(), PatchError> {
    let names: Vec<String> =
        patch.keys().filter_map(|name| name.strip_prefix(SET_ORDER)).map(str::to_owned).collect();
    for name in names {
        let directive = format!("{SET_ORDER}{name}");
        let bad = |problem| PatchError::BadDirective { directive: directive.clone(), problem };
        let Some(Value::Array(order)) = patch.remove(&directive) else {
            return Err(bad("it must be a list"));
        };
        let rule = Rule::of(schema, &name);
        let entries = match patch.remove(&name) {
            None => None,
            Some(Value::Array(entries)) => Some(entries),
            Some(other) => {
                // Nothing to order; the value is taken as any other.
                patch.insert(name, other);
                continue;
            }
        };
        let listed = |entry: &Value| {
            entry.get(PATCH).is_some() || order.iter().any(|item| rule.same(item, entry))
        };
        if entries.iter().flatten().any(|entry| !listed(entry)) {
            return Err(bad("an entry of the patch is not among the ordered"));
        }
        let (merged, before) = match (original.remove(&name), entries) {
            (Some(Value::Array(before)), Some(entries)) => {
                (merge(before.clone(), entries, rule)?, before)
            }
            (Some(Value::Array(before)), None) => (Value::Array(before.clone()), before),
            (_, Some(entries)) => (plain(Value::Array(entries)), Vec::new()),
            (Some(other), None) => {
                original.insert(name, other);
                continue;
            }
            (None, None) => continue,
        };
        if let Value::Array(merged) = merged {
            original.insert(name, Value::Array(arrange(merged, &order, &before, rule)));
        }
    }
    Ok(())
}

/// `$deleteFromPrimitiveList/<list>`.
pub(super) fn delete_scalars(
    original: &mut Fields,
    name: &str,
    gone: &Value,
) -> Result<(), PatchError> {
    let Value::Array(gone) = gone else {
        let directive = format!("{DELETE_SCALARS}{name}");
        return Err(PatchError::BadDirective { directive, problem: "it must be a list" });
    };
    if let Some(Value::Array(items)) = original.get_mut(name) {
        items.retain(|item| !gone.contains(item));
    }
    Ok(())
}
