//! The verbs, one small file each; this table is where the parser, the help and the dispatch come from.

mod apply;
mod completion;
#[cfg(feature = "demo")]
mod demo;
mod diff;
mod health;
mod plan;
mod render;
#[cfg(feature = "demo")]
mod sandbox;

use clap::Subcommand;

use crate::shell::{Exit, Shell};

/// What cleat can be told to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Play the whole story on an embedded cluster: sync, rollout, rollback, drift, prune
    #[cfg(feature = "demo")]
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// Print the objects a Git revision (or files) renders to
    #[command(after_help = render::EXAMPLES)]
    Render(render::Args),
    /// Show what an apply would do, wave by wave, without doing it
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::Args),
    /// Show what differs between Git and the cluster (or two files), field by field
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::Args),
    /// Bring a cluster to a Git revision, gated on health, rolled back when it fails
    #[command(after_help = apply::EXAMPLES)]
    Apply(apply::Args),
    /// Judge the health of objects, as kubectl prints them, without a cluster
    #[command(after_help = health::EXAMPLES)]
    Health(health::Args),
    /// Run an embedded Kubernetes API with workload controllers
    #[cfg(feature = "demo")]
    #[command(after_help = sandbox::EXAMPLES)]
    Sandbox(sandbox::Args),
    /// Print a completion script for a shell
    #[command(after_help = completion::EXAMPLES)]
    Completion(completion::Args),
}

impl Verb {
    /// Does it.
    pub fn run(self, shell: &mut Shell) -> anyhow::Result<Exit> {
        match self {
            #[cfg(feature = "demo")]
            Self::Demo(args) => demo::run(args, shell),
            Self::Render(args) => render::run(args, shell),
            Self::Plan(args) => plan::run(args, shell),
            Self::Diff(args) => diff::run(args, shell),
            Self::Apply(args) => apply::run(args, shell),
            Self::Health(args) => health::run(args, shell),
            #[cfg(feature = "demo")]
            Self::Sandbox(args) => sandbox::run(args, shell),
            Self::Completion(args) => completion::run(args, shell),
        }
    }
}
