//! The columns a definition prints: its own, or the age.

use serde_json::Value;

use super::Definition;
use crate::registry::{items, text};

/// A column and the path of its cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) value_type: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    path: Vec<String>,
}

/// The columns of a version after its name.
pub(crate) fn columns(definition: &Definition, version: &str) -> Vec<Column> {
    let declared: Vec<Column> = definition
        .version(version)
        .into_iter()
        .flat_map(|entry| items(entry, &["additionalPrinterColumns"]))
        .map(|entry| Column {
            name: text(entry, "name"),
            value_type: text(entry, "type"),
            format: text(entry, "format"),
            description: text(entry, "description"),
            priority: entry.get("priority").and_then(Value::as_i64).unwrap_or_default(),
            path: simple_path(&text(entry, "jsonPath")),
        })
        .collect();
    if !declared.is_empty() {
        return declared;
    }
    vec![Column {
        name: "Age".to_owned(),
        value_type: "date".to_owned(),
        format: String::new(),
        description: String::new(),
        priority: 0,
        path: simple_path(".metadata.creationTimestamp"),
    }]
}

/// `.status.conditions[?(@.type=="Ready")].status` as steps: fields, `[0]`, `[type=Ready]`.
fn simple_path(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut depth = 0_usize;
    for letter in path.chars() {
        match letter {
            '.' if depth == 0 => steps.push(std::mem::take(&mut step)),
            '[' => {
                if depth == 0 {
                    steps.push(std::mem::take(&mut step));
                }
                depth += 1;
                step.push(letter);
            }
            ']' => {
                depth = depth.saturating_sub(1);
                step.push(letter);
            }
            _ => step.push(letter),
        }
    }
    steps.push(step);
    steps.retain(|step| !step.is_empty());
    steps
}

impl Column {
    /// The value the path leads to in an object.
    pub(crate) fn find<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.path.iter().try_fold(object, |value, step| {
            let Some(inner) = step.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
                return value.get(step);
            };
            let list = value.as_array();
            if let Ok(index) = inner.parse::<usize>() {
                return list?.get(index);
            }
            if let Some(key) = inner.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
                return value.get(key);
            }
            let filter = inner.strip_prefix("?(@.")?.strip_suffix(')')?;
            let (field, wanted) = filter.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            list?.iter().find(|item| item.get(field.trim()).and_then(Value::as_str) == Some(wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_fields_indices_and_conditions() {
        let object = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]},
            "spec": {"hosts": ["a", "b"]}});
        for (path, expected) in [
            (".spec.hosts[1]", Some(json!("b"))),
            (".status.conditions[?(@.type==\"Ready\")].status", Some(json!("True"))),
            (".spec.none", None),
        ] {
            let column = Column {
                name: String::new(),
                value_type: String::new(),
                format: String::new(),
                description: String::new(),
                priority: 0,
                path: simple_path(path),
            };
            assert_eq!(column.find(&object).cloned(), expected, "{path}");
        }
    }
}
