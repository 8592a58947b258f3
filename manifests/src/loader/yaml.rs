//! YAML events into values, with caps applied while the events are read: nesting before it is built,
//! aliases before they are copied.
//!
//! A fault of meaning (a duplicate key, a value without a JSON form) is noted and reading goes on; a
//! fault of syntax, or a cap, ends the chunk. Merge keys follow go-yaml v2: they are merged where
//! they stand, so that a key above `<<` loses to it and a key below wins.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::guard::guarded;
use super::outline::{Outline, Role};
use super::scalar::{self, Scalar, ScalarError};
use super::split::Chunk;
use super::{Budget, Document};
use crate::problem::Problem;

/// Nobody needs more directives; each is compared with all others of its document.
const MOST_DIRECTIVES: usize = 16;

/// The chunk cannot be read on; why is among the problems.
struct Stop;

type Read<T> = Result<T, Stop>;

/// What an anchor names, and what a copy of it costs. `None` while it is being read.
type Anchor = Option<(Value, u64)>;

/// The values of one chunk: one, unless it has `...` inside. Empty documents are left out.
pub(crate) fn load(
    file: &str,
    chunk: Chunk<'_>,
    depth: usize,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Vec<Document> {
    let mut documents = Vec::new();
    if let Some(problem) = unreadable(file, chunk) {
        problems.push(problem);
        return documents;
    }
    let mut bytes = chunk.text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut composer = Composer {
        parser,
        file,
        chunk,
        depth,
        budget,
        anchors: HashMap::new(),
        hasher: RandomState::new(),
        reached: 0,
        told: problems.len(),
        problems,
    };
    // The chunk's problems are kept; its sound documents are too.
    let _: Read<()> = composer.documents(&mut documents);
    documents
}

/// What the parser would choke on, or take too long over, in words of our own.
fn unreadable(file: &str, chunk: Chunk<'_>) -> Option<Problem> {
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | '\u{85}' | ' '..='~')
            || c >= '\u{a0}' && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let mut directives = 0;
    for (line, text) in (chunk.first_line + 1..).zip(chunk.text.split('\n')) {
        if let Some(found) = text.chars().find(|c| !allowed(*c)) {
            let message = format!("the character U+{:04X} cannot stand in YAML", u32::from(found));
            return Some(Problem::at(file, line, message));
        }
        directives += usize::from(text.starts_with('%'));
        if directives > MOST_DIRECTIVES {
            let message = format!("there are more than {MOST_DIRECTIVES} directives");
            return Some(Problem::at(file, line, message));
        }
    }
    None
}

/// What stands before a `:`.
enum Key {
    Text(String),
    /// `<<`.
    Merge,
    /// What cannot be a key; that is noted, and the value is read for its own faults.
    Unfit,
}

struct Composer<'a, 'b> {
    parser: Parser<&'b mut &'a [u8]>,
    file: &'b str,
    chunk: Chunk<'a>,
    depth: usize,
    budget: &'b mut Budget,
    anchors: HashMap<String, Anchor>,
    hasher: RandomState,
    /// The line in the chunk, from 0, where the latest event ended.
    reached: u64,
    /// How many problems there were before this chunk.
    told: usize,
    problems: &'b mut Vec<Problem>,
}

impl Composer<'_, '_> {
    fn documents(&mut self, documents: &mut Vec<Document>) -> Read<()> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::DocumentStart { .. } => self.anchors.clear(),
                EventData::StreamEnd => return Ok(()),
                EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
                _ => {
                    let (value, outline) = self.node(event, 0, Role::Object)?;
                    if !value.is_null() {
                        documents.push(Document { value, outline });
                    }
                }
            }
        }
    }

    fn next(&mut self) -> Read<Event> {
        let problem = match guarded(|| self.parser.parse()) {
            Some(Ok(event)) => {
                self.reached = event.end_mark.line;
                return Ok(event);
            }
            Some(Err(error)) => {
                let line = error.problem_mark().map_or(0, |mark| mark.line);
                self.syntax(self.line(line), &error)
            }
            None => {
                let message = "YAML: what stands here or shortly after cannot be read";
                Problem::at(self.file, self.line(self.reached), message)
                    .hint("look for a tag (`!`) that is followed by a comma, or quote the value")
            }
        };
        self.problems.push(problem);
        Err(Stop)
    }

    /// The line in the file, from 1, of a line in the chunk, from 0.
    fn line(&self, in_chunk: u64) -> u32 {
        u32::try_from(in_chunk).unwrap_or(u32::MAX).saturating_add(self.chunk.first_line + 1)
    }

    fn syntax(&self, line: u32, error: &libyaml_safer::Error) -> Problem {
        let index = usize::try_from(line - self.chunk.first_line - 1).unwrap_or(usize::MAX);
        let text = self.chunk.text.split('\n').nth(index).unwrap_or_default();
        let indentation = text.len() - text.trim_start().len();
        if text.get(..indentation).is_some_and(|indentation| indentation.contains('\t')) {
            return Problem::at(self.file, line, "a tab stands in the indentation")
                .hint("YAML is indented by spaces");
        }
        if text.starts_with('%') || error.problem().contains("<document start>") {
            return Problem::at(self.file, line, format!("YAML: {}", error.problem()))
                .hint("a document's directives (%YAML, %TAG) are not read, as kubectl does not");
        }
        let mut message = format!("YAML: {}", error.problem());
        if let Some(context) = error.context() {
            message = format!("{message} {context}");
            match error.context_mark().map(|mark| self.line(mark.line)) {
                Some(begin) if begin != line => {
                    message = format!("{message} that begins on line {begin}");
                }
                _ => {}
            }
        }
        Problem::at(self.file, line, message)
    }

    fn note(&mut self, line: u32, message: impl Into<String>) {
        self.problems.push(Problem::at(self.file, line, message));
    }

    fn stop<T>(&mut self, line: u32, message: impl Into<String>) -> Read<T> {
        self.note(line, message);
        Err(Stop)
    }

    /// Ends a chunk that has nothing but faults.
    fn enough(&self) -> Read<()> {
        if self.problems.len() - self.told < super::MOST_PROBLEMS { Ok(()) } else { Err(Stop) }
    }

    fn scalar_fault(&mut self, line: u32, error: &ScalarError) {
        let message = match error {
            ScalarError::NullKey | ScalarError::LargeKey(_) => error.to_string(),
            _ => format!("the value {error}"),
        };
        self.note(line, message);
    }

    /// The node that an event begins.
    fn node(&mut self, event: Event, depth: usize, role: Role) -> Read<(Value, Outline)> {
        let line = self.line(event.start_mark.line);
        if depth > self.depth {
            return self.stop(line, super::too_deep(self.depth));
        }
        match event.data {
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                let plain = plain_implicit && style == ScalarStyle::Plain;
                self.hold(line, super::ENTRY_BYTES + value.len())?;
                let value = self.scalar(line, value, tag.as_deref(), plain);
                self.remember(line, anchor, &value)?;
                Ok((value, Outline::leaf(line)))
            }
            EventData::Alias { anchor } => Ok((self.alias(line, &anchor)?, Outline::leaf(line))),
            EventData::SequenceStart { anchor, .. } => {
                self.open(anchor.as_ref());
                let (value, outline) = self.sequence(line, depth, role)?;
                self.remember(line, anchor, &value)?;
                Ok((value, outline))
            }
            EventData::MappingStart { anchor, .. } => {
                self.open(anchor.as_ref());
                let (value, outline) = self.mapping(line, depth, role)?;
                self.remember(line, anchor, &value)?;
                Ok((value, outline))
            }
            _ => self.stop(line, "YAML: a value is expected here"),
        }
    }

    /// The value of a scalar; one without a meaning is noted and stands as null.
    fn scalar(&mut self, line: u32, text: String, tag: Option<&str>, plain: bool) -> Value {
        match scalar::resolve(text, tag, plain).and_then(Scalar::into_value) {
            Ok(value) => value,
            Err(error) => {
                self.scalar_fault(line, &error);
                Value::Null
            }
        }
    }

    fn open(&mut self, anchor: Option<&String>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.clone(), None);
        }
    }

    /// Keeps a copy of what an anchor names; the copy is charged like an alias is.
    fn remember(&mut self, line: u32, anchor: Option<String>, value: &Value) -> Read<()> {
        if let Some(anchor) = anchor {
            let cost = cost(value);
            self.charge(line, cost)?;
            self.anchors.insert(anchor, Some((value.clone(), cost)));
        }
        Ok(())
    }

    fn hold(&mut self, line: u32, bytes: usize) -> Read<()> {
        if self.budget.hold(bytes) { Ok(()) } else { self.stop(line, super::too_much()) }
    }

    fn charge(&mut self, line: u32, cost: u64) -> Read<()> {
        if self.budget.copy(cost) {
            return Ok(());
        }
        self.stop(line, "anchors and aliases expand beyond what a source may take")
    }

    fn alias(&mut self, line: u32, anchor: &str) -> Read<Value> {
        match self.anchors.get(anchor) {
            // The name is not repeated: it may be a password that should have been in quotes.
            None => self.stop(
                line,
                "this alias has no anchor above it; text that begins with `*` must stand in quotes",
            ),
            Some(None) => {
                self.stop(line, format!("the anchor `&{anchor}` contains itself by this alias"))
            }
            Some(Some((_, cost))) => {
                let cost = *cost;
                self.charge(line, cost)?;
                let copy = self.anchors.get(anchor).and_then(Option::as_ref);
                Ok(copy.map_or(Value::Null, |(value, _)| value.clone()))
            }
        }
    }

    fn sequence(&mut self, line: u32, depth: usize, role: Role) -> Read<(Value, Outline)> {
        let mut outline = Outline::leaf(line);
        let mut entries = Vec::new();
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok((Value::Array(entries), outline));
            }
            self.hold(line, super::ENTRY_BYTES)?;
            let (entry, part) = self.node(event, depth + 1, role.of_entry())?;
            entries.push(entry);
            if role == Role::Items {
                outline.items.push(part);
            }
        }
    }

    fn mapping(&mut self, line: u32, depth: usize, role: Role) -> Read<(Value, Outline)> {
        let mut outline = Outline::leaf(line);
        let mut map = Map::new();
        // The hash and line of each key that was written here, as opposed to merged.
        let mut written: Vec<(u64, u32)> = Vec::new();
        self.hold(line, super::MAPPING_BYTES)?;
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                return Ok((Value::Object(map), outline));
            }
            let line = self.line(event.start_mark.line);
            let key = match self.key(event, depth, line)? {
                Key::Text(key) => key,
                Key::Merge => {
                    self.merge(&mut map, depth)?;
                    continue;
                }
                Key::Unfit => {
                    self.enough()?;
                    let event = self.next()?;
                    self.node(event, depth + 1, Role::Leaf)?;
                    continue;
                }
            };
            self.hold(line, super::ENTRY_BYTES + key.len())?;
            let event = self.next()?;
            let (value, mut part) = self.node(event, depth + 1, role.of_field(&key))?;
            part.line = line;
            if role.remembers_fields() {
                outline.fields.push((key.clone(), part));
            }
            let hash = self.hasher.hash_one(&key);
            if map.contains_key(&key)
                && let Some((_, first)) = written.iter().find(|(seen, _)| *seen == hash)
            {
                self.problems.push(super::duplicate_key(self.file, &key, *first, line));
                self.enough()?;
            }
            written.push((hash, line));
            map.insert(key, value);
        }
    }

    fn key(&mut self, event: Event, depth: usize, line: u32) -> Read<Key> {
        let key = match event.data {
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                let plain = plain_implicit && style == ScalarStyle::Plain;
                if scalar::is_merge(&value, tag.as_deref(), plain) {
                    return Ok(Key::Merge);
                }
                if anchor.is_some() {
                    let value = self.scalar(line, value.clone(), tag.as_deref(), plain);
                    self.remember(line, anchor, &value)?;
                }
                scalar::resolve(value, tag.as_deref(), plain).and_then(Scalar::into_key)
            }
            _ => match self.node(event, depth + 1, Role::Leaf)?.0 {
                Value::Null => Err(ScalarError::NullKey),
                Value::Bool(bool) => Ok(bool.to_string()),
                Value::Number(number) => Ok(number.to_string()),
                Value::String(text) => Ok(text),
                Value::Array(_) | Value::Object(_) => {
                    return self.stop(line, "a list or a mapping cannot be a key");
                }
            },
        };
        Ok(key.map_or_else(
            |error| {
                self.scalar_fault(line, &error);
                Key::Unfit
            },
            Key::Text,
        ))
    }

    /// Merges the mapping, or the sequence of mappings, that follows `<<`: of a sequence the first wins.
    fn merge(&mut self, map: &mut Map<String, Value>, depth: usize) -> Read<()> {
        const WANTED: &str = "`<<` merges a mapping or a sequence of mappings";
        let event = self.next()?;
        let line = self.line(event.start_mark.line);
        match self.node(event, depth + 1, Role::Leaf)?.0 {
            Value::Object(merged) => map.extend(merged),
            Value::Array(several) => {
                for merged in several.into_iter().rev() {
                    match merged {
                        Value::Object(merged) => map.extend(merged),
                        _ => self.note(line, WANTED),
                    }
                }
            }
            _ => self.note(line, WANTED),
        }
        Ok(())
    }
}

/// What a copy of a value takes in memory, roughly: the text and a fixed part a node.
fn cost(value: &Value) -> u64 {
    const NODE: u64 = 32;
    let text = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => NODE,
        Value::String(string) => text(string) + NODE,
        Value::Array(entries) => entries.iter().map(cost).sum::<u64>() + NODE,
        Value::Object(map) => {
            map.iter().map(|(key, value)| text(key) + NODE + cost(value)).sum::<u64>() + NODE
        }
    }
}
