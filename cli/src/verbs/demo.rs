//! `cleat demo`.

use crate::shell::{Exit, Shell};

/// The flags of `cleat demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `cleat demo`.
pub fn run(_args: Args, _shell: &mut Shell) -> anyhow::Result<Exit> {
    anyhow::bail!("cleat demo is being built")
}
