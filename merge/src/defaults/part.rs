//! What a server makes of one part of an object, the rest being as it is stored.
//!
//! It is [`fill`](super::fill) for the part alone. What stands above it is taken to be stored already,
//! so the functions of its types have nothing to add; only one of them reaches into a part that is
//! replaced as a whole, `SetDefaults_StatefulSet`.

use serde_json::{Map, Value};

use super::{storage, walk_value};
use crate::builtin::{self, Shape, Struct, respell};

/// A step on the way to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A field of a struct or a key of a map.
    Field(&'a str),
    /// An entry of a list.
    Entry,
}

/// What is stored of a value at a field of an object, which may be nothing. `kind_of` is any object of
/// the kind. `None` if the field is not one of a built-in kind.
pub fn part(
    kind_of: &Map<String, Value>,
    way: &[Step<'_>],
    name: &str,
    value: &Value,
) -> Option<Option<Value>> {
    let root = builtin::type_of_fields(kind_of)?;
    let mut above = Above::Struct(root);
    for step in way {
        above = above.at(*step)?;
    }
    let mut fields = Map::from_iter([(name.to_owned(), value.clone())]);
    match above {
        Above::Struct(kind) => {
            let shape = &kind.field(name)?.shape;
            respell::decode(kind, &mut fields);
            if let Some(value) = fields.get_mut(name) {
                respell::encode_value(shape, value);
                if kind.name == "apps/v1.StatefulSetSpec" && name == "volumeClaimTemplates" {
                    let templates = value.as_array_mut().into_iter().flatten();
                    templates.filter_map(Value::as_object_mut).for_each(storage::claim_template);
                }
                walk_value(shape, value);
                respell::encode_value(shape, value);
            }
            Some(fields.remove(name))
        }
        Above::Shape(shape @ Shape::Map(_)) => {
            let mut map = Value::Object(fields);
            respell::decode_value(shape, &mut map);
            respell::encode_value(shape, &mut map);
            walk_value(shape, &mut map);
            respell::encode_value(shape, &mut map);
            map.as_object_mut().map(|map| map.remove(name))
        }
        Above::Shape(_) => None,
    }
}

/// What a part stands in.
#[derive(Clone, Copy)]
enum Above {
    Struct(&'static Struct),
    Shape(&'static Shape),
}

impl Above {
    fn at(self, step: Step<'_>) -> Option<Self> {
        let shape = match (self, step) {
            (Self::Struct(kind), Step::Field(name)) => &kind.field(name)?.shape,
            (Self::Shape(Shape::Map(inner)), Step::Field(_))
            | (Self::Shape(Shape::List(inner)), Step::Entry) => inner,
            _ => return None,
        };
        Some(match shape {
            Shape::Struct(link) => Self::Struct(link.get()?),
            other => Self::Shape(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::GroupVersionKind;
    use crate::schema::{Entries, Schemas, TypeRef};
    use crate::{defaults, recorded};

    /// Every whole part of a recorded object, as it was written, comes out as it is in the whole object
    /// once that has been filled.
    #[test]
    fn a_part_is_made_what_it_is_made_in_its_object() {
        let schemas = Schemas::builtin();
        let mut seen = 0;
        for (name, case) in recorded::predictions() {
            let mut written = case["desired"].clone();
            let Some(metadata) = written["metadata"].as_object_mut() else { continue };
            metadata.insert("uid".to_owned(), json!("u"));
            let mut filled = written.clone();
            defaults::fill(&mut filled);
            let kind_of = written.as_object().unwrap();
            // Texts that become data are no part of what is stored.
            if builtin::type_of(&written).is_none() || kind_of.contains_key("stringData") {
                continue;
            }
            let mut parts = Vec::new();
            let root = GroupVersionKind::of(&written).and_then(|gvk| schemas.root(&gvk));
            each(root.unwrap(), &written, &filled, &mut Vec::new(), &mut parts);
            for Part { way, name: field, value, stored } in parts {
                let made = part(kind_of, &way, field, value);
                // What is left to the types above is theirs to add.
                if let Some(Some(made)) = made {
                    assert_eq!(Some(&made), stored, "{name}: {way:?} {field}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 5_000, "{seen}");
    }

    struct Part<'a> {
        way: Vec<Step<'a>>,
        name: &'a str,
        value: &'a Value,
        stored: Option<&'a Value>,
    }

    /// What an apply replaces as a whole.
    fn each<'a>(
        at: TypeRef<'_>,
        written: &'a Value,
        filled: &'a Value,
        way: &mut Vec<Step<'a>>,
        found: &mut Vec<Part<'a>>,
    ) {
        match (written, filled) {
            (Value::Object(written), Value::Object(filled)) if !at.is_atomic_map() => {
                for (name, value) in written {
                    let Some(at) = at.child(name) else { continue };
                    let stored = filled.get(name);
                    let is_whole = match value {
                        Value::Object(_) => at.is_atomic_map(),
                        Value::Array(_) => at.entries() == Some(&Entries::Atomic),
                        _ => true,
                    };
                    if is_whole {
                        found.push(Part { way: way.clone(), name, value, stored });
                    }
                    way.push(Step::Field(name));
                    each(at, value, stored.unwrap_or(&Value::Null), way, found);
                    way.pop();
                }
            }
            (Value::Array(written), Value::Array(filled))
                if at.entries() != Some(&Entries::Atomic) =>
            {
                let Some(at) = at.element() else { return };
                way.push(Step::Entry);
                for (written, filled) in written.iter().zip(filled) {
                    each(at, written, filled, way, found);
                }
                way.pop();
            }
            _ => {}
        }
    }
}
