//! The merge against what a real API server answered.

mod cases;
mod predict;
mod recorded;
