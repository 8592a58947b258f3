//! How many requests are in flight at once: at most sixteen (more only adds latency on a small API
//! server), halved when the server answers 429, and one more again after each stretch of successes.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The most requests in flight.
pub const MOST: usize = 16;

#[derive(Debug)]
struct State {
    allowed: usize,
    in_flight: usize,
    successes: usize,
}

/// Shared by every copy of a client.
#[derive(Debug, Clone)]
pub struct Limiter {
    state: Arc<Mutex<State>>,
    freed: Arc<Notify>,
}

/// The right to have one request in flight; given back when dropped.
#[derive(Debug)]
pub struct Permit(Limiter);

impl Default for Limiter {
    fn default() -> Self {
        let state = State { allowed: MOST, in_flight: 0, successes: 0 };
        Self { state: Arc::new(Mutex::new(state)), freed: Arc::new(Notify::new()) }
    }
}

impl Limiter {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_acquire(&self) -> Option<Permit> {
        self.with(|state| {
            if state.in_flight < state.allowed {
                state.in_flight += 1;
                Some(Permit(self.clone()))
            } else {
                None
            }
        })
    }

    /// Waits until one more request may be in flight.
    pub async fn acquire(&self) -> Permit {
        loop {
            // Registered before looking, so that a permit given back in between is not missed.
            let freed = self.freed.notified();
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
            freed.await;
        }
    }

    /// The server said 429.
    pub fn slow_down(&self) {
        self.with(|state| {
            state.allowed = (state.allowed / 2).max(1);
            state.successes = 0;
        });
    }

    /// A request was answered.
    pub fn succeeded(&self) {
        let more = self.with(|state| {
            state.successes += 1;
            let grows = state.allowed < MOST && state.successes >= state.allowed * 2;
            if grows {
                state.allowed += 1;
                state.successes = 0;
            }
            grows
        });
        if more {
            self.freed.notify_one();
        }
    }

    /// How many may be in flight now.
    pub fn allowed(&self) -> usize {
        self.with(|state| state.allowed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.with(|state| state.in_flight = state.in_flight.saturating_sub(1));
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_allowed_are_in_flight() {
        let limiter = Limiter::default();
        let mut held = Vec::new();
        for _ in 0..MOST {
            held.push(limiter.acquire().await);
        }
        assert!(limiter.try_acquire().is_none());
        let waiting = tokio::spawn({
            let limiter = limiter.clone();
            async move { limiter.acquire().await }
        });
        held.pop();
        let _permit = waiting.await.unwrap();
        assert!(limiter.try_acquire().is_none());
    }

    #[tokio::test]
    async fn a_429_halves_and_successes_grow_again() {
        let limiter = Limiter::default();
        limiter.slow_down();
        assert_eq!(limiter.allowed(), 8);
        for _ in 0..10 {
            limiter.slow_down();
        }
        assert_eq!(limiter.allowed(), 1);
        limiter.succeeded();
        limiter.succeeded();
        assert_eq!(limiter.allowed(), 2);
        for _ in 0..1000 {
            limiter.succeeded();
        }
        assert_eq!(limiter.allowed(), MOST);
    }
}
