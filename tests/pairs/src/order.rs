//! The same object with the entries of its keyed lists and sets in reverse order.

use merge::GroupVersionKind;
use merge::schema::{Entries, Schemas, TypeRef};
use serde_json::Value;

/// Reverses every list whose order means nothing. `None` where two entries of a list have one key:
/// then the order says which of them counts.
pub fn reversed(schemas: &Schemas, object: &Value) -> Option<Value> {
    let root = GroupVersionKind::of(object).and_then(|gvk| schemas.root(&gvk));
    let mut turned = object.clone();
    turn(root, &mut turned).then_some(turned)
}

fn turn(kind: Option<TypeRef<'_>>, value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .all(|(name, value)| turn(kind.and_then(|kind| kind.child(name)), value)),
        Value::Array(items) => {
            let element = kind.and_then(TypeRef::element);
            if !items.iter_mut().all(|item| turn(element, item)) {
                return false;
            }
            let names: Vec<String> = match kind.and_then(TypeRef::entries) {
                Some(Entries::Keyed(keys)) => items
                    .iter()
                    .map(|item| {
                        let default = |key: &str| element.and_then(|it| it.default_of(key));
                        let parts = keys.iter().map(|key| item.get(key).or_else(|| default(key)));
                        format!("{:?}", parts.collect::<Vec<_>>())
                    })
                    .collect(),
                Some(Entries::Set) => items.iter().map(Value::to_string).collect(),
                Some(Entries::Atomic) | None => return true,
            };
            let mut sorted = names.clone();
            sorted.sort_unstable();
            sorted.dedup();
            items.reverse();
            sorted.len() == names.len()
        }
        _ => true,
    }
}
