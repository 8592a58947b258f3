//! What the end-to-end tests share.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::panic,
    clippy::result_large_err,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test's helpers fail by panicking and know the machine they run on"
)]

pub mod control_plane;
pub mod kubectl;
pub mod many;
pub mod program;
pub mod proxy;
pub mod recorded;
mod say;
pub mod shop;
pub mod stage;
pub mod tools;

pub use say::say;
