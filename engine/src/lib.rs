//! Pure decisions: three-way diff, plan, waves, health, rollback. No I/O, no clock, no async.

pub mod application;
pub mod asked;
pub mod diff;
pub mod drift;
pub mod gate;
pub mod health;
pub mod ignore;
pub mod plan;
pub mod policy;
pub mod record;
pub mod redact;
pub mod sync;
pub mod vouch;
