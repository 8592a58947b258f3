//! YAML bodies, as go-yaml reads them for the server: YAML 1.1 scalars, one document, keys that stand
//! twice noticed. JSON bodies are read as JSON, which is YAML too.

mod scalar;

use std::collections::BTreeMap;

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// Deeper nesting than any object has; without a bound, a parser can be made to work for ever.
const DEEPEST: usize = 512;

/// How many nodes aliases may stand for in one body.
const ALIAS_BUDGET: usize = 100_000;

/// A body, and what is odd about it.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// `line 8: key "a" already set in map`
    pub(crate) duplicates: Vec<String>,
}

/// Reads one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document, Refusal> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(Document { value, duplicates: Vec::new() });
    }
    let mut input = bytes;
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let reader = Reader {
        parser,
        anchors: BTreeMap::new(),
        duplicates: Vec::new(),
        budget: ALIAS_BUDGET,
        depth: 0,
    };
    reader.document().map_err(|why| Refusal::bad_request(format!("error decoding YAML: {why}")))
}

struct Reader<'r, 'b> {
    parser: Parser<&'r mut &'b [u8]>,
    anchors: BTreeMap<String, Value>,
    duplicates: Vec<String>,
    budget: usize,
    depth: usize,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Result<Event, String> {
        // libyaml-safer gives up on some texts, `[!,` for one, by panicking; a body must not do that.
        let event = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.parser.parse()))
            .map_err(|_| "error converting YAML to JSON: yaml: cannot be read".to_owned())?;
        event.map_err(|error| format!("error converting YAML to JSON: yaml: {error}"))
    }

    fn document(mut self) -> Result<Document, String> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd | EventData::DocumentEnd { .. } => {
                    return Ok(Document { value: Value::Null, duplicates: self.duplicates });
                }
                _ => {
                    let value = self.node(event)?;
                    return Ok(Document { value, duplicates: self.duplicates });
                }
            }
        }
    }

    fn node(&mut self, event: Event) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("error converting YAML to JSON: yaml: exceeded max depth".to_owned());
        }
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => {
                let found = self.anchors.get(&anchor).cloned();
                let value = found.ok_or_else(|| {
                    format!(
                        "error converting YAML to JSON: yaml: unknown anchor '{anchor}' referenced"
                    )
                })?;
                self.spend(&value)?;
                (None, value)
            }
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let plain = style == ScalarStyle::Plain;
                (anchor, scalar::resolve(&value, tag.as_deref(), plain)?)
            }
            EventData::SequenceStart { anchor, .. } => (anchor, self.sequence()?),
            EventData::MappingStart { anchor, .. } => (anchor, self.mapping()?),
            _ => (None, Value::Null),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, value.clone());
        }
        self.depth -= 1;
        Ok(value)
    }

    /// What an alias stands for is paid for, so that a few lines cannot become gigabytes.
    fn spend(&mut self, value: &Value) -> Result<(), String> {
        let cost = 1 + match value {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => 0,
        };
        self.budget = self.budget.checked_sub(cost).ok_or_else(|| {
            "error converting YAML to JSON: yaml: document contains excessive aliasing".to_owned()
        })?;
        match value {
            Value::Object(map) => map.values().try_for_each(|value| self.spend(value)),
            Value::Array(list) => list.iter().try_for_each(|value| self.spend(value)),
            _ => Ok(()),
        }
    }

    fn sequence(&mut self) -> Result<Value, String> {
        let mut list = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::Array(list));
            }
            list.push(self.node(event)?);
        }
    }

    fn mapping(&mut self) -> Result<Value, String> {
        let mut map = Map::new();
        let mut merged: Vec<Value> = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                break;
            }
            let line = event.start_mark.line + 1;
            let is_merge = matches!(
                &event.data,
                EventData::Scalar { value, style: ScalarStyle::Plain, tag: None, .. } if value == "<<"
            );
            let key = match self.node(event)? {
                Value::String(text) => text,
                Value::Null => "null".to_owned(),
                other @ (Value::Bool(_) | Value::Number(_)) => other.to_string(),
                _ => {
                    return Err("error converting YAML to JSON: unsupported map key".to_owned());
                }
            };
            let event = self.next()?;
            let value = self.node(event)?;
            if is_merge {
                match value {
                    Value::Array(list) => merged.extend(list),
                    other => merged.push(other),
                }
                continue;
            }
            if map.insert(key.clone(), value).is_some() {
                self.duplicates.push(format!("line {line}: key \"{key}\" already set in map"));
            }
        }
        for source in merged {
            let Value::Object(fields) = source else {
                return Err(
                    "error converting YAML to JSON: yaml: map merge requires map or sequence of \
                     maps as the value"
                        .to_owned(),
                );
            };
            for (key, value) in fields {
                map.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_are_those_of_yaml_1_1() {
        for (text, value) in [
            ("a: yes", json!({"a": true})),
            ("a: \"yes\"", json!({"a": "yes"})),
            ("a: 1_000", json!({"a": 1000})),
            ("a: 0x10", json!({"a": 16})),
            ("a: 010", json!({"a": 8})),
            ("a: 1e3", json!({"a": 1000})),
            ("a: 1.5", json!({"a": 1.5})),
            ("a: ~", json!({"a": null})),
            ("a: 2001-01-01", json!({"a": "2001-01-01"})),
            ("a: !!str 5", json!({"a": "5"})),
            ("a: !!binary aGk=", json!({"a": "hi"})),
            ("a: &x {b: 1}\nc: {<<: *x, d: 2}", json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().value, value, "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_refused_and_a_key_that_stands_twice_is_named() {
        for text in ["a: [", "a: .inf", "a: *none", "\ta: 1"] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().code, 400, "{text}");
        }
        assert_eq!(parse("[".repeat(2000).as_bytes()).unwrap_err().code, 400);
        let twice = parse(b"b:\n  a: 1\n  a: 2\n").unwrap();
        assert_eq!(twice.duplicates, ["line 3: key \"a\" already set in map"]);
    }

    #[test]
    fn aliases_cannot_blow_a_body_up() {
        let level = |level: usize| {
            let below = format!("*a{}", level - 1);
            format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(","))
        };
        let levels: String = (1..9).map(level).collect();
        let text = format!("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{levels}");
        assert!(parse(text.as_bytes()).unwrap_err().message.contains("excessive aliasing"));
    }
}
