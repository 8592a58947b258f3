//! What kind of failure an error is. The class decides retries, exit codes, metric labels and hints;
//! every error type of the workspace maps each of its variants to one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a failure, by who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// What the user wrote is wrong: a manifest, a flag, a name. Retrying cannot help.
    User,
    /// The surroundings are wrong: credentials, permissions, a missing kubeconfig.
    Config,
    /// It may pass by itself: a time-out, a reset, 429, 503.
    Transient,
    /// Somebody else owns or changed what was to be written.
    Conflict,
    /// A defect of ours.
    Internal,
}

impl ErrorClass {
    /// The word used in logs, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Config => "config",
            Self::Transient => "transient",
            Self::Conflict => "conflict",
            Self::Internal => "internal",
        }
    }

    /// Whether trying the same thing again may succeed.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Transient)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
