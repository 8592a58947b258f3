//! The wall clock, read in this one place.

use jiff::Timestamp;

/// Now, in whole seconds: the grain of every time in an object.
#[allow(clippy::disallowed_methods, reason = "a server stamps what it stores")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Now, as objects state it.
pub(crate) fn text() -> String {
    now().to_string()
}
