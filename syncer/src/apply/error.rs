//! Why nothing of a render was applied.

use engine::plan::Refusal;
use engine::record::Quarantined;
use merge::ErrorClass;

use crate::client::RequestError;
use crate::preflight::Refused;
use crate::records::RecordsError;

/// Why nothing of a render was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The server was asked in vain.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The records cannot be read or written.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The plan did not pass its check; every reason is here.
    #[error("the plan was refused, nothing was applied: {}", counted(.0.len()))]
    Plan(Vec<Refusal>),
    /// The server would refuse objects; every one is here.
    #[error("the server would refuse this, nothing was applied: {}", counted(.0.len()))]
    Preflight(Vec<Refused>),
    /// There is nothing in the render: a wrong path or a broken pipe more often than a wish.
    #[error("the source has no objects, nothing was applied")]
    Empty,
    /// The render failed before, and has not changed since.
    #[error(
        "this render failed at {} and is quarantined, nothing was applied: {}", .0.at, .0.reason
    )]
    Quarantined(Box<Quarantined>),
    /// The machine and its driver disagree: a defect of ours.
    #[error("the run came to a stop without an end; this is a defect of cleat ({0})")]
    Stuck(&'static str),
}

fn counted(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

impl ApplyError {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Request(error) => error.class(),
            Self::Records(error) => error.class(),
            Self::Plan(refusals) => refusals.first().map_or(ErrorClass::User, Refusal::class),
            Self::Preflight(_) | Self::Quarantined(_) | Self::Empty => ErrorClass::User,
            Self::Stuck(_) => ErrorClass::Internal,
        }
    }

    /// What to do about the error as a whole, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty => Some("look at what cleat render prints for the same flags"),
            Self::Quarantined(_) => {
                Some("change it in Git, or try it again with --allow-quarantined")
            }
            _ => None,
        }
    }

    /// Every single problem behind the error, one line each, with what to do where that is known.
    pub fn problems(&self) -> Vec<(String, Option<String>)> {
        match self {
            Self::Plan(refusals) => refusals
                .iter()
                .map(|refusal| {
                    let hint = Some(refusal.hint.clone()).filter(|hint| !hint.is_empty());
                    (refusal.to_string(), hint)
                })
                .collect(),
            Self::Preflight(refused) => {
                refused.iter().map(|refused| (refused.to_string(), None)).collect()
            }
            _ => Vec::new(),
        }
    }
}
