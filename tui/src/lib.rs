//! What cleat draws on a terminal. Views are functions of plain values; nothing here talks to a
//! cluster, and nothing decides.
//!
//! | module | what it holds |
//! |---|---|
//! | [`diff`] | what differs between two objects: unified, side by side, or in a line |
//! | [`notes`] | who is answerable for it, in words |
//! | [`outline`] | a plan, wave by wave |
//! | [`progress`] | a live bar a wave for `cleat apply` |
//! | [`style`] | colours, widths, and what may reach a terminal |

pub mod diff;
pub mod notes;
pub mod outline;
pub mod progress;
pub mod style;
