//! Paths to fields, spelt as the API server spells them in conflicts and typing errors:
//! `.spec.template.spec.containers[name="app"].image`.
//!
//! The order of segments is that of structured-merge-diff's `PathElement.Compare`: names, keys,
//! values, indices. Field sets are kept in it, so conflicts come out in the server's order.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde_json::Value;

/// One step of a path.
#[derive(Debug, Clone)]
pub enum Segment {
    /// A field of a struct or a key of a map.
    Field(String),
    /// An entry of a keyed list, by its key fields.
    Key(BTreeMap<String, Value>),
    /// An entry of a set, by its value.
    Value(Value),
    /// An entry of a list, by its place.
    Index(usize),
}

impl Segment {
    /// A field of a struct or a key of a map.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }

    /// The name, if this is a field.
    pub fn as_field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            _ => None,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(one), Self::Field(two)) => one.cmp(two),
            (Self::Key(one), Self::Key(two)) => compare_pairs(one.iter(), two.iter()),
            (Self::Value(one), Self::Value(two)) => compare_values(one, two),
            (Self::Index(one), Self::Index(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Segment {}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{name}={}", value_text(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", value_text(value)),
            Self::Index(place) => write!(f, "[{place}]"),
        }
    }
}

/// A way from an object's root to one of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// The root of an object.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of field names only.
    pub fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Segment::field).collect())
    }

    /// The segments, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path and one segment more.
    #[must_use]
    pub fn join(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// Whether `self` is `other` or leads into it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path inside an object. Keys match an entry that states all of them; a key
    /// that the entry leaves to its default is found through the other keys.
    pub fn find<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        let mut here = object;
        for segment in &self.0 {
            here = match segment {
                Segment::Field(name) => here.as_object()?.get(name)?,
                Segment::Index(place) => here.as_array()?.get(*place)?,
                Segment::Value(value) => here
                    .as_array()?
                    .iter()
                    .find(|item| compare_values(item, value) == Ordering::Equal)?,
                Segment::Key(fields) => {
                    here.as_array()?.iter().find(|item| states_key(item, fields))?
                }
            };
        }
        Some(here)
    }
}

fn states_key(item: &Value, fields: &BTreeMap<String, Value>) -> bool {
    let mut stated = 0_usize;
    for (name, value) in fields {
        match item.get(name) {
            Some(own) if compare_values(own, value) == Ordering::Equal => stated += 1,
            Some(_) => return false,
            None => {}
        }
    }
    stated > 0
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| segment.fmt(f))
    }
}

impl From<Vec<Segment>> for Path {
    fn from(segments: Vec<Segment>) -> Self {
        Self(segments)
    }
}

impl serde::Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The order structured-merge-diff gives values: numbers, texts, booleans, lists, maps, null.
pub fn compare_values(one: &Value, two: &Value) -> Ordering {
    const fn rank(value: &Value) -> u8 {
        match value {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => match (one.as_i64(), two.as_i64()) {
            (Some(one), Some(two)) => one.cmp(&two),
            _ => one.as_f64().unwrap_or(f64::NAN).total_cmp(&two.as_f64().unwrap_or(f64::NAN)),
        },
        (Value::String(one), Value::String(two)) => one.cmp(two),
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Array(one), Value::Array(two)) => one
            .iter()
            .zip(two)
            .map(|(one, two)| compare_values(one, two))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| one.len().cmp(&two.len())),
        (Value::Object(one), Value::Object(two)) => compare_pairs(one.iter(), two.iter()),
        _ => rank(one).cmp(&rank(two)),
    }
}

fn compare_pairs<'a>(
    mut one: impl Iterator<Item = (&'a String, &'a Value)>,
    mut two: impl Iterator<Item = (&'a String, &'a Value)>,
) -> Ordering {
    loop {
        match (one.next(), two.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((name_one, value_one)), Some((name_two, value_two))) => {
                let order =
                    name_one.cmp(name_two).then_with(|| compare_values(value_one, value_two));
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

/// A value inside a path, as structured-merge-diff's `value.ToString` writes it.
fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(value_text).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", value_text(value)))
                .collect();
            format!("{{{}}}", fields.join(";"))
        }
    }
}

/// A text as Go's `%q` quotes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            control if (control as u32) < 0x20 || control as u32 == 0x7f => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\x{:02x}", control as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(fields: &Value) -> Segment {
        Segment::Key(fields.as_object().unwrap().clone().into_iter().collect())
    }

    #[test]
    fn a_path_reads_as_the_server_writes_it() {
        let path = Path(vec![
            Segment::field("spec"),
            Segment::field("ports"),
            key(&json!({"protocol": "TCP", "containerPort": 80})),
            Segment::field("a.b/c"),
            Segment::Value(json!("x\"y")),
            Segment::Index(3),
        ]);
        assert_eq!(
            path.to_string(),
            r#".spec.ports[containerPort=80,protocol="TCP"].a.b/c[="x\"y"][3]"#
        );
    }

    #[test]
    fn segments_are_ordered_by_kind_first() {
        let mut segments = [
            Segment::Index(0),
            Segment::Value(json!(1)),
            key(&json!({"name": "b"})),
            key(&json!({"name": "a"})),
            Segment::field("z"),
            Segment::field("a"),
        ];
        segments.sort();
        let texts: Vec<String> = segments.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [".a", ".z", r#"[name="a"]"#, r#"[name="b"]"#, "[=1]", "[0]"]);
    }

    #[test]
    fn a_value_is_found_by_name_key_and_place() {
        let object = json!({"list": [{"name": "a"}, {"name": "b", "x": [5, 6]}]});
        let path = |last: Segment| {
            Path(vec![
                Segment::field("list"),
                key(&json!({"name": "b"})),
                Segment::field("x"),
                last,
            ])
        };
        assert_eq!(path(Segment::Index(1)).find(&object), Some(&json!(6)));
        assert_eq!(path(Segment::Value(json!(5))).find(&object), Some(&json!(5)));
        assert_eq!(path(Segment::Value(json!(7))).find(&object), None);
        assert_eq!(path(Segment::field("no")).find(&object), None);
    }
}
