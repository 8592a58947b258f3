//! `cleat`: the one binary. It wires the rooms of the house together: a small file a verb under
//! [`verbs`], the terminal and the exit code in [`shell`]. What is decided is decided elsewhere.

mod adoption;
mod asking;
mod cache;
mod cluster;
#[cfg(feature = "demo")]
mod demo;
mod duration;
mod ignore;
mod redact;
mod shell;
mod source;
mod verbs;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::shell::Shell;
use crate::verbs::Verb;

/// GitOps continuous delivery for Kubernetes: a Git commit in, a healthy cluster out, and back again
/// when it is not.
#[derive(Debug, Parser)]
#[command(name = "cleat", version, arg_required_else_help = true, after_help = AFTERWORD)]
struct Cleat {
    #[command(flatten)]
    shell: shell::Options,
    #[command(subcommand)]
    verb: Verb,
}

/// What the help ends with.
const AFTERWORD: &str = "\
Begin with `cleat demo`; `cleat help VERB` has examples.

Exit codes: 0 done, healthy, no difference · 1 differs, not healthy, rolled back or held ·
2 bad input or unreachable, nothing applied · 130 interrupted";

fn main() -> ExitCode {
    let cleat = Cleat::parse();
    let mut shell = Shell::new(&cleat.shell);
    match cleat.verb.run(&mut shell) {
        Ok(exit) => exit.into(),
        Err(error) => shell.failed(&error).into(),
    }
}
