//! Stopwatches and what is worked out from their figures.

use std::time::Duration;
#[allow(clippy::disallowed_types, reason = "a benchmark measures time; only this module does")]
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// What some work took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Took {
    /// From its beginning to its end.
    pub wall: Duration,
    /// Of all threads together, on the processor.
    pub processor: Duration,
}

impl Took {
    /// Both, one after the other.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self { wall: self.wall + next.wall, processor: self.processor + next.processor }
    }
}

/// Runs some work once.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures time; only this module does")]
pub fn once<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let processor = processor_time();
    let begun = Instant::now();
    let result = std::hint::black_box(work());
    let wall = begun.elapsed();
    (Took { wall, processor: processor_time().saturating_sub(processor) }, result)
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

/// The median of several runs, wall and processor apart.
pub fn median(mut runs: Vec<Took>) -> Took {
    let middle = runs.len() / 2;
    runs.sort_by_key(|took| took.wall);
    let wall = runs.get(middle).map(|took| took.wall).unwrap_or_default();
    runs.sort_by_key(|took| took.processor);
    let processor = runs.get(middle).map(|took| took.processor).unwrap_or_default();
    Took { wall, processor }
}

/// How many times longer one duration is than another.
pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(1e-9)
}

/// A count as a number to divide by.
#[allow(clippy::cast_precision_loss, reason = "no count here is near 2^52")]
pub const fn float(count: usize) -> f64 {
    count as f64
}

/// The exponent `e` of `y = c · x^e` that fits best: the slope of a line through the logarithms.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let count = float(points.len());
    let logs = || points.iter().map(|(x, y)| (x.ln(), y.ln()));
    let (sum_x, sum_y) = logs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = logs().fold((0.0, 0.0), |(over, under), (x, y)| {
        (over + (x - mean_x) * (y - mean_y), under + (x - mean_x).powi(2))
    });
    over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_the_function() {
        let of = |power: f64| {
            let points: Vec<(f64, f64)> =
                [1.0, 4.0, 10.0, 100.0].iter().map(|x: &f64| (*x, 3.0 * x.powf(power))).collect();
            exponent(&points)
        };
        for power in [0.5, 1.0, 1.05, 2.0] {
            assert!((of(power) - power).abs() < 1e-9);
        }
    }

    #[test]
    fn a_median_is_neither_the_best_nor_the_worst() {
        let took = |wall, processor| Took {
            wall: Duration::from_millis(wall),
            processor: Duration::from_millis(processor),
        };
        assert_eq!(median(vec![took(9, 1), took(2, 8), took(5, 3)]), took(5, 3));
    }
}
