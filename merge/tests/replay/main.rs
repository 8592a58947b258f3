//! The merge against what a real API server answered.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a recording that is not as described should fail the test, and the figures are printed"
)]

mod cases;
mod mutations;
mod normal;
mod predict;
mod recorded;
