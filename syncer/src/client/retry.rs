//! When a request is sent again, and after how long: a pure table.
//!
//! Only what may be repeated without harm comes here: reads, our applies (the same body by the same
//! manager gives the same object) and deletes that carry a uid. The waits double, have a cap and no
//! jitter: one process sends these requests, so there is no herd to spread, and a run can be replayed.

use std::time::Duration;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How many times a request is sent in all.
    pub attempts: u32,
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait of our own choosing.
    pub cap: Duration,
    /// The longest wait that a server may ask for (`Retry-After`); a longer one ends the request.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first: Duration::from_millis(50),
            cap: Duration::from_secs(2),
            patience: Duration::from_secs(30),
        }
    }
}

/// What came of one attempt, as far as trying again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// 429: the server wants less of us. Carries what `Retry-After` said.
    TooMany(Option<Duration>),
    /// 503 or 504, or a 500 by which the server says that it ran out of time itself.
    Unavailable(Option<Duration>),
    /// The connection broke, or no answer came in time.
    Broken,
    /// No connection could be made, although one had been before.
    Refused,
    /// Anything else: an answer, or a failure that trying again cannot change.
    Settled,
}

impl RetryPolicy {
    /// How long to wait before sending again; `None` to take what came as the answer.
    /// `sent` is how many times the request has been sent.
    pub fn wait(&self, sent: u32, attempt: Attempt) -> Option<Duration> {
        if sent >= self.attempts {
            return None;
        }
        let ours = self.first.saturating_mul(1 << sent.saturating_sub(1).min(16)).min(self.cap);
        match attempt {
            Attempt::Settled => None,
            Attempt::Broken
            | Attempt::Refused
            | Attempt::TooMany(None)
            | Attempt::Unavailable(None) => Some(ours),
            Attempt::TooMany(Some(asked)) | Attempt::Unavailable(Some(asked)) => {
                (asked <= self.patience).then_some(asked.max(ours))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn waits_double_up_to_a_cap_and_end() {
        let policy = RetryPolicy::default();
        let waits: Vec<_> = (1..=8).map(|sent| policy.wait(sent, Attempt::Broken)).collect();
        assert_eq!(
            waits,
            [
                Some(ms(50)),
                Some(ms(100)),
                Some(ms(200)),
                Some(ms(400)),
                Some(ms(800)),
                Some(ms(1600)),
                Some(ms(2000)),
                None
            ]
        );
    }

    #[test]
    fn each_outcome_has_its_wait() {
        let policy = RetryPolicy::default();
        let table = [
            (Attempt::Settled, None),
            (Attempt::Broken, Some(ms(50))),
            (Attempt::Refused, Some(ms(50))),
            (Attempt::TooMany(None), Some(ms(50))),
            (Attempt::TooMany(Some(ms(1000))), Some(ms(1000))),
            (Attempt::TooMany(Some(ms(1))), Some(ms(50))),
            (Attempt::Unavailable(Some(ms(3000))), Some(ms(3000))),
            (Attempt::Unavailable(Some(Duration::from_secs(3600))), None),
        ];
        for (attempt, expected) in table {
            assert_eq!(policy.wait(1, attempt), expected, "{attempt:?}");
        }
    }
}
