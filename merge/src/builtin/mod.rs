//! The shapes of built-in kinds: what their Go types hold and how Go writes them.
//!
//! OpenAPI documents do not say which zero values a server drops and which it keeps; the struct tags
//! of its Go types do. `types.txt` holds them, one type a line; it is read once, on first use.
//! A field that is not in the table (of a newer server) is left as it is, never dropped.

pub(crate) mod quantity;
pub(crate) mod respell;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

/// What a field, an item or an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Bytes, written in base64.
    Bytes,
    /// A resource quantity.
    Quantity,
    /// A number or a string, two different things to the server.
    IntOrString,
    /// A time.
    Time,
    /// A duration.
    Duration,
    /// Anything: kept as it is.
    Any,
    /// A struct, by the name of its type.
    Struct(&'static str),
    /// A list of one shape.
    List(Box<Shape>),
    /// A map from strings to one shape.
    Map(Box<Shape>),
}

/// One field of a Go type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// What it holds.
    pub shape: Shape,
    /// It is a pointer: present and zero is not the same as absent.
    pub pointer: bool,
    /// It is written even when zero (no `omitempty`).
    pub always: bool,
}

/// One Go type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Struct {
    /// Its name: `core/v1.PodSpec`.
    pub name: &'static str,
    /// Its fields by JSON name, embedded structs flattened.
    pub fields: HashMap<&'static str, Field>,
}

struct Table {
    kinds: HashMap<(&'static str, &'static str), &'static str>,
    types: HashMap<&'static str, Struct>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("types.txt")));

/// The name every object's metadata has.
pub(crate) const OBJECT_META: &str = "meta/v1.ObjectMeta";

/// The type of an object of a built-in kind, by its `apiVersion` and `kind`.
pub(crate) fn type_of(object: &Value) -> Option<&'static Struct> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    named(TABLE.kinds.get(&(api_version, kind))?)
}

/// A type by its name.
pub(crate) fn named(name: &str) -> Option<&'static Struct> {
    TABLE.types.get(name)
}

fn read(text: &'static str) -> Table {
    let mut table = Table { kinds: HashMap::new(), types: HashMap::new() };
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("kind"), Some(api_version)) => {
                if let (Some(kind), Some(name)) = (words.next(), words.next()) {
                    table.kinds.insert((api_version, kind), name);
                }
            }
            (Some("type"), Some(name)) => {
                let fields = words.filter_map(field).collect();
                table.types.insert(name, Struct { name, fields });
            }
            _ => {}
        }
    }
    table
}

fn field(text: &'static str) -> Option<(&'static str, Field)> {
    let (name, rest) = text.split_once(':')?;
    let (shape_text, always) =
        rest.strip_suffix('!').map_or((rest, false), |shorter| (shorter, true));
    let (shape_text, pointer) =
        shape_text.strip_suffix('*').map_or((shape_text, false), |shorter| (shorter, true));
    Some((name, Field { shape: shape(shape_text), pointer, always }))
}

fn shape(text: &'static str) -> Shape {
    if let Some(item) = text.strip_prefix('[') {
        return Shape::List(Box::new(shape(item)));
    }
    if let Some(entry) = text.strip_prefix('{') {
        return Shape::Map(Box::new(shape(entry)));
    }
    match text {
        "string" => Shape::Text,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        "bytes" => Shape::Bytes,
        "quantity" => Shape::Quantity,
        "int-or-string" => Shape::IntOrString,
        "time" => Shape::Time,
        "duration" => Shape::Duration,
        "any" => Shape::Any,
        name => Shape::Struct(name),
    }
}

#[cfg(test)]
mod tests;
