//! When a wave may open the way for the next: how long each kind of trouble is tolerated, and what
//! an observation of an object says about the version that was applied.
//!
//! Nothing here waits: [`judge()`] is asked at a time and says, with its verdict, at what later time
//! asking again can give another one without anything having been observed in between.

mod grace;
mod judge;
mod observed;

pub use grace::GraceTable;
pub(crate) use judge::later;
pub use judge::{Evidence, Gate, Memory, judge};
pub use observed::{Ailing, Expected, Observation};

#[cfg(test)]
mod tests;
