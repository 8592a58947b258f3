//! What is wrong with a source, file by file and line by line. A render never stops at the first
//! problem: what it returns is all of them.

use std::fmt;

use merge::{ErrorClass, Origin};
use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The path inside the source, with `/`; `-` for standard input.
    pub file: String,
    /// The line, from 1; `None` where the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it, where that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of a whole file.
    pub fn in_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, message: message.into(), hint: None }
    }

    /// A problem of one line.
    pub fn at(file: impl Into<String>, line: u32, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: Some(line), message: message.into(), hint: None }
    }

    /// A problem where an object was written.
    pub fn of(origin: &Origin, message: impl Into<String>) -> Self {
        Self::at(origin.file.clone(), origin.line, message)
    }

    /// The same problem, with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `file:line: message`, the form editors and terminals turn into a link.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file.is_empty() { "." } else { &self.file };
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", self.message),
            None => write!(f, "{file}: {}", self.message),
        }
    }
}

/// Everything that is wrong with a source: at least one problem, ordered by file and line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in the order of their files and lines, or `Ok` if there are none.
    pub fn none_in(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort();
        problems.dedup();
        Err(Self(problems))
    }

    /// The problems, ordered by file and line.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are; never none.
    #[allow(clippy::len_without_is_empty, reason = "there is at least one problem")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each hint once, in the order of the problems.
    pub fn hints(&self) -> Vec<&str> {
        let mut hints: Vec<&str> = Vec::new();
        for hint in self.0.iter().filter_map(|problem| problem.hint.as_deref()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }

    /// What is wrong is what somebody wrote.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::User
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One problem a line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_read_in_the_order_of_files_and_lines_and_each_once() {
        let late = Problem::at("b.yaml", 2, "two");
        let early = Problem::at("a.yaml", 12, "twelve").hint("mend it");
        let whole = Problem::in_file("a.yaml", "all of it").hint("mend it");
        let problems =
            Problems::none_in(vec![late.clone(), early.clone(), whole, late]).unwrap_err();
        assert_eq!(problems.to_string(), "a.yaml: all of it\na.yaml:12: twelve\nb.yaml:2: two");
        assert_eq!(problems.hints(), ["mend it"]);
        assert!(Problems::none_in(Vec::new()).is_ok());
    }
}
