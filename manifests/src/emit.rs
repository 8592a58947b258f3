//! Objects as YAML that kubectl, and our own loader, read back as they were: strings that YAML 1.1
//! would take for something else ("on", "0644", "1_000") are quoted.

use std::fmt::Write as _;

use merge::Origin;
use serde_json::Value;

use crate::loader;

/// A value that has no YAML form. JSON values all have one, so this is a defect of the writer.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be written as YAML: {0}")]
pub struct EmitError(String);

impl EmitError {
    /// A defect of ours.
    pub fn class(&self) -> merge::ErrorClass {
        merge::ErrorClass::Internal
    }
}

/// One value as a YAML document, ending in a line break. What is written is read back first: a text
/// that a block scalar cannot hold for every reader (libyaml takes a tab on its first line for
/// indentation) is quoted instead, and what no YAML spelling holds is written as JSON, which is YAML.
pub fn yaml(value: &Value) -> Result<String, EmitError> {
    for block_scalars in [true, false] {
        let text = spelled(value, block_scalars)?;
        if loader::reads_as(&text, value) {
            return Ok(text);
        }
    }
    Ok(format!("{value}\n"))
}

fn spelled(value: &Value, block_scalars: bool) -> Result<String, EmitError> {
    let mut options = serde_saphyr::SerializerOptions::default();
    // As kubectl indents lists, and no folding: a folded text is hard to compare.
    options.compact_list_indent = true;
    options.folded_wrap_chars = usize::MAX;
    options.prefer_block_scalars = block_scalars;
    let mut text = serde_saphyr::to_string_with_options(value, options)
        .map_err(|error| EmitError(error.to_string()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A stream of objects, each preceded by a comment that says where it was written.
pub fn yaml_stream<'a>(
    objects: impl IntoIterator<Item = (&'a Origin, &'a Value)>,
) -> Result<String, EmitError> {
    let mut stream = String::new();
    for (origin, body) in objects {
        let file: String = origin.file.chars().filter(|c| !c.is_control()).collect();
        // Writing to a string does not fail.
        let _ = writeln!(stream, "---\n# {file}:{}", origin.line);
        stream.push_str(&yaml(body)?);
    }
    Ok(stream)
}
