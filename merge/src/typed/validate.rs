//! What is wrong with a value, by its schema.
//!
//! [`Problem::server_words`] repeats structured-merge-diff's own messages, Go's value formatting
//! included, since a server's 500 carries them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::keys::all_differ;
use super::trail::Trail;
use super::{Form, form_of, segment_of};
use crate::path::{Path, Segment, quoted};
use crate::schema::{Entries, ListType, Scalar, TypeRef};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub path: Path,
    pub wrong: Wrong,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wrong {
    /// A field the schema does not declare; the names it does.
    Undeclared {
        known: Vec<String>,
    },
    NotAMap(Value),
    NotAList(Value),
    NotAScalar {
        wanted: Scalar,
        found: Value,
    },
    /// Two entries of a list cannot be told apart.
    Duplicate(Segment),
    /// An entry of a list lacks what tells it apart.
    NoKey {
        place: usize,
        why: String,
    },
}

/// Everything that is wrong with a value.
pub(crate) fn validate(at: TypeRef<'_>, value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    visit(at, value, &Trail::ROOT, &mut problems);
    problems
}

fn visit(at: TypeRef<'_>, value: &Value, trail: &Trail<'_>, problems: &mut Vec<Problem>) {
    let mut note = |wrong| problems.push(Problem { path: Path(trail.segments()), wrong });
    match (form_of(at, value), value) {
        (_, Value::Null) | (Form::None, _) => {}
        (Form::Map(_), Value::Object(fields)) => {
            let mut undeclared = Vec::new();
            for (name, inner) in fields {
                match at.child(name) {
                    Some(child) => visit(child, inner, &trail.field(name), problems),
                    None => undeclared.push(name),
                }
            }
            for name in undeclared {
                let known = at.field_names().map(str::to_owned).collect();
                let path = Path(trail.field(name).segments());
                problems.push(Problem { path, wrong: Wrong::Undeclared { known } });
            }
        }
        (Form::Map(_), other) => note(Wrong::NotAMap(other.clone())),
        (Form::Scalar(wanted), found) => {
            if !admits(wanted, found) {
                note(Wrong::NotAScalar { wanted, found: found.clone() });
            }
        }
        (Form::List(list), Value::Array(items)) => {
            let Some(element) = at.element() else {
                return;
            };
            if list.entries == Entries::Atomic {
                for (place, item) in items.iter().enumerate() {
                    visit(element, item, &trail.index(place), problems);
                }
            } else if all_differ(at, list, items) {
                for item in items {
                    visit(element, item, &trail.entry(at, list, item), problems);
                }
            } else {
                entries(at, list, items, trail, problems);
            }
        }
        (Form::List(_), other) => note(Wrong::NotAList(other.clone())),
    }
}

/// The entries of a list of which some cannot be told apart.
fn entries(
    at: TypeRef<'_>,
    list: &ListType,
    items: &[Value],
    trail: &Trail<'_>,
    problems: &mut Vec<Problem>,
) {
    let Some(element) = at.element() else {
        return;
    };
    let mut seen = BTreeSet::new();
    for (place, item) in items.iter().enumerate() {
        let mut note = |wrong| problems.push(Problem { path: Path(trail.segments()), wrong });
        let segment = match segment_of(at, list, item) {
            Ok(segment) => segment,
            Err(why) => {
                note(Wrong::NoKey { place, why });
                return;
            }
        };
        if !seen.insert(segment.clone()) {
            note(Wrong::Duplicate(segment.clone()));
        }
        visit(element, item, &trail.segment(&segment), problems);
    }
}

const fn admits(wanted: Scalar, found: &Value) -> bool {
    match wanted {
        Scalar::Text => matches!(found, Value::String(_)),
        Scalar::Integer | Scalar::Number => matches!(found, Value::Number(_)),
        Scalar::Boolean => matches!(found, Value::Bool(_)),
        Scalar::Any => matches!(found, Value::String(_) | Value::Number(_) | Value::Bool(_)),
    }
}

impl Problem {
    /// `path: message`, as structured-merge-diff words it.
    pub fn server_words(&self) -> String {
        let path = &self.path;
        match &self.wrong {
            Wrong::Undeclared { .. } => format!("{path}: field not declared in schema"),
            Wrong::NotAMap(found) => format!("{path}: expected map, got {}", pointer(found)),
            Wrong::NotAList(found) => format!("{path}: expected list, got {}", pointer(found)),
            Wrong::NotAScalar { wanted, found } => match wanted {
                Scalar::Text => format!(
                    "{path}: expected string, got &value.valueUnstructured{{Value:{}}}",
                    go_syntax(found)
                ),
                Scalar::Integer | Scalar::Number => {
                    format!("{path}: expected numeric (int or float), got {}", go_type(found))
                }
                Scalar::Boolean => format!("{path}: expected boolean, got {}", pointer(found)),
                Scalar::Any => format!("{path}: expected any scalar, got {}", pointer(found)),
            },
            Wrong::Duplicate(segment) => format!("{path}: duplicate entries for key {segment}"),
            Wrong::NoKey { place, why } => format!("{path}: element {place}: {why}"),
        }
    }
}

/// A pointer to a struct that holds the value, as Go's `%v` prints it.
fn pointer(value: &Value) -> String {
    format!("&{{{}}}", go_text(value))
}

/// Go's `%v`.
fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}:{}", go_text(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

/// Go's `%#v`.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(fields) => {
            let mut out = String::from("map[string]interface {}{");
            for (place, (name, value)) in fields.iter().enumerate() {
                let comma = if place == 0 { "" } else { ", " };
                // Writing to a text cannot fail.
                let _ = write!(out, "{comma}{}:{}", quoted(name), go_syntax(value));
            }
            out.push('}');
            out
        }
        other => other.to_string(),
    }
}

/// Go's `%T`.
const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::String(_) => "string",
        Value::Number(_) => "float64",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
