//! The demo: the whole story of a GitOps application, played for real on an embedded cluster. A stage
//! holds what an act needs, acts are in the story, and everything that is said is measured.

pub mod repository;
pub mod stage;
pub mod story;
pub mod telling;
