//! `cleat diff`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat diff`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat diff`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat diff is being built")
}
