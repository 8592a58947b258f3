//! The room that talks to a cluster: watches and lists come in, API requests go out, and what to do is
//! asked of `engine`. One application, one run at a time ([`apply::run`]).
//!
//! Nothing here decides about objects: the plan, the gate, the rollback and the record's contents are
//! the engine's. Nothing here prints or reads the environment.
//!
//! | module | what it holds |
//! |---|---|
//! | [`client`] | the way to the API server: time-outs, capped retries, a limit of requests in flight |
//! | [`clock`] | the one reading of the wall clock |
//! | [`discovery`] | the kinds that the server serves, and their paths |

pub mod client;
pub mod clock;
pub mod discovery;

pub use client::{Client, Connection};
