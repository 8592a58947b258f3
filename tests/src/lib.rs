//! What the end-to-end tests share.

#![allow(
    clippy::missing_panics_doc,
    reason = "a test's helpers fail by panicking, which is what their callers want"
)]

pub mod control_plane;
pub mod proxy;
pub mod recorded;
pub mod stage;
