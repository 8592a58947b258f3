//! What every object must state about itself before anything can be done with it: `apiVersion`,
//! `kind`, a name, and metadata of the right types.

use serde_json::Value;

use super::names;
use crate::loader::Outline;
use crate::problem::Problem;

/// Adds what is wrong with an object's identity and metadata.
pub(crate) fn check(value: &Value, outline: &Outline, file: &str, problems: &mut Vec<Problem>) {
    let checker = &mut Checker { value, outline, file, problems };
    if !value.is_object() {
        checker.add(
            &[],
            format!("{} stands here, where an object is expected", type_of(value)),
            Some("a document is a mapping with apiVersion, kind and metadata"),
        );
        return;
    }
    checker.api_version();
    checker.kind();
    if !checker.value.get("metadata").is_none_or(Value::is_object) {
        let found = value.get("metadata").map_or("nothing", type_of);
        checker.add(&["metadata"], format!("metadata is {found}, not a mapping"), None);
        return;
    }
    checker.name();
    checker.namespace();
    checker.texts("labels");
    checker.texts("annotations");
}

struct Checker<'a, 'p> {
    value: &'a Value,
    outline: &'a Outline,
    file: &'a str,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Checker<'a, '_> {
    fn add(&mut self, path: &[&str], message: String, hint: Option<&str>) {
        let problem = Problem::at(self.file, self.outline.line_of(path), message);
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    /// A field of `metadata`; null is as good as absent.
    fn metadata(&self, field: &str) -> Option<&'a Value> {
        self.value.get("metadata")?.get(field).filter(|value| !value.is_null())
    }

    /// The kind and name, as far as they are known, to say which object is meant.
    fn title(&self) -> String {
        let kind = self.value.get("kind").and_then(Value::as_str).unwrap_or("object");
        match self.metadata("name").and_then(Value::as_str) {
            Some(name) => format!("{kind} `{name}`"),
            None => format!("this {kind}"),
        }
    }

    fn api_version(&mut self) {
        let title = self.title();
        match self.value.get("apiVersion") {
            None | Some(Value::Null) => {
                self.add(&[], format!("{title} has no apiVersion"), Some(NOT_A_MANIFEST));
            }
            Some(Value::String(text)) => {
                if !names::is_api_version(text) {
                    let message = format!("`{text}` is not an apiVersion, such as v1 or apps/v1");
                    self.add(&["apiVersion"], message, None);
                }
            }
            Some(other) => {
                let message = format!("apiVersion is {}, not a string", type_of(other));
                self.add(&["apiVersion"], message, None);
            }
        }
    }

    fn kind(&mut self) {
        match self.value.get("kind") {
            None | Some(Value::Null) => {
                self.add(&[], "this object has no kind".to_owned(), Some(NOT_A_MANIFEST));
            }
            Some(Value::String(text)) => {
                if !names::is_kind(text) {
                    self.add(&["kind"], format!("`{text}` is not the name of a kind"), None);
                }
            }
            Some(other) => {
                self.add(&["kind"], format!("kind is {}, not a string", type_of(other)), None);
            }
        }
    }

    fn name(&mut self) {
        match self.metadata("name") {
            None if self.metadata("generateName").is_some() => self.add(
                &["metadata", "generateName"],
                format!("{} has a generateName and no name", self.title()),
                Some("what gets a new name on every apply cannot be kept in step with Git; give it a metadata.name"),
            ),
            None => {
                self.add(&["metadata"], format!("{} has no metadata.name", self.title()), None);
            }
            Some(Value::String(name)) => {
                let api_version = self.value.get("apiVersion").and_then(Value::as_str);
                let kind = self.value.get("kind").and_then(Value::as_str);
                if let Some(fault) = names::fault_of_name(
                    api_version.unwrap_or_default(),
                    kind.unwrap_or_default(),
                    name,
                ) {
                    self.add(&["metadata", "name"], format!("the name `{name}` {fault}"), None);
                }
            }
            Some(other) => self.add(
                &["metadata", "name"],
                format!("metadata.name is {}, not a string", type_of(other)),
                Some(QUOTE),
            ),
        }
    }

    fn namespace(&mut self) {
        match self.metadata("namespace") {
            None => {}
            Some(Value::String(name)) if name.is_empty() => {}
            Some(Value::String(name)) => {
                if let Some(fault) = names::fault_of_label(name) {
                    let message = format!("the namespace `{name}` {fault}");
                    self.add(&["metadata", "namespace"], message, None);
                }
            }
            Some(other) => self.add(
                &["metadata", "namespace"],
                format!("metadata.namespace is {}, not a string", type_of(other)),
                Some(QUOTE),
            ),
        }
    }

    /// Labels and annotations: mappings of strings.
    fn texts(&mut self, field: &str) {
        match self.metadata(field) {
            None => {}
            Some(Value::Object(map)) => {
                for (key, value) in map.iter().filter(|(_, value)| !value.is_string()) {
                    let message =
                        format!("metadata.{field}: `{key}` is {}, not a string", type_of(value));
                    self.add(&["metadata", field, key], message, Some(QUOTE));
                }
            }
            Some(other) => {
                let message = format!("metadata.{field} is {}, not a mapping", type_of(other));
                self.add(&["metadata", field], message, None);
            }
        }
    }
}

const QUOTE: &str = "put the value in quotes to make it a string";
const NOT_A_MANIFEST: &str =
    "every manifest of the rendered path is read; leave out files that are none by --exclude";

/// A value's type, in words that follow "is".
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
