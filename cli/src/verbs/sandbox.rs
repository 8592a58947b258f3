//! `cleat sandbox`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat sandbox`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat sandbox`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat sandbox is being built")
}
