//! The local preflight: what in a manifest does not fit its kind's schema, said to whoever wrote it.
//!
//! A server answers these with 500 and one line for the whole object, whatever validation is asked
//! for; so they are found here first, all of them, each with its path.

use serde::Serialize;
use serde_json::Value;

use super::{Entries, Scalar, Schemas, TypeRef};
use crate::object::GroupVersionKind;
use crate::path::{Path, Segment};
use crate::typed::{Problem, Unreadable, Wrong, unreadable, validate};

/// What kind of problem a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The kind has no such field.
    UnknownField,
    /// The value is of another type than the field.
    WrongType,
    /// Two entries of a keyed list or a set are the same.
    DuplicateKey,
    /// An entry of a keyed list lacks a key.
    MissingKey,
}

/// A field that does not fit the schema of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Where.
    pub path: Path,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// What is wrong and what to do, without the path.
    pub message: String,
}

impl std::fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Schemas {
    /// Everything in a manifest that its kind's schema does not admit. A kind that is not known is
    /// not judged: ask [`Schemas::knows`].
    pub fn check(&self, body: &Value) -> Vec<FieldProblem> {
        let Some(root) = GroupVersionKind::of(body).and_then(|gvk| self.root(&gvk)) else {
            return Vec::new();
        };
        let misfits = validate(root, body).into_iter().map(explain);
        let unreadable = unreadable(root, body).into_iter().map(|(path, why)| {
            let message = match why {
                Unreadable::Fraction => "a whole number is expected, not one with a fraction",
                Unreadable::Quantity => "an amount is expected, such as 100m, 2 or 1Gi",
                Unreadable::IntOrString => "a whole number or a text is expected",
                Unreadable::Base64(_) => {
                    "base64 is expected; a Secret takes plain text under `stringData`"
                }
            };
            FieldProblem { path, kind: ProblemKind::WrongType, message: message.to_owned() }
        });
        let mut problems: Vec<FieldProblem> = misfits.chain(unreadable).collect();
        null_keys(root, body, &mut Vec::new(), &mut problems);
        problems
    }
}

/// Entries of keyed lists with a key that is null. A server takes them: it stores the entry under the
/// key's default, does not find it there by null, and adds another one with every apply.
fn null_keys(
    at: TypeRef<'_>,
    value: &Value,
    way: &mut Vec<Segment>,
    problems: &mut Vec<FieldProblem>,
) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if let Some(child) = at.child(name).filter(|_| !is_single(inner)) {
                    way.push(Segment::field(name));
                    null_keys(child, inner, way, problems);
                    way.pop();
                }
            }
        }
        Value::Array(items) => {
            let Some(element) = at.element() else { return };
            let keys = match at.entries() {
                Some(Entries::Keyed(keys)) => keys.as_slice(),
                _ => &[],
            };
            for (place, item) in items.iter().enumerate().filter(|(_, item)| !is_single(item)) {
                let is_null = |key: &&String| item.get(key).is_some_and(Value::is_null);
                problems.extend(keys.iter().filter(is_null).map(|key| FieldProblem {
                    path: Path(way.clone()),
                    kind: ProblemKind::MissingKey,
                    message: format!(
                        "entry {place} cannot be told apart: its `{key}` is null; give it a value, \
                         or leave it out if it has a default"
                    ),
                }));
                way.push(Segment::Index(place));
                null_keys(element, item, way, problems);
                way.pop();
            }
        }
        _ => {}
    }
}

const fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn explain(problem: Problem) -> FieldProblem {
    let (kind, message) = match &problem.wrong {
        Wrong::Undeclared { known } => {
            let name = problem.path.segments().last().and_then(|last| last.as_field());
            let hint = name.and_then(|name| closest(name, known));
            let hint = hint.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            (ProblemKind::UnknownField, format!("there is no such field{hint}"))
        }
        Wrong::NotAMap(found) => {
            (ProblemKind::WrongType, format!("a map is expected, not {}", describe(found)))
        }
        Wrong::NotAList(found) => {
            (ProblemKind::WrongType, format!("a list is expected, not {}", describe(found)))
        }
        Wrong::NotAScalar { wanted, found } => {
            let (wanted, hint) = match (wanted, found) {
                (Scalar::Text, Value::Number(_) | Value::Bool(_)) => {
                    ("a text", "; put it in quotes")
                }
                (Scalar::Text, _) => ("a text", ""),
                (Scalar::Integer, Value::String(text)) if text.parse::<i64>().is_ok() => {
                    ("a whole number", "; take the quotes away")
                }
                (Scalar::Integer, _) => ("a whole number", ""),
                (Scalar::Number, _) => ("a number", ""),
                (Scalar::Boolean, Value::String(_)) => ("true or false", "; take the quotes away"),
                (Scalar::Boolean, _) => ("true or false", ""),
                (Scalar::Any, _) => ("a single value", ""),
            };
            let message = format!("{wanted} is expected, not {}{hint}", describe(found));
            (ProblemKind::WrongType, message)
        }
        Wrong::Duplicate(segment) => (
            ProblemKind::DuplicateKey,
            format!("two entries have the key {segment}; each may stand only once"),
        ),
        Wrong::NoKey { place, why } => {
            (ProblemKind::MissingKey, format!("entry {place} cannot be told apart: {why}"))
        }
    };
    FieldProblem { path: problem.path, kind, message }
}

/// What a value is. The value itself is not repeated, since it may be secret.
const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The known name that is closest to a misspelt one, if any is close.
fn closest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let best = known.iter().map(|candidate| (distance(name, candidate), candidate)).min()?;
    let allowed = (name.len() / 3).max(1);
    (best.0 <= allowed).then_some(best.1.as_str())
}

/// How many letters have to be changed, added or taken away, case aside.
fn distance(one: &str, two: &str) -> usize {
    let one: Vec<char> = one.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (line, theirs) in two.to_lowercase().chars().enumerate() {
        let mut next = vec![line + 1];
        let mut left = line + 1;
        for (mine, pair) in one.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else {
                continue;
            };
            let swap = diagonal + usize::from(*mine != theirs);
            left = swap.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
