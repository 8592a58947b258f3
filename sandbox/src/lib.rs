//! An embedded Kubernetes API, and workload controllers that are ordinary clients of it.
//!
//! ```text
//! HTTP or an in-process call → cluster (log, hook) → api: discovery | read | write → store → watchers
//! ```
//!
//! What a server *decides* (merging, defaulting, validating) is [`merge`]'s; this crate keeps state,
//! gives out names, versions and addresses, and speaks the protocol. It never authenticates: every
//! caller may do everything, and it only ever listens on a loopback address.

mod address;
mod answer;
mod api;
mod clock;
mod cluster;
mod convert;
mod custom;
mod data;
mod log;
mod names;
mod ownership;
#[cfg(test)]
mod recorded;
mod refusal;
mod registry;
pub mod remote;
mod request;
mod server;
mod store;
pub mod workloads;
mod yaml;

pub use answer::Body;
pub use api::debug::REQUESTS as REQUEST_LOG_PATH;
pub use cluster::{Cluster, ClusterService, Dropped, Options};
pub use request::{Hook, HookAction, Request, Verb};
pub use server::Server;
