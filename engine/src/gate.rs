//! When a wave may open the way for the next: how long each kind of trouble is tolerated, and what
//! an observation of an object says about the version that was applied.

mod grace;

pub use grace::GraceTable;
