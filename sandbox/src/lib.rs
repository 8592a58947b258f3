//! An embedded Kubernetes API, and workload controllers that are ordinary clients of it.
pub mod remote;
pub mod workloads;
