//! What the end-to-end tests share.
pub mod control_plane;
