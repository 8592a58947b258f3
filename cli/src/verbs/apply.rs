//! `cleat apply`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat apply`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat apply`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat apply is being built")
}
