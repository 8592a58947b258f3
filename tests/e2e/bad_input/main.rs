//! Whatever is wrong with what cleat is given: it is told in full, with file and line, the exit code is
//! 2 and no server is asked to store anything. [`sources`] are bad manifests and repositories,
//! [`servers`] clusters that cannot be reached or do not let us in, [`commands`] the command line, and
//! [`secrets`] what must not be told.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

mod commands;
mod repository;
mod secrets;
mod servers;
mod sources;

use std::path::Path;

use tests::program::Program;
use tests::stage::Stage;

fn program(home: &Path) -> Program {
    Program::new(env!("CARGO_BIN_EXE_cleat"), home)
}

/// Fails if anything was stored since the log was cleared; `what` was tried.
fn nothing_was_written(stage: &Stage, what: &str) {
    let writes: Vec<_> =
        stage.proxy.seen().into_iter().filter(tests::proxy::Seen::is_write).collect();
    assert!(writes.is_empty(), "{}: {what} wrote {writes:#?}", stage.server);
}

/// A command line of words, of which `{}` stands for the one that may hold a space.
fn words(line: &str, value: &str) -> Vec<String> {
    line.split(' ').map(|word| word.replace("{}", value)).collect()
}
