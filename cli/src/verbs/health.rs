//! `cleat health`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat health`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat health`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat health is being built")
}
