//! Structured merge over untyped Kubernetes objects.
//!
//! Everything here is a function of values: schemas come in, objects come in, objects go out.
//! The engine predicts with it what a server would answer; the sandbox answers with it.
//! Nothing here does I/O, reads a clock, or knows who calls.
//!
//! | module | what it holds |
//! |---|---|
//! | [`object`] | identities, accessors and the one form a desired object has |
//! | [`digest`] | canonical JSON and its sha256 |
//! | [`class`] | what kind of failure an error is |
//! | [`path`], [`fields`] | paths to fields, sets of fields and their algebra |
//! | [`resources`], [`scale`] | which kinds a server serves, and the scale of workloads |
//! | [`schema`] | how the fields of a kind merge, and what does not fit it |
//! | [`apply`](mod@apply) | server-side apply |
//! | [`managed`] | who owns which fields |
//! | [`meaning`] | values by what they mean, not how they are spelled |
//! | [`defaults`] | what a server fills in for built-in kinds |
//! | [`strategic`] | strategic merge patch |
//! | [`validate`] | what a server refuses with 422, and in which words |

pub mod apply;
mod builtin;
pub mod class;
pub mod defaults;
pub mod digest;
pub mod fields;
pub mod managed;
pub mod meaning;
pub mod object;
pub mod path;
#[cfg(test)]
mod recorded;
mod reset;
pub mod resources;
pub mod scale;
pub mod schema;
pub mod strategic;
mod typed;
pub mod validate;

pub use class::ErrorClass;
pub use digest::Digest;
pub use fields::FieldSet;
pub use object::{GroupVersionKind, Manifest, ObjectId, Origin};
pub use path::{Path, Segment};
pub use schema::Schemas;
