//! Who owns what, from end to end: objects that somebody else made and cleat takes over, and objects of
//! cleat's that others have changed. Each ends equal to Git, with nothing of others removed.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

mod adoption;
mod agreement;
mod drift;
mod ignored;
mod scene;
mod shop;
