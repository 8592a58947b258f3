//! The shapes of built-in kinds: what their Go types hold and how Go writes them.
//!
//! OpenAPI documents do not say which zero values a server drops and which it keeps; the struct tags
//! of its Go types do. `types.txt` holds them, one type a line; it is read once, on first use.
//! A field that is not in the table (of a newer server) is left as it is, never dropped.

pub(crate) mod quantity;
pub(crate) mod respell;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

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
    /// A struct.
    Struct(Link),
    /// A list of one shape.
    List(Box<Shape>),
    /// A map from strings to one shape.
    Map(Box<Shape>),
}

/// A type that another names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its name.
    pub name: &'static str,
    place: usize,
}

impl Link {
    /// The type itself.
    pub fn get(self) -> Option<&'static Struct> {
        TABLE.types.get(self.place)
    }
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
    /// Its place among all types.
    pub place: usize,
    /// Its fields by JSON name, embedded structs flattened, in the order of their names.
    fields: Vec<(&'static str, Field)>,
    /// Those that are written whether anybody set them or not.
    pub written: Vec<(&'static str, Field)>,
    /// Whether texts among its own fields are respelt: quantities, bytes.
    pub respells: bool,
}

impl Struct {
    /// A field by its JSON name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let place = self.fields.binary_search_by(|(own, _)| (*own).cmp(name)).ok()?;
        self.fields.get(place).map(|(_, field)| field)
    }

    /// All fields, by name.
    #[cfg(test)]
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Field)> {
        self.fields.iter().map(|(name, field)| (*name, field))
    }
}

struct Table {
    kinds: HashMap<(&'static str, &'static str), Link>,
    /// In the order of their names.
    types: Vec<Struct>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("types.txt")));

const OBJECT_META: &str = "meta/v1.ObjectMeta";

/// The type of an object of a built-in kind, by its `apiVersion` and `kind`.
pub(crate) fn type_of(object: &Value) -> Option<&'static Struct> {
    type_of_fields(object.as_object()?)
}

/// The type of an object of a built-in kind, by its fields.
pub(crate) fn type_of_fields(object: &Map<String, Value>) -> Option<&'static Struct> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    TABLE.kinds.get(&(api_version, kind))?.get()
}

/// The type of the metadata every object has.
pub(crate) fn object_meta() -> Option<&'static Struct> {
    static PLACE: LazyLock<Option<Link>> = LazyLock::new(|| {
        let types = &TABLE.types;
        let place = types.binary_search_by(|kind| kind.name.cmp(OBJECT_META)).ok()?;
        types.get(place).map(|kind| Link { name: kind.name, place })
    });
    PLACE.and_then(Link::get)
}

/// All types.
pub(crate) fn types() -> &'static [Struct] {
    &TABLE.types
}

fn read(text: &'static str) -> Table {
    let lines = || text.lines().map(|line| line.split(' '));
    let mut names: Vec<&'static str> = lines()
        .filter_map(|mut words| words.next().filter(|word| *word == "type").and(words.next()))
        .collect();
    names.sort_unstable();
    let link = |name: &str| {
        let place = names.binary_search(&name).unwrap_or(usize::MAX);
        Link { name: names.get(place).copied().unwrap_or_default(), place }
    };
    let mut table = Table { kinds: HashMap::new(), types: Vec::new() };
    for mut words in lines() {
        match (words.next(), words.next()) {
            (Some("kind"), Some(api_version)) => {
                if let (Some(kind), Some(name)) = (words.next(), words.next()) {
                    table.kinds.insert((api_version, kind), link(name));
                }
            }
            (Some("type"), Some(name)) => {
                let mut fields: Vec<(&'static str, Field)> =
                    words.filter_map(|word| field(word, &link)).collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                let is_written = |field: &Field| respell::always_written(field).is_some();
                let is_respelt =
                    |field: &Field| matches!(field.shape, Shape::Quantity | Shape::Bytes);
                table.types.push(Struct {
                    name,
                    place: link(name).place,
                    written: fields.iter().filter(|(_, it)| is_written(it)).cloned().collect(),
                    respells: fields.iter().any(|(_, it)| is_respelt(it)),
                    fields,
                });
            }
            _ => {}
        }
    }
    table.types.sort_unstable_by_key(|kind| kind.name);
    table
}

fn field(text: &'static str, link: &dyn Fn(&str) -> Link) -> Option<(&'static str, Field)> {
    let (name, rest) = text.split_once(':')?;
    let (shape_text, always) =
        rest.strip_suffix('!').map_or((rest, false), |shorter| (shorter, true));
    let (shape_text, pointer) =
        shape_text.strip_suffix('*').map_or((shape_text, false), |shorter| (shorter, true));
    Some((name, Field { shape: shape(shape_text, link), pointer, always }))
}

fn shape(text: &str, link: &dyn Fn(&str) -> Link) -> Shape {
    if let Some(item) = text.strip_prefix('[') {
        return Shape::List(Box::new(shape(item, link)));
    }
    if let Some(entry) = text.strip_prefix('{') {
        return Shape::Map(Box::new(shape(entry, link)));
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
        name => Shape::Struct(link(name)),
    }
}

#[cfg(test)]
mod tests;
