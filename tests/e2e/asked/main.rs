//! When the server is asked what an apply would make of an object, what is made of its answers, and
//! what vouches for an object from then on. `diff` and `plan` must say the same.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

mod mutated;
mod scene;
mod unsure;
