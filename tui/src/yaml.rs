//! Objects as YAML text: the one place that writes it. What YAML 1.1 readers would take for something
//! else (`on`, `1_000`, `0o7`) is quoted, so that what is shown can be applied as it is.

use serde_json::Value;

/// One object as a YAML document, without `---`, ending in a newline.
pub fn text(object: &Value) -> Result<String, YamlError> {
    // Long texts stay on their line: folding them would show a change of one word as many lines.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = serde_saphyr::to_string_with_options(object, options)
        .map_err(|error| YamlError(error.to_string()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A value that cannot be written as YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object cannot be written as YAML: {0}")]
pub struct YamlError(String);

impl YamlError {
    /// Who can mend it.
    pub const fn class(&self) -> merge::ErrorClass {
        merge::ErrorClass::Internal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_reads_as_something_else_is_quoted() {
        let object = json!({"data": {"a": "on", "b": "1_000", "c": "12", "d": "plain", "e": "2001-01-01"}});
        assert_eq!(
            text(&object).unwrap(),
            "data:\n  a: \"on\"\n  b: \"1_000\"\n  c: \"12\"\n  d: plain\n  e: \"2001-01-01\"\n"
        );
    }

    #[test]
    fn a_long_text_stays_on_its_line() {
        let long = "word ".repeat(60);
        let written = text(&json!({"data": {"a": long.trim()}})).unwrap();
        assert_eq!(written.lines().count(), 2, "{written}");
    }
}
