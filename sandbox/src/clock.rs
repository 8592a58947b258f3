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

/// A clock that reads the wall once and then goes by the runtime's time, so that a paused runtime
/// pauses it too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall: Timestamp,
    started: tokio::time::Instant,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "controllers start at some time of day")]
    pub(crate) fn start() -> Self {
        Self { wall: Timestamp::now(), started: tokio::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.wall.checked_add(self.started.elapsed()).unwrap_or(Timestamp::MAX)
    }
}
