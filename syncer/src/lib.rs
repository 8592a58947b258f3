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
//! | [`schemas`] | the server's schemas of the kinds in use |
//! | [`live`] | what the cluster has of one application, from lists and watches |
//! | [`surroundings`] | what else has a say in what becomes of an applied object |
//! | [`watch`] | the watches that go on from those lists |
//! | [`reading`] | all that a comparison reads, at once |
//! | [`records`] | what is kept between runs, in Secrets |
//! | [`requests`] | applies and deletions, with their preconditions |
//! | [`preflight`] | the server's opinion of a plan, by dry run |
//! | [`ask`] | the server's opinion of one object, once a pair |
//! | [`apply`] | one run: plan, ask, carry out |

pub mod apply;
pub mod ask;
pub mod client;
pub mod clock;
pub mod discovery;
pub mod handover;
pub mod live;
pub mod preflight;
pub mod reading;
pub mod records;
pub mod requests;
pub mod schemas;
pub mod surroundings;
pub mod watch;

pub use client::{Client, Connection};
