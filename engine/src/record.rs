//! What cleat keeps about an application between two processes: the [`Inventory`] of what it owns,
//! the [`Bundle`] of a revision's render, and the [`Ledger`] that says what was going on.
//!
//! All three are plain values. The machine in [`crate::sync`] says when they must be durable
//! (always *before* the effect they announce); the syncer stores them in Secrets and reads them
//! back. Each is written with a format number: a record of a newer cleat is refused, never guessed.

mod bundle;
mod form;
mod inventory;
mod ledger;
mod resume;

pub use bundle::Bundle;
pub use form::{FORMAT, RecordError};
pub use inventory::{Entry, Inventory};
pub use ledger::{
    Ended, HISTORY_LIMIT, HistoryEntry, Ledger, Phase, Quarantined, Render, Run, RunKind,
};
pub use resume::Resume;

#[cfg(test)]
mod tests;
