//! `cleat apply`: brings a cluster to a Git revision, and back when that is not healthy. It is the flags
//! and the printing of [`syncer::apply::run`].

mod flags;
mod printer;

use clap::ValueEnum;
use engine::sync::Outcome;
use merge::schema::Schemas;
use syncer::apply::{self, ApplyError};
use syncer::clock::Clock;

use crate::cluster::{self, ClusterArgs};
use crate::redact::RedactArgs;
use crate::shell::{Exit, Shell};
use crate::source::SourceArgs;
use flags::RunArgs;
use printer::Printer;

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat apply --repo . --path deploy --app shop -n shop
  cleat apply --repo . --path deploy --revision v1.2 --prune --on-failure hold
  kustomize build . | cleat apply -f - --app shop

Exit codes: 0 healthy, or nothing to do · 1 failed: rolled back, held or quarantined ·
2 refused, bad input or unreachable, nothing applied · 130 interrupted: run it again to continue";

/// The flags of `cleat apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    redact: RedactArgs,
    /// How to print what happens
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

/// How to print what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Live bars on a terminal, a line an event otherwise
    Text,
    /// A JSON object an event, the last one the outcome
    Json,
}

/// Runs `cleat apply`. Whatever fails, the last line of `-o json` is an outcome.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let output = args.output;
    attempt(args, shell).or_else(|error| {
        if output == Output::Json {
            shell.json_line(&printer::never_begun(&error))?;
        }
        Err(error)
    })
}

fn attempt(mut args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    cluster::block_on(async {
        let client = args.cluster.connect(shell).await?;
        let namespace = args.source.namespace.take();
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        args.source.namespace = Some(namespace.clone());
        // What a kind is and where it lives is judged by what the cluster serves, not by us.
        let render = args.source.render_quietly(shell, &Schemas::builtin())?;
        let name = args.run.name(&args.source)?;
        let redaction = args.redact.redaction()?;
        let request = args.run.request(&name, &namespace, render, shell.user(), redaction)?;
        let interrupt = cluster::interrupts(tui::progress::give_back)?;
        let mut printer = Printer::new(shell, args.output);
        let clock = Clock::system();
        match apply::run(&request, &client, &clock, &mut printer, &interrupt).await {
            Ok(report) => {
                printer.report(&report)?;
                Ok(exit_of(&report.outcome))
            }
            Err(error) => {
                printer.refused(&error)?;
                // A render that failed before is no bad input: it is known to be unhealthy.
                let known = matches!(error, ApplyError::Quarantined(_));
                Ok(if known { Exit::Negative } else { Exit::Failure })
            }
        }
    })
}

fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Healthy { .. } | Outcome::NoChange => Exit::Success,
        Outcome::Interrupted { .. } => Exit::Interrupted,
        Outcome::Failed { applied, .. } if applied.is_empty() => Exit::Failure,
        Outcome::RolledBack { .. } | Outcome::Held { .. } | Outcome::Failed { .. } => {
            Exit::Negative
        }
    }
}
