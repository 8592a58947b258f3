//! `cleat completion`: a completion script, generated from the same table as the parser.

use clap::CommandFactory;

use crate::Cleat;
use crate::shell::{Exit, Shell};

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat completion bash > ~/.local/share/bash-completion/completions/cleat
  cleat completion fish > ~/.config/fish/completions/cleat.fish
  cleat completion zsh > \"${fpath[1]}/_cleat\"";

/// The flags of `cleat completion`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to complete in
    shell: clap_complete::Shell,
}

/// Prints the script to standard output.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cleat::command(), "cleat", &mut script);
    shell.data(&String::from_utf8(script)?)?;
    Ok(Exit::Success)
}
