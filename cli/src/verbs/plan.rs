//! `cleat plan`: what an apply would do, wave by wave, without doing it.
//!
//! `-o json` prints one document:
//!
//! ```json
//! {"application": "default/shop", "digest": "…", "changes": true,
//!  "waves": [{"number": 0, "ranks": [{"steps": [
//!      {"object": {"apiVersion", "kind", "namespace", "name", "origin"}, "action": "create",
//!       "diff": {"verdict", "changes": [{"path", "kind", "before", "after", "blame"}], "foreign", "goesWith", "handover"}}]}]}],
//!  "prunes": [{"id", "apiVersion", "uid", "resourceVersion"}], "withheld": [{"id", "reason"}],
//!  "irreversible": [{"id", "what"}], "refusals": [{"origin", "id", "kind", "why", "hint"}]}
//! ```

use std::collections::BTreeSet;

use clap::ValueEnum;
use engine::application::ApplicationName;
use engine::plan::{Action, Approvals, Draft, Inputs, Plan, Refusal, draft};
use engine::policy::Policy;
use serde::Serialize;
use tui::style::Style;

use crate::adoption::AdoptionArgs;
use crate::asking;
use crate::ignore::{IgnoreArgs, warn_of_unheeded};
use crate::redact::RedactArgs;
use crate::shell::{Exit, Shell};
use crate::source::SourceArgs;
use crate::world::WorldArgs;

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat plan --repo . --path deploy --cluster    against the kubeconfig's cluster
  cleat plan -f deploy/                          against an empty cluster
  cleat plan -f deploy/ --live live.yaml         against what kubectl get printed

Exit codes: 0 nothing to do · 1 something to do · 2 refused, bad input or unreachable";

/// The flags of `cleat plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    world: WorldArgs,
    #[command(flatten)]
    wishes: Wishes,
    #[command(flatten)]
    redact: RedactArgs,
    #[command(flatten)]
    ignore: IgnoreArgs,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// List unchanged objects too
    #[arg(long)]
    all: bool,
}

/// What the plan is allowed to hold.
#[derive(Debug, clap::Args)]
struct Wishes {
    /// The application's name [default: the last part of --path, else the repository's name]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Delete what the source no longer has
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    adoption: AdoptionArgs,
    /// Approve the deletion of an object that deletes more than itself: namespace/shop; may be repeated
    #[arg(long, value_name = "KIND/NAME")]
    approve_prune: Vec<String>,
    /// Approve more deletions at once than the guard allows: 10 or more that are over half of all
    #[arg(long)]
    approve_mass_prune: bool,
}

/// What files come to that nobody named.
const UNNAMED: &str = "unnamed";

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Wave by wave, for people
    Text,
    /// One JSON document
    Json,
}

/// What `-o json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    application: String,
    digest: String,
    changes: bool,
    #[serde(flatten)]
    plan: &'a Plan,
    refusals: &'a [Refusal],
}

/// Runs `cleat plan`.
pub fn run(mut args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let namespace = args.world.namespace(args.source.namespace.take())?;
    args.source.namespace = Some(namespace.clone());
    let name = args.wishes.app.clone().or_else(|| args.source.lasting_name());
    let name = name.unwrap_or_else(|| UNNAMED.to_owned());
    let application: ApplicationName = format!("{namespace}/{name}").parse()?;
    let (world, desired) = args.world.read(shell, &application, &args.source)?;
    let policy = Policy {
        prune: args.wishes.prune,
        adoption: args.wishes.adoption.policy(),
        ignore: args.ignore.rules()?,
        ..Policy::default()
    };
    let redaction = args.redact.redaction()?;
    let schemas = world.schemas(&desired);
    let approvals = Approvals {
        prune: args.wishes.approve_prune,
        beyond_guard: args.wishes.approve_mass_prune,
    };
    let revoked = BTreeSet::new();
    let inputs = Inputs {
        desired: &desired,
        live: &world.live,
        cluster: &world.cluster,
        inventory: &world.inventory,
        previous: world.previous.as_ref(),
        schemas: &schemas,
        policy: &policy,
        application: &application,
        approvals: &approvals,
        revoked: &revoked,
        redaction: &redaction,
        read_at: world.read_at,
    };
    let mut draft = draft(&inputs);
    let mut notes = Vec::new();
    draft.settle(
        &inputs,
        |verdict| world.asking.is_open(verdict),
        |questions| asking::answers(&world, questions, &mut notes),
    )?;
    for note in &notes {
        shell.warn(note);
    }
    // Of the others it is said where they are shown.
    let silent = draft.plan().steps().filter(|(_, step)| step.action == Action::Unchanged);
    warn_of_unheeded(shell, silent.map(|(_, step)| (&step.manifest.id, &step.diff)));
    match args.output {
        Output::Text => {
            let style = Style {
                colour: shell.colour_out(),
                now: shell.interactive().then(|| syncer::clock::Clock::system().now()),
                ..Style::default()
            };
            shell.data(&tui::outline::plan(draft.plan(), args.all, style))?;
        }
        Output::Json => shell.json(&Report {
            application: application.to_string(),
            digest: draft.plan().digest().to_string(),
            changes: !draft.plan().is_noop(),
            plan: draft.plan(),
            refusals: draft.refusals(),
        })?,
    }
    if let Some(failed) = &world.quarantined {
        shell.warn(&format!(
            "apply refuses this render: it failed at {} and is quarantined: {}",
            failed.at, failed.reason
        ));
        shell.hint("change it in Git, or try it again with --allow-quarantined");
    }
    let exit = told(&draft, shell);
    world.leave(desired);
    Ok(exit)
}

/// Says what speaks against the plan, and what comes of it.
fn told(draft: &Draft, shell: &mut Shell) -> Exit {
    let mut refusals = draft.refusals().iter().peekable();
    while let Some(refusal) = refusals.next() {
        shell.error(&refusal.to_string());
        // What is to be done about several in a row is said once, after the last of them.
        let said_next = refusals.peek().is_some_and(|next| next.hint == refusal.hint);
        if !refusal.hint.is_empty() && !said_next {
            shell.hint(&refusal.hint);
        }
    }
    if !draft.refusals().is_empty() {
        return Exit::Failure;
    }
    if draft.plan().is_noop() { Exit::Success } else { Exit::Negative }
}
