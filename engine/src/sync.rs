//! The machine that carries out a plan: what to do next, given what happened. A function of a state,
//! a time and an event; everything it wants done is an [`Effect`] that somebody else carries out.
//!
//! ```text
//!          ┌─────────── wave ───────────┐
//! Start ─► Record ─► apply rank by rank ─► gate ─► next wave … ─► bake ─► Record ─► prune ─► Record ─► Finish
//!                        │                  │                      │
//!                        └── a render at fault ────────────────────┘
//!                             ├─ hold:     Record (quarantine) ─► Finish(Held)
//!                             └─ rollback: Record (quarantine) ─► PrepareRollback ─► waves ─► gate ─► prune ─► Finish
//! ```
//!
//! Invariants, each of them tested over random plans and random failures:
//! * nothing is applied before the checkpoint that announces it is durable;
//! * a wave begins only when the one before is healthy, at the versions that were applied;
//! * nothing is deleted before the last gate *and the bake*: deleting is the one step that putting
//!   back cannot undo, so it comes when no rollback can follow, and the render has been recorded as
//!   the last healthy one by then;
//! * a failed render is in quarantine before the first write of its rollback;
//! * there is at most one rollback, and it has no bake: its render has passed one before;
//! * every run ends in exactly one [`Effect::Finish`], and no effect follows it.
//!
//! Events are facts; they are taken in first (`facts`) and then the machine moves as far as the
//! facts carry it (`advance`). So no order of events can confuse it.

mod advance;
mod course;
mod effect;
mod ending;
mod event;
mod facts;
mod failing;
mod gating;
mod note;
mod outcome;
mod state;
mod tally;
mod telling;

pub use effect::{Checkpoint, Effect, Moment};
pub use event::{AppliedObject, Event, Failure};
pub use note::{Note, NoteKind, Progress};
pub use outcome::{Blame, Hold, Outcome, Reason, Stage};
pub use state::{Context, Sync};

use jiff::Timestamp;

pub use crate::gate::{Ailing, Observation};

/// What to do next. The state goes in and comes out; an ended run ignores every event.
pub fn decide(mut state: Sync, now: Timestamp, event: Event) -> (Sync, Vec<Effect>) {
    let mut turn = Turn { now, effects: Vec::new() };
    if !state.is_finished() {
        state.take_in(event, &mut turn);
        while state.advance(&mut turn) {}
        state.set_alarm(&mut turn);
    }
    (state, turn.effects)
}

/// One decision in the making: its time, and the effects so far.
struct Turn {
    now: Timestamp,
    effects: Vec<Effect>,
}

#[cfg(test)]
mod tests;
