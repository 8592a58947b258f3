//! What can be wrong with a rule, in words for whoever wrote it.

use std::fmt;

use merge::ErrorClass;

/// What is wrong with the rules of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// Which rule of the list, from 1; `None` if it is the list itself.
    pub rule: Option<usize>,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What can be wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The rules are no list.
    #[error(
        "a list of rules is expected, each like {{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}}"
    )]
    NotAList,
    /// There are more rules than can be kept.
    #[error(
        "there are {count} rules, and {most} are the most there may be; globs in group and kind cover many at once"
    )]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Not the shape of a rule.
    #[error("{0}")]
    Shape(String),
    /// A group or kind that is no glob.
    #[error("{field} `{pattern}` is no pattern: {why}")]
    Pattern {
        /// Which field.
        field: &'static str,
        /// What it says.
        pattern: String,
        /// Why it cannot be read.
        why: String,
    },
    /// A pointer that cannot be read.
    #[error("jsonPointers `{pointer}`: {why}")]
    Pointer {
        /// Its text.
        pointer: String,
        /// Why it cannot be read.
        why: String,
    },
    /// A path expression that cannot be read, or says what it may not say.
    #[error("jqPathExpressions `{expression}`: {why}")]
    Expression {
        /// Its text.
        expression: String,
        /// Why it is refused.
        why: String,
    },
    /// Our own manager's name.
    #[error(
        "managedFieldsManagers has `{0}`, which is cleat itself: everything it applied would be ignored; name the fields instead"
    )]
    OurOwn(&'static str),
    /// A glob where names are compared exactly.
    #[error(
        "{field} `{text}` is compared letter by letter, as in Argo CD; leave {field} out to mean every one"
    )]
    NoGlobs {
        /// Which field.
        field: &'static str,
        /// What it says.
        text: String,
    },
}

impl RuleError {
    pub(super) const fn whole(fault: Fault) -> Self {
        Self { rule: None, fault }
    }

    /// The kind of this failure.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::User
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(number) => write!(f, "ignoreDifferences rule {number}: {}", self.fault),
            None => write!(f, "ignoreDifferences: {}", self.fault),
        }
    }
}
