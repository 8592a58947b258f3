//! Fields that a kind's types do not have, or hold differently: what decoding a body into Go types
//! drops, warns of or refuses.

use merge::schema::ProblemKind;
use merge::{Path, Segment};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::Subject;
use super::options::FieldValidation;
use crate::refusal::Refusal;

/// Drops unknown fields and refuses values of other types. Unknown and repeated fields are refused,
/// warned of or ignored, as was asked; the warnings are returned.
pub(super) fn decode(
    subject: &Subject<'_>,
    object: &mut Value,
    validation: FieldValidation,
    duplicates: Vec<String>,
) -> Result<Vec<String>, Refusal> {
    let mut odd = Vec::new();
    let problems = subject.registry.schemas.check(object);
    let builtin = subject.resource.custom.is_none();
    for problem in &problems {
        match problem.kind {
            ProblemKind::UnknownField => {
                let place = indexed(object, &problem.path);
                odd.push(format!("unknown field \"{place}\""));
            }
            ProblemKind::WrongType if builtin => {
                if let Some(why) = wrong_type(subject, object, &problem.path, &problem.message) {
                    return Err(undecodable(subject, &why));
                }
            }
            _ => {}
        }
    }
    if subject.resource.is("", "secrets")
        && let Some(why) = bad_base64(object)
    {
        return Err(undecodable(subject, &why));
    }
    odd.extend(duplicates);
    for problem in problems.iter().filter(|one| one.kind == ProblemKind::UnknownField) {
        // A definition's objects lose their unknown fields by their own schema.
        if builtin {
            remove(object, problem.path.segments());
        }
    }
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(odd),
        FieldValidation::Strict if odd.is_empty() => Ok(odd),
        FieldValidation::Strict => {
            Err(undecodable(subject, &format!("strict decoding error: {}", odd.join(", "))))
        }
    }
}

/// A body that the kind's types cannot hold.
pub(super) fn undecodable(subject: &Subject<'_>, why: &str) -> Refusal {
    let (kind, version) = (&subject.resource.kind, &subject.resource.version);
    Refusal::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
    ))
}

/// What Go says of an amount that is none (`resource.ErrFormatWrong`).
const QUANTITY: &str = "quantities must match the regular expression \
                        '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// What Go says of a value that a struct's field cannot hold.
fn wrong_type(subject: &Subject<'_>, object: &Value, path: &Path, message: &str) -> Option<String> {
    let found = match path.find(object)? {
        // Absence, to Go.
        Value::Null => return None,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = match message.split_once(" is expected") {
        Some(("an amount", _)) => return Some(QUANTITY.to_owned()),
        Some(("a text", _)) => "string",
        Some(("a whole number", _)) => "int32",
        Some(("a list", _)) => "[]interface {}",
        Some(("a map", _)) => "map[string]interface {}",
        // The Secret's own check says where it is not.
        Some(("base64", _)) | None => return None,
        Some(_) => "bool",
    };
    // The key of a map of texts is no field to Go.
    let fields: Vec<&str> = path.segments().iter().filter_map(Segment::as_field).collect();
    let in_map = matches!(
        fields.as_slice(),
        ["data" | "stringData" | "binaryData", _]
            | [.., "labels" | "annotations" | "matchLabels" | "nodeSelector", _]
    );
    let shown = if in_map {
        fields.split_last().map_or(fields.as_slice(), |(_, rest)| rest)
    } else {
        &fields
    };
    Some(format!(
        "json: cannot unmarshal {found} into Go struct field {}.{} of type {wanted}",
        subject.resource.kind,
        shown.join(".")
    ))
}

/// What Go says of a Secret whose data is not base64.
fn bad_base64(secret: &Value) -> Option<String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let values = secret.get("data")?.as_object()?.values().filter_map(Value::as_str);
    for text in values {
        let compact: String = text.chars().filter(|letter| !"\r\n".contains(*letter)).collect();
        if STANDARD.decode(&compact).is_err() {
            let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
            let place = text.bytes().position(|byte| !is_code(byte)).unwrap_or(text.len());
            return Some(format!("illegal base64 data at input byte {place}"));
        }
    }
    None
}

/// A path as Go writes it: list entries by their place.
fn indexed(object: &Value, path: &Path) -> String {
    let mut text = String::new();
    let mut at = Some(object);
    for segment in path.segments() {
        match step(at, segment) {
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
                at = at.and_then(|value| value.get(name));
            }
            Step::Place(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
                at = at.and_then(|value| value.get(index));
            }
            Step::Nowhere => return path.to_string().trim_start_matches('.').to_owned(),
        }
    }
    text
}

enum Step<'a> {
    Field(&'a str),
    Place(usize),
    Nowhere,
}

fn step<'a>(at: Option<&Value>, segment: &'a Segment) -> Step<'a> {
    let list = at.and_then(Value::as_array);
    let found = match segment {
        Segment::Field(name) => return Step::Field(name),
        Segment::Index(index) => Some(*index),
        Segment::Value(value) => list.and_then(|list| list.iter().position(|item| item == value)),
        // A key field that has a default may be left out.
        Segment::Key(keys) => list.and_then(|list| {
            list.iter().position(|item| {
                keys.iter().all(|(key, value)| item.get(key).is_none_or(|found| found == value))
            })
        }),
    };
    found.map_or(Step::Nowhere, Step::Place)
}

fn remove(object: &mut Value, path: &[Segment]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut at = object;
    for segment in parents {
        let next = match step(Some(at), segment) {
            Step::Field(name) => at.get_mut(name),
            Step::Place(index) => at.get_mut(index),
            Step::Nowhere => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    if let (Some(name), Value::Object(map)) = (last.as_field(), at) {
        map.remove(name);
    }
}

/// The fields that stand twice in a JSON body: `duplicate field "data.a"`.
pub(super) fn json_duplicates(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let seed = Scan { path: String::new(), found: &mut found };
    // A body that is no JSON is refused by whoever reads it.
    let _ = serde::de::DeserializeSeed::deserialize(seed, &mut reader);
    found
}

struct Scan<'a> {
    path: String,
    found: &'a mut Vec<String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let path =
                if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if !seen.insert(key) {
                self.found.push(format!("duplicate field \"{path}\""));
            }
            map.next_value_seed(Scan { path, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let path = format!("{}[{index}]", self.path);
            if list.next_element_seed(Scan { path, found: self.found })?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let _: serde::de::IgnoredAny = Deserialize::deserialize(deserializer)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stands_twice_is_named_with_its_path() {
        let body = br#"{"a":{"b":1,"b":2},"l":[{"x":1},{"x":1,"x":2}],"a":null}"#;
        let expected =
            ["a.b", "l[1].x", "a"].map(|path| format!("duplicate field \"{path}\"")).to_vec();
        assert_eq!(json_duplicates(body), expected);
        assert!(json_duplicates(br#"{"a":[1,{"b":"c"}]}"#).is_empty());
    }
}
