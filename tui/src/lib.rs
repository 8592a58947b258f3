//! What cleat draws on a terminal.
