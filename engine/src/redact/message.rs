//! Secret values in what is said about an object.
//!
//! A message is free text: our own checks quote what they refuse, and a server passes on whatever an
//! admission webhook says. So every secret value of the object is searched for, in every usual spelling
//! ([`spelling`]), whole, line by line, and in its longer words. What is known anyway (the object's name,
//! the names of its fields, the words messages are made of) is masked only where it stands as a value:
//! a Secret `shop` may hold the user name `shop`, and a message must still be able to name it.

use std::collections::{BTreeMap, BTreeSet};

use merge::managed;
use serde_json::Value;

use super::places::{Spelling, decoded, each_secret};
use super::{Redaction, spelling};

/// A shorter text is a word like any other, and masked only where it stands by itself.
const WORD: usize = 6;

/// A text as short as this is in every message, and masked only where it stands as a value.
const SNIPPET: usize = 2;

/// Words that messages are made of.
const COMMON: [&str; 62] = [
    "admission",
    "already",
    "and",
    "annotation",
    "apply",
    "cannot",
    "conflict",
    "data",
    "denied",
    "error",
    "exists",
    "expected",
    "failed",
    "false",
    "field",
    "for",
    "forbidden",
    "found",
    "from",
    "has",
    "have",
    "immutable",
    "invalid",
    "is",
    "kind",
    "label",
    "list",
    "map",
    "metadata",
    "missing",
    "must",
    "name",
    "namespace",
    "none",
    "not",
    "null",
    "object",
    "opaque",
    "own",
    "password",
    "request",
    "required",
    "resource",
    "secret",
    "server",
    "spec",
    "string",
    "stringdata",
    "that",
    "the",
    "this",
    "true",
    "type",
    "unknown",
    "user",
    "username",
    "value",
    "version",
    "was",
    "webhook",
    "with",
    "written",
];

/// Nouns after which a quoted word is the name of something.
const NAMES: [&str; 14] = [
    "application",
    "by",
    "field",
    "key",
    "kind",
    "manager",
    "name",
    "named",
    "namespace",
    "object",
    "resource",
    "secret",
    "webhook",
    "with",
];

/// What is searched for, and what is put in its place.
struct Search<'a> {
    message: &'a str,
    /// Words that are known anyway, in lower case.
    public: BTreeSet<String>,
    /// The kinds of the objects, in lower case.
    kinds: Vec<String>,
    /// What was found: from, to, and the mask.
    found: Vec<(usize, usize, String)>,
}

pub(super) fn scrubbed<'a>(
    redaction: &Redaction,
    message: &str,
    objects: impl IntoIterator<Item = &'a Value>,
) -> String {
    let objects: Vec<&Value> = objects.into_iter().collect();
    let mut secrets = BTreeMap::new();
    for object in &objects {
        collect(redaction, object, &mut secrets);
    }
    if secrets.is_empty() || message.is_empty() {
        return message.to_owned();
    }
    let mut public: BTreeSet<String> = COMMON.iter().map(ToString::to_string).collect();
    for object in &objects {
        known_anyway(object, &mut public);
    }
    let kinds = objects.iter().filter_map(|it| Some(it.get("kind")?.as_str()?.to_lowercase()));
    let mut search = Search { message, public, kinds: kinds.collect(), found: Vec::new() };
    let mut words = BTreeMap::new();
    for (text, mask) in &secrets {
        search.value(text, mask);
        for line in text.lines().map(str::trim).filter(|line| line.len() < text.len()) {
            if line.chars().count() >= WORD {
                search.value(line, mask);
            }
        }
        for word in text.split(|it: char| !it.is_alphanumeric()) {
            if word.chars().count() >= WORD && word.len() < text.len() {
                words.entry(word).or_insert(mask);
            }
        }
    }
    search.words(&words);
    search.masked()
}

/// The texts an object hides, with their masks.
fn collect(redaction: &Redaction, object: &Value, into: &mut BTreeMap<String, String>) {
    let mut copies = Vec::new();
    each_secret(&redaction.keys, &mut object.clone(), &mut |value, spelling| {
        if spelling == Spelling::Record {
            return;
        }
        if spelling == Spelling::Copy {
            copies.extend(value.as_str().and_then(|it| serde_json::from_str::<Value>(it).ok()));
        }
        texts(value, &mut |value| {
            // Base64 may be anywhere: a field of the user's may hold it as well as `data` does.
            let clear = decoded(value);
            let mask = redaction.mask(&spelling.clear(value));
            for one in [value, &clear] {
                let text = one.as_str().map_or_else(|| one.to_string(), str::to_owned);
                if !text.is_empty() && !one.is_null() {
                    into.entry(text).or_insert_with(|| mask.clone());
                }
            }
        });
    });
    for copy in &copies {
        collect(redaction, copy, into);
    }
}

/// Every value that is no map, and what is inside of lists: a message may quote either.
fn texts(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(map) => map.values().for_each(|child| texts(child, visit)),
        Value::Array(items) => {
            visit(value);
            for item in items {
                texts(item, visit);
            }
        }
        leaf => visit(leaf),
    }
}

/// What a message about an object says without giving anything away.
fn known_anyway(object: &Value, into: &mut BTreeSet<String>) {
    let texts = ["/metadata/name", "/metadata/namespace", "/kind", "/apiVersion", "/type"];
    let texts = texts.iter().filter_map(|at| object.pointer(at)?.as_str());
    into.extend(texts.map(str::to_lowercase));
    into.extend(managed::entries(object).into_iter().map(|entry| entry.manager.to_lowercase()));
    field_names(object, into);
}

fn field_names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (field, child) in map {
                into.insert(field.to_lowercase());
                if field != "managedFields" {
                    field_names(child, into);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| field_names(item, into)),
        _ => {}
    }
}

impl Search<'_> {
    /// Looks for one text in all its spellings.
    fn value(&mut self, text: &str, mask: &str) {
        let length = text.chars().count();
        let folded = text.to_lowercase();
        let common = length <= SNIPPET || COMMON.contains(&folded.as_str());
        let public = common || self.public.contains(&folded);
        for spelled in spelling::all(text) {
            if spelled.len() > self.message.len() {
                continue;
            }
            for (from, _) in self.message.match_indices(&spelled) {
                let to = from + spelled.len();
                let shown = if public {
                    !self.stands_alone(from, to)
                        || !self.stands_as_value(from)
                        || (common && self.begins_prose(from, to))
                } else {
                    (length < WORD && !self.stands_alone(from, to)) || self.is_in_name(from, to)
                };
                if !shown {
                    self.found.push((from, to, mask.to_owned()));
                }
            }
        }
    }

    /// Looks for words that are parts of a secret text, as in a connection string.
    fn words(&mut self, words: &BTreeMap<&str, &String>) {
        let mut from = 0;
        for word in self.message.split(|it: char| !it.is_alphanumeric()) {
            let to = from + word.len();
            if let Some(mask) = words.get(word)
                && !self.public.contains(&word.to_lowercase())
                && !self.is_in_name(from, to)
            {
                self.found.push((from, to, (*mask).clone()));
            }
            let separator = self.message.get(to..).and_then(|rest| rest.chars().next());
            from = to + separator.map_or(0, char::len_utf8);
        }
    }

    fn before(&self, at: usize) -> &str {
        self.message.get(..at).unwrap_or_default()
    }

    /// Whether a text is not a part of a longer word.
    fn stands_alone(&self, from: usize, to: usize) -> bool {
        let before = self.before(from);
        let mut back = before.chars().rev();
        let one = back.next();
        // The letter or number before it may belong to an escape.
        let escaped = back.next() == Some('\\')
            || before.get(before.len().saturating_sub(3)..).is_some_and(|it| it.starts_with('%'));
        let after = self.message.get(to..).and_then(|rest| rest.chars().next());
        (escaped || !one.is_some_and(char::is_alphanumeric))
            && !after.is_some_and(char::is_alphanumeric)
    }

    /// Whether a text is a part of a name that is known anyway.
    fn is_in_name(&self, from: usize, to: usize) -> bool {
        let in_name = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.');
        let begin = self.before(from).trim_end_matches(in_name).len();
        let rest = self.message.get(to..).unwrap_or_default();
        let end = to + (rest.len() - rest.trim_start_matches(in_name).len());
        let name = self.message.get(begin..end).unwrap_or_default().trim_end_matches('.');
        name.len() > to - from && self.public.contains(&name.to_lowercase())
    }

    /// Whether what begins here stands where messages put values: in quotes (but after a noun that says
    /// whose name they quote), or after `=`, `:` or a bracket.
    fn stands_as_value(&self, from: usize) -> bool {
        let before = self.before(from);
        let unquoted = before.trim_end_matches(['"', '\'', '`', '\\']);
        let last = unquoted.chars().next_back();
        if unquoted.len() < before.len() && last == Some(' ') {
            return !self.is_noun(unquoted.trim_end());
        }
        match last {
            // `map[name:…]` and `data[name]` name fields.
            Some('[') => !unquoted
                .trim_end_matches('[')
                .chars()
                .next_back()
                .is_some_and(|it| it.is_alphanumeric() || it == ']'),
            None | Some('=' | ':' | '{' | '(' | ',' | '"' | '\'') => true,
            Some(' ') => matches!(unquoted.trim_end().chars().next_back(), Some(':' | '=')),
            Some(_) => unquoted.len() < before.len(),
        }
    }

    /// Whether what stands at the beginning, or after a colon, is the first word of a sentence.
    fn begins_prose(&self, from: usize, to: usize) -> bool {
        let mut after = self.message.get(to..).unwrap_or_default().chars();
        (from == 0 || self.before(from).ends_with(": "))
            && after.next() == Some(' ')
            && after.next().is_some_and(char::is_alphabetic)
    }

    /// Whether a text ends in the kind of an object, singular or plural, or in another such noun.
    fn is_noun(&self, text: &str) -> bool {
        let start = text.trim_end_matches(|it: char| it.is_alphanumeric() || it == '.').len();
        let word = text.get(start..).unwrap_or_default().to_lowercase();
        let word = word.split('.').next().unwrap_or_default();
        let word = word.strip_suffix('s').unwrap_or(word);
        NAMES.contains(&word) || self.kinds.iter().any(|kind| kind == word)
    }

    fn masked(mut self) -> String {
        // A mask is never masked again.
        let masks: Vec<(usize, usize)> = self
            .message
            .match_indices("<masked ")
            .filter_map(|(from, opening)| {
                let (digest, _) = self.message.get(from + opening.len()..)?.split_once('>')?;
                let is_digest =
                    digest.len() == 8 && digest.bytes().all(|it| it.is_ascii_hexdigit());
                is_digest.then_some((from, from + opening.len() + digest.len()))
            })
            .collect();
        self.found.retain(|(from, to, _)| !masks.iter().any(|it| it.0 < *from && *to <= it.1));
        // The longest first, where several begin at one place: one secret may be a part of another.
        self.found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(&b.2)));
        let mut out = String::with_capacity(self.message.len());
        let mut told = 0;
        for (from, to, mask) in &self.found {
            if *from >= told {
                out.push_str(self.message.get(told..*from).unwrap_or_default());
                out.push_str(mask);
            }
            told = told.max(*to);
        }
        out.push_str(self.message.get(told..).unwrap_or_default());
        out
    }
}
