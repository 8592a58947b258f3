//! `cleat diff`: what differs between the source and what there is, field by field.
//!
//! `-o json` prints one document:
//!
//! ```json
//! {"differs": true, "objects": [
//!     {"id": {"group", "kind", "namespace", "name"}, "origin": "web.yaml:1",
//!      "action": "create" | "update" | "adopt" | "unchanged" | "prune" | "kept" | "remove", "reason",
//!      "verdict", "changes": [{"path", "kind", "before", "after", "blame"}], "foreign"}]}
//! ```
//!
//! and with `--suggest-ignore`:
//!
//! ```json
//! {"suggestions": [{"id", "hides": [".spec.replicas"], "rule": {"group", "kind", …},
//!                   "alsoHides": [{"id", "path"}]}], "cannotHide": [{"id", "path"}]}
//! ```

mod asked;
mod compare;
mod print;

use clap::ValueEnum;
use engine::application::ApplicationName;
use engine::policy::Policy;
use merge::schema::Schemas;
use tui::diff::Layout;
use tui::style::Style;

use crate::ignore::{IgnoreArgs, SuggestArgs, warn_of_unheeded};
use crate::redact::RedactArgs;
use crate::shell::{Exit, Shell};
use crate::source::SourceArgs;
use crate::world::WorldArgs;

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat diff --repo . --path deploy --cluster         with the kubeconfig's cluster
  cleat diff --repo . --from v1.1 --to v1.2           between two revisions
  cleat diff --live live.yaml --desired new.yaml      with what kubectl get -o yaml printed
  cleat diff --repo . --cluster --summary             a line an object
  cleat diff -f deploy/ --cluster --redact '*token*'  with more masked than Secrets
  cleat diff -f deploy/ --cluster --suggest-ignore    the rules that would hide what differs

Lines with - are live, lines with + are what an apply would make of them; # says who is answerable.
What the source no longer has is kept, and no difference, unless --prune is given, as with apply.

Exit codes: 0 no difference · 1 differs · 2 bad input or unreachable";

/// The flags of `cleat diff`.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    world: WorldArgs,
    /// The application's name [default: the last part of --path, else the repository's name]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Compare with another revision of the repository instead of a cluster
    #[arg(long, value_name = "REVISION", requires = "repo", help_heading = "Compare with",
          conflicts_with_all = ["live", "previous", "cluster", "prune"])]
    from: Option<String>,
    /// The revision to compare; the same as --revision
    #[arg(
        long,
        value_name = "REVISION",
        requires = "repo",
        conflicts_with = "revision",
        help_heading = "Compare with"
    )]
    to: Option<String>,
    /// Show what apply --prune would delete
    #[arg(long, help_heading = "Compare with")]
    prune: bool,
    #[command(flatten)]
    redact: RedactArgs,
    #[command(flatten)]
    ignore: IgnoreArgs,
    #[command(flatten)]
    suggest: SuggestArgs,
    /// How to print what differs
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT",
          help_heading = "Output")]
    output: Output,
    /// Print both sides beside each other, in the terminal's width (80 columns without one)
    #[arg(short = 'y', long, conflicts_with_all = ["summary", "output"], help_heading = "Output")]
    side_by_side: bool,
    /// Print a line an object instead of its lines
    #[arg(long, conflicts_with = "output", help_heading = "Output")]
    summary: bool,
    /// How many unchanged lines to print around a change
    #[arg(short = 'U', long, value_name = "LINES", default_value_t = 3, help_heading = "Output")]
    unified: usize,
}

/// How a diff is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The changed lines of each object, and who is answerable
    Text,
    /// One JSON document
    Json,
}

/// Runs `cleat diff`.
pub fn run(mut args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    args.source.revision = args.source.revision.or(args.to.take());
    let namespace = args.world.namespace(args.source.namespace.take())?;
    args.source.namespace = Some(namespace.clone());
    let redaction = args.redact.redaction()?;
    let policy = Policy { prune: args.prune, ignore: args.ignore.rules()?, ..Policy::default() };
    let report = if let Some(from) = args.from.take() {
        let source = SourceArgs { revision: Some(from), ..args.source.clone() };
        let from = source.render(shell, &Schemas::builtin())?.objects;
        let to = args.source.render(shell, &Schemas::builtin())?.objects;
        compare::revisions(from, &to, &redaction, &policy.ignore, &args.suggest)?
    } else {
        let name = args.app.clone().or_else(|| args.source.lasting_name());
        let name = name.unwrap_or_else(|| "unnamed".to_owned());
        let application: ApplicationName = format!("{namespace}/{name}").parse()?;
        let (world, desired) = args.world.read(shell, &application, &args.source)?;
        let suggest = &args.suggest;
        let report =
            compare::with_world(&desired, &world, &application, &redaction, &policy, suggest)?;
        world.leave(desired);
        report
    };
    let style = Style {
        colour: shell.colour_out(),
        context: args.unified,
        width: shell.width_out(),
        now: shell.interactive().then(|| syncer::clock::Clock::system().now()),
    };
    for note in &report.told {
        shell.warn(note);
    }
    let layout = if args.side_by_side { Layout::SideBySide } else { Layout::Unified };
    // Of what differs it is said where that is shown.
    let silent = report.objects.iter().filter(|object| object.action == "unchanged");
    warn_of_unheeded(shell, silent.map(|object| (&object.id, &object.diff)));
    match args.output {
        Output::Json if report.answer.is_some() => shell.json(&report.answer)?,
        Output::Json => shell.json(&report)?,
        Output::Text if args.summary => print::lines(&report, style, shell)?,
        Output::Text if report.answer.is_some() => print::rules(&report, shell)?,
        Output::Text => print::text(&report, &redaction, layout, style, shell)?,
    }
    Ok(if report.differs { Exit::Negative } else { Exit::Success })
}
