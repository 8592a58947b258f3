//! What cleat draws on a terminal. Views are functions of plain values; nothing here talks to a
//! cluster, and nothing decides.
//!
//! | module | what it holds |
//! |---|---|
//! | [`outline`] | a plan, wave by wave |
//! | [`progress`] | a live bar a wave for `cleat apply` |
//! | [`unified`] | what differs, line by line, and who is answerable |

pub mod outline;
pub mod progress;
pub mod unified;
