//! What the README's figures come from: a corpus of realistic objects, the live objects a server
//! would have for them, and the means to measure and report.
//!
//! ```text
//! Shape ─► Corpus (files) ─► Repository (git) ─► Mirror, Revision ─► what is measured
//!                                 └─► Render ─► live objects ────────────┘
//! ```
//!
//! Every figure is a ratio to a floor or a peer that is measured in the same run.

pub mod compare;
pub mod corpus;
pub mod live;
pub mod measure;
pub mod report;
pub mod repository;
