//! `cleat render`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat render`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat render`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat render is being built")
}
