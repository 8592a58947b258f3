//! The one place of this room that reads the clock. Everything else is given a [`Clock`] and asks it,
//! so that a test or a simulation decides what time it is.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own clock.
    #[allow(clippy::disallowed_methods, reason = "the shell's one reading of the wall clock")]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that starts at a given time and goes on as tokio's does: with tokio's time paused, a
    /// deterministic one. Must be called inside a runtime.
    pub fn following_tokio(start: Timestamp) -> Self {
        let began = Instant::now();
        Self(Arc::new(move || {
            let passed = Instant::now().saturating_duration_since(began);
            jiff::SignedDuration::try_from(passed)
                .ok()
                .and_then(|passed| start.checked_add(passed).ok())
                .unwrap_or(Timestamp::MAX)
        }))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// How long from now until a time; zero when it has passed.
    pub fn until(&self, time: Timestamp) -> std::time::Duration {
        time.duration_since(self.now()).try_into().unwrap_or(std::time::Duration::ZERO)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_follows_tokio_moves_only_with_it() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::following_tokio(start);
        assert_eq!(clock.now(), start);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), "2026-01-01T00:01:30Z".parse::<Timestamp>().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_has_passed_is_no_wait() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::following_tokio(start);
        assert_eq!(clock.until("2026-01-01T00:00:05Z".parse().unwrap()), Duration::from_secs(5));
        assert_eq!(clock.until("2025-12-31T00:00:00Z".parse().unwrap()), Duration::ZERO);
    }
}
