//! Cuts a stream of YAML into its documents by text, before any YAML is read, so that one document
//! that cannot be read hides none of the others.
//!
//! The rule is kubectl's (`YAMLReader` in k8s.io/apimachinery/pkg/util/yaml): a line that begins with
//! `---` separates documents if nothing but white space or a comment follows; anything else after it
//! is an error.

/// One document's text and the line of the file it begins on, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    pub text: &'a str,
    pub first_line: u32,
}

/// A line that begins like a separator and goes on otherwise; counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSeparator {
    pub line: u32,
}

/// The documents of a stream, those without text left out, and the separators that are none.
pub(crate) fn chunks(text: &str) -> (Vec<Chunk<'_>>, Vec<BadSeparator>) {
    let mut chunks = Vec::new();
    let mut bad = Vec::new();
    let (mut start, mut first_line) = (0, 0);
    let mut offset = 0;
    let mut line_number = 0;
    for line in text.split_inclusive('\n') {
        let end = offset + line.len();
        line_number += 1;
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if rest.is_empty() || rest.starts_with('#') {
                push(&mut chunks, text, start..offset, first_line);
                (start, first_line) = (end, line_number);
            } else if line.starts_with("--- ") || line.starts_with("---\t") {
                push(&mut chunks, text, start..offset, first_line);
                bad.push(BadSeparator { line: line_number });
                (start, first_line) = (end, line_number);
            }
        }
        offset = end;
    }
    push(&mut chunks, text, start..offset, first_line);
    (chunks, bad)
}

fn push<'a>(
    chunks: &mut Vec<Chunk<'a>>,
    text: &'a str,
    range: std::ops::Range<usize>,
    first_line: u32,
) {
    if let Some(text) = text.get(range)
        && !text.trim().is_empty()
    {
        chunks.push(Chunk { text, first_line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(&str, u32)> {
        chunks(text).0.iter().map(|chunk| (chunk.text, chunk.first_line)).collect()
    }

    #[test]
    fn documents_know_the_line_they_begin_on() {
        assert_eq!(texts("a\n---\nb\n--- # c\nc"), [("a\n", 0), ("b\n", 2), ("c", 4)]);
        assert_eq!(texts("---\r\na\r\n---\r\nb"), [("a\r\n", 1), ("b", 3)]);
        assert_eq!(texts("---\n\n---\n \n"), []);
        assert_eq!(texts(""), []);
    }

    #[test]
    fn only_a_separator_at_the_start_of_a_line_separates() {
        assert_eq!(texts("a: |\n  ---\n  b"), [("a: |\n  ---\n  b", 0)]);
        assert_eq!(texts("---a"), [("---a", 0)]);
        let (chunks, bad) = chunks("a\n--- {b: c}\nd");
        assert_eq!(chunks.len(), 2);
        assert_eq!(bad, [BadSeparator { line: 2 }]);
    }
}
