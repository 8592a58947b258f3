//! Bytes of a file into values, read as kubectl reads them, with the line of everything that is wrong.
//!
//! ```text
//! bytes ─ UTF-8 ─┬─ .json ──────────────────► json::Reader ─┐
//!                └─ split at `---` ─ chunk ─┬─ `{` ► json ───┼─► documents and problems
//!                                           └──────► yaml ───┘
//! ```
//!
//! One bad document never hides the others: a stream is cut by text first, and each part is read by
//! itself.

mod guard;
mod json;
mod outline;
mod scalar;
mod split;
#[cfg(test)]
mod tests;
mod yaml;

use serde_json::Value;

pub use guard::is_parsing;
pub(crate) use outline::Outline;

use crate::options::Limits;
use crate::problem::Problem;

/// How many faults of one document are told; a document with more is not read to its end.
const MOST_PROBLEMS: usize = 100;

/// A value and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub value: Value,
    pub outline: Outline,
}

/// What a render may still expand and hold, or what a part of it spent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Budget {
    pub alias_bytes: u64,
    pub value_bytes: u64,
    /// More values were asked for than were left.
    pub full: bool,
    /// More values or aliases were asked for than were left.
    pub refused: bool,
}

/// What a mapping takes in memory before it holds anything: a node of a B-tree.
const MAPPING_BYTES: usize = 640;
/// What an entry of a collection takes beside its text.
const ENTRY_BYTES: usize = 64;

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        let Limits { alias_bytes, value_bytes, .. } = *limits;
        Self { alias_bytes, value_bytes, full: false, refused: false }
    }

    /// What was spent of this where so much is left.
    pub fn less(self, left: Self) -> Self {
        Self {
            alias_bytes: self.alias_bytes.saturating_sub(left.alias_bytes),
            value_bytes: self.value_bytes.saturating_sub(left.value_bytes),
            ..left
        }
    }

    /// What is left of this where so much was spent.
    pub fn after(self, spent: Self) -> Self {
        self.less(spent)
    }

    /// Takes what was spent elsewhere; false, and nothing is taken, if there is not as much left.
    pub fn spend(&mut self, spent: Self) -> bool {
        let enough = spent.alias_bytes <= self.alias_bytes && spent.value_bytes <= self.value_bytes;
        if enough {
            *self = self.after(spent);
        }
        enough
    }

    /// Takes what a value needs; false if there is not as much left.
    fn hold(&mut self, bytes: usize) -> bool {
        let left = self.value_bytes.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.value_bytes = left.unwrap_or_default();
        self.full |= left.is_none();
        self.refused |= left.is_none();
        left.is_some()
    }

    /// Takes what a copy needs; false if there is not as much left.
    fn copy(&mut self, bytes: u64) -> bool {
        let left = self.alias_bytes.checked_sub(bytes);
        self.alias_bytes = left.unwrap_or(self.alias_bytes);
        self.refused |= left.is_none();
        left.is_some()
    }
}

/// The documents of a file, those that are empty left out, and all that is wrong with it.
pub(crate) fn load(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Vec<Document> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            problems.push(not_utf8(file, bytes, error.valid_up_to()));
            return Vec::new();
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_json(file) {
        let (documents, found, _) =
            json::Reader::new(file, text, 0, limits.depth, budget).documents();
        problems.extend(found);
        return documents;
    }
    let (chunks, bad_separators) = split::chunks(text);
    problems.extend(bad_separators.iter().map(|bad| {
        Problem::at(file, bad.line, "after `---` only a comment may stand on the line")
    }));
    let mut documents = Vec::new();
    for chunk in chunks {
        if budget.full {
            // Said once already.
            break;
        }
        if chunk.text.trim_start().starts_with('{') {
            let reader =
                json::Reader::new(file, chunk.text, chunk.first_line, limits.depth, budget);
            if let (read, found, Ok(())) = reader.documents() {
                problems.extend(found);
                documents.extend(read);
                continue;
            }
        }
        documents.extend(yaml::load(file, chunk, limits.depth, budget, problems));
    }
    documents
}

/// Whether a text is one YAML document that means exactly this value.
pub(crate) fn reads_as(text: &str, value: &Value) -> bool {
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    let mut problems = Vec::new();
    let chunk = split::Chunk { text, first_line: 0 };
    let read = yaml::load("", chunk, limits.depth, &mut Budget::new(&limits), &mut problems);
    let same = match read.as_slice() {
        [document] => document.value == *value,
        [] => value.is_null(),
        _ => false,
    };
    same && problems.is_empty()
}

/// Whether a file's name says that it is JSON.
pub(crate) fn is_json(file: &str) -> bool {
    std::path::Path::new(file).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
}

fn not_utf8(file: &str, bytes: &[u8], valid_up_to: usize) -> Problem {
    let before = bytes.get(..valid_up_to).unwrap_or_default();
    let lines = before.split(|byte| *byte == b'\n').count() - 1;
    let line = u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1);
    Problem::at(file, line, "this is not UTF-8 text").hint("save the file as UTF-8")
}

fn duplicate_key(file: &str, key: &str, first: u32, line: u32) -> Problem {
    Problem::at(
        file,
        line,
        format!("the key `{key}` stands here again; it is first on line {first}"),
    )
}

fn too_much() -> String {
    "the values of this source take more memory than a source may".to_owned()
}

fn too_deep(depth: usize) -> String {
    format!("values are nested deeper than {depth} levels")
}
