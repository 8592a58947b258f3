//! `status.conditions`, by the API conventions ("Typical status properties").

use jiff::Timestamp;
use serde_json::Value;

use super::read;

/// One condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    value: &'a Value,
}

/// What a condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    True,
    False,
    Unknown,
}

impl<'a> Condition<'a> {
    /// The condition of a type, if it has a status.
    pub(super) fn of(object: &'a Value, kind: &str) -> Option<Self> {
        let conditions = read::list(object, &["status", "conditions"]);
        let value = conditions.iter().find(|it| read::text(it, &["type"]) == Some(kind))?;
        read::text(value, &["status"]).map(|_| Self { value })
    }

    pub(super) fn says(self) -> Says {
        match read::text(self.value, &["status"]) {
            Some("True") => Says::True,
            Some("False") => Says::False,
            _ => Says::Unknown,
        }
    }

    pub(super) fn reason(self) -> Option<&'a str> {
        read::text(self.value, &["reason"])
    }

    pub(super) fn since(self) -> Option<Timestamp> {
        read::time(self.value, &["lastTransitionTime"])
    }

    /// The generation it speaks of, if it says so (`metav1.Condition.observedGeneration`).
    pub(super) fn observed_generation(self) -> Option<i64> {
        read::number(self.value, &["observedGeneration"])
    }

    /// Its own words: `Reason: message`, or as much of it as there is.
    pub(super) fn words(self) -> String {
        let message =
            read::text(self.value, &["message"]).map(|it| it.trim().trim_end_matches('.'));
        match (self.reason(), message) {
            (Some(reason), Some(message)) => format!("{reason}: {message}"),
            (Some(only), None) | (None, Some(only)) => only.to_owned(),
            (None, None) => {
                let kind = read::text(self.value, &["type"]).unwrap_or("condition");
                let status = read::text(self.value, &["status"]).unwrap_or("Unknown");
                format!("{kind} is {status}")
            }
        }
    }
}

/// A condition that is `True`.
pub(super) fn holds<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    Condition::of(object, kind).filter(|condition| condition.says() == Says::True)
}

/// A condition that is `False`.
pub(super) fn denied<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    Condition::of(object, kind).filter(|condition| condition.says() == Says::False)
}
