//! `cleat demo`: the five acts on an embedded cluster.

use anyhow::Context;

use crate::demo::stage::Stage;
use crate::demo::story;
use crate::shell::{Exit, Shell};

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat demo           the story, in a few seconds
  cleat demo --keep    the same, and the cluster stays for a look with kubectl";

/// The flags of `cleat demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only print the story, as this version does anyhow; exit 0 if every act ended as it should
    #[arg(long)]
    headless: bool,
    /// Leave the cluster running after the story until ctrl-c, for a look with kubectl
    #[arg(long, conflicts_with = "headless")]
    keep: bool,
}

/// Plays it.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut stage = Stage::set().await.context("the embedded cluster does not start")?;
        let played = tokio::select! {
            played = story::play(&mut stage, shell) => played.map(|()| Exit::Success),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                Ok(Exit::Interrupted)
            }
        };
        if args.keep && matches!(played, Ok(Exit::Success)) {
            let kubeconfig = stage.kubeconfig();
            shell.say(&format!(
                "\nThe cluster stays until ctrl-c: kubectl --kubeconfig {} get all -n shop",
                kubeconfig.display()
            ));
            tokio::signal::ctrl_c().await?;
        }
        stage.strike().await?;
        played
    })
}
