//! What cleat draws on a terminal. Views are functions of plain values; nothing here talks to a
//! cluster, and nothing decides.
//!
//! | module | what it holds |
//! |---|---|
//! | [`progress`] | a live bar a wave for `cleat apply` |

pub mod progress;
