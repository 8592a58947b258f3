//! JSON, read strictly (RFC 8259), with the line of each fault and both lines of a duplicate key.
//! As kubectl does, a file may hold several values one after the other.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::outline::{Outline, Role};
use super::scalar;
use super::{Budget, Document};
use crate::problem::Problem;

/// Reads every value of a text. An error of syntax ends the reading: it is the last problem, and
/// `Err` says that it was met.
pub(crate) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    at: usize,
    line: u32,
    depth: usize,
    budget: &'a mut Budget,
    problems: Vec<Problem>,
}

/// A fault of syntax was met; it is among the problems.
pub(crate) struct Stop;

type Read<T> = Result<T, Stop>;

impl<'a> Reader<'a> {
    /// A reader of a text whose first line has this number in its file, from 0.
    pub fn new(
        file: &'a str,
        text: &'a str,
        first_line: u32,
        depth: usize,
        budget: &'a mut Budget,
    ) -> Self {
        Self { file, text, at: 0, line: first_line + 1, depth, budget, problems: Vec::new() }
    }

    /// The values that could be read, what is wrong, and whether all of the text was read.
    pub fn documents(mut self) -> (Vec<Document>, Vec<Problem>, Read<()>) {
        let mut documents = Vec::new();
        loop {
            self.skip_space();
            if self.peek().is_none() {
                return (documents, self.problems, Ok(()));
            }
            match self.value(0, Role::Object) {
                Ok((value, outline)) => documents.push(Document { value, outline }),
                Err(stop) => return (documents, self.problems, Err(stop)),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn fault<T>(&mut self, message: impl Into<String>) -> Read<T> {
        self.problems.push(Problem::at(self.file, self.line, message));
        Err(Stop)
    }

    /// What stands here instead of what was expected.
    fn unexpected<T>(&mut self, wanted: &str) -> Read<T> {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) if found.is_control() => format!("U+{:04X}", u32::from(found)),
            Some(found) => format!("`{found}`"),
            None => "the end of the file".to_owned(),
        };
        self.fault(format!("this is not JSON: {found} stands where {wanted} is expected"))
    }

    fn hold(&mut self, bytes: usize) -> Read<()> {
        if self.budget.hold(bytes) { Ok(()) } else { self.fault(super::too_much()) }
    }

    fn value(&mut self, depth: usize, role: Role) -> Read<(Value, Outline)> {
        if depth > self.depth {
            return self.fault(super::too_deep(self.depth));
        }
        self.hold(super::ENTRY_BYTES)?;
        let line = self.line;
        let leaf = |value| Ok((value, Outline::leaf(line)));
        match self.peek() {
            Some(b'{') => self.object(depth, role),
            Some(b'[') => self.array(depth, role),
            Some(b'"') => leaf(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => leaf(self.number()?),
            Some(b't') => leaf(self.literal("true", Value::Bool(true))?),
            Some(b'f') => leaf(self.literal("false", Value::Bool(false))?),
            Some(b'n') => leaf(self.literal("null", Value::Null)?),
            _ => self.unexpected("a value"),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Read<Value> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize, role: Role) -> Read<(Value, Outline)> {
        let mut outline = Outline::leaf(self.line);
        let mut map = Map::new();
        let mut lines: HashMap<String, u32> = HashMap::new();
        self.hold(super::MAPPING_BYTES)?;
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok((Value::Object(map), outline));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.unexpected("a key in double quotes");
            }
            let line = self.line;
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.unexpected("`:`");
            }
            self.at += 1;
            self.skip_space();
            let (value, mut part) = self.value(depth + 1, role.of_field(&key))?;
            part.line = line;
            if let Some(first) = lines.insert(key.clone(), line) {
                self.problems.push(super::duplicate_key(self.file, &key, first, line));
                if self.problems.len() >= super::MOST_PROBLEMS {
                    return Err(Stop);
                }
            }
            if role.remembers_fields() {
                outline.fields.push((key.clone(), part));
            }
            map.insert(key, value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok((Value::Object(map), outline));
                }
                _ => return self.unexpected("`,` or `}`"),
            }
        }
    }

    fn array(&mut self, depth: usize, role: Role) -> Read<(Value, Outline)> {
        let mut outline = Outline::leaf(self.line);
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok((Value::Array(entries), outline));
        }
        loop {
            self.skip_space();
            let (value, part) = self.value(depth + 1, role.of_entry())?;
            entries.push(value);
            if role == Role::Items {
                outline.items.push(part);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok((Value::Array(entries), outline));
                }
                _ => return self.unexpected("`,` or `]`"),
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..=0x1f) | None => {
                    return self.fault("this is not JSON: a string is not closed on its line");
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        self.hold(quoted.len())?;
        if !escaped {
            let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
            return Ok(inner.to_owned());
        }
        match serde_json::from_str(quoted) {
            Ok(text) => Ok(text),
            Err(_) => self.fault("this is not JSON: a string has an escape that means nothing"),
        }
    }

    fn number(&mut self) -> Read<Value> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let token = rest.get(..length).unwrap_or_default();
        // The grammar of numbers is checked by the JSON reader; their meaning is Kubernetes' own.
        let known = serde_json::from_str::<serde::de::IgnoredAny>(token).is_ok();
        let value = match token.parse::<i64>() {
            _ if !known => None,
            Ok(integer) => Some(Value::from(integer)),
            Err(_) => token.parse().ok().and_then(|float| scalar::float_value(float).ok()),
        };
        match value {
            Some(value) => {
                self.at += length;
                Ok(value)
            }
            // It may be a Secret's, so it is not repeated.
            None => self.fault("this is not a number that JSON can hold"),
        }
    }
}
