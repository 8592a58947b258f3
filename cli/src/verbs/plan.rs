//! `cleat plan`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat plan`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat plan`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat plan is being built")
}
