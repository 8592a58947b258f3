//! `cleat diff`: what differs between the source and what there is, field by field.
//!
//! `-o json` prints one document:
//!
//! ```json
//! {"differs": true, "objects": [
//!     {"id": {"group", "kind", "namespace", "name"}, "origin": "web.yaml:1", "action": "update",
//!      "verdict", "changes": [{"path", "kind", "before", "after", "blame"}], "foreign", "goesWith", "handover"}]}
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ValueEnum;
use engine::application::{ApplicationName, OWNED_BY};
use engine::diff::{Blame, Comparison, ObjectDiff, Verdict, diff};
use engine::redact::Redaction;
use merge::object::annotation;
use merge::schema::Schemas;
use merge::{Manifest, ObjectId};
use serde::Serialize;
use serde_json::Value;
use tui::unified::{self, Style};

use crate::shell::{self, Exit, Shell};
use crate::source::SourceArgs;
use crate::world::{World, WorldArgs};

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat diff --repo . --path deploy --cluster    with the kubeconfig's cluster
  cleat diff --repo . --from v1.1 --to v1.2      between two revisions
  cleat diff -f new.yaml --live live.yaml        with what kubectl get printed

Exit codes: 0 no difference · 1 differs · 2 bad input or unreachable";

/// The flags of `cleat diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    world: WorldArgs,
    /// The application's name [default: the last part of --path, else the repository's name]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Compare with another revision of the repository instead of a cluster
    #[arg(long, value_name = "REVISION", requires = "repo", conflicts_with_all = ["live", "previous", "cluster"])]
    from: Option<String>,
    /// The revision to compare; the same as --revision
    #[arg(long, value_name = "REVISION", requires = "repo", conflicts_with = "revision")]
    to: Option<String>,
    /// How to print what differs
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// How many unchanged lines to print around a change
    #[arg(short = 'U', long, value_name = "LINES", default_value_t = 3)]
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

/// What `-o json` prints.
#[derive(Debug, Serialize)]
struct Report {
    differs: bool,
    objects: Vec<Compared>,
}

/// One object of a comparison.
#[derive(Debug, Serialize)]
struct Compared {
    id: ObjectId,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    action: &'static str,
    #[serde(flatten)]
    diff: ObjectDiff,
    #[serde(skip)]
    live: Option<Arc<Value>>,
    #[serde(skip)]
    body: Option<Value>,
}

/// Runs `cleat diff`.
pub fn run(mut args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    args.source.revision = args.source.revision.or(args.to.take());
    let namespace = args.world.namespace(args.source.namespace.take())?;
    args.source.namespace = Some(namespace.clone());
    let redaction = shell::redaction();
    let mut report = if let Some(from) = args.from.take() {
        let source = SourceArgs { revision: Some(from), ..args.source.clone() };
        let applied = source.render(shell, &Schemas::builtin())?.objects;
        let desired = args.source.render(shell, &Schemas::builtin())?.objects;
        let mut report = compare(&desired, &World::of_applied(applied), &redaction);
        // Nobody wrote what only might have been applied.
        for change in report.objects.iter_mut().flat_map(|object| &mut object.diff.changes) {
            change.blame = Blame::Nobody;
        }
        report
    } else {
        let name = args.app.clone().or_else(|| args.source.lasting_name());
        let name = name.unwrap_or_else(|| "unnamed".to_owned());
        let application: ApplicationName = format!("{namespace}/{name}").parse()?;
        let (world, mut desired) = args.world.read(shell, &application, &args.source)?;
        for manifest in &mut desired {
            carry_mark(manifest, &world.live);
        }
        compare(&desired, &world, &redaction)
    };
    report.objects.sort_by_key(|object| object.origin.is_none());
    let exit = if report.differs { Exit::Negative } else { Exit::Success };
    match args.output {
        Output::Json => shell.json(&report)?,
        Output::Text => {
            let style = Style { colour: shell.colour_out(), context: args.unified };
            shell.data(&text(&report, &redaction, style)?)?;
        }
    }
    Ok(exit)
}

/// Our mark is put on by the apply, so it is no difference that a source does not have it, nor that
/// the cluster does not: whose an object is, the plan says.
fn carry_mark(manifest: &mut Manifest, live: &BTreeMap<ObjectId, Arc<Value>>) {
    let mark = live.get(&manifest.id).and_then(|live| annotation(live, OWNED_BY));
    manifest.body = Arc::new(engine::application::with_mark(&manifest.body, mark));
}

fn compare(desired: &[Manifest], world: &World, redaction: &Redaction) -> Report {
    let schemas = world.schemas(desired);
    let previous: BTreeMap<&ObjectId, &Value> = world
        .previous
        .iter()
        .flat_map(|bundle| &bundle.objects)
        .map(|manifest| (&manifest.id, manifest.body.as_ref()))
        .collect();
    let mut objects = Vec::new();
    for manifest in desired {
        let live = world.live.get(&manifest.id);
        let comparison = Comparison {
            live: live.map(AsRef::as_ref),
            previous: previous.get(&manifest.id).copied(),
            ..Comparison::new(&manifest.body, &schemas, redaction)
        };
        let found = diff(&comparison);
        let action = match &found.verdict {
            Verdict::Missing => "create",
            Verdict::InSync => "unchanged",
            Verdict::Differs | Verdict::Conflict(_) | Verdict::AskServer(_) => "update",
        };
        objects.push(Compared {
            id: manifest.id.clone(),
            origin: Some(manifest.origin.to_string()),
            action,
            body: Some(comparison.outgoing()),
            live: live.cloned(),
            diff: found,
        });
    }
    // What was applied and is not wanted any more.
    for id in world.inventory.entries.keys() {
        let Some(live) = world.live.get(id) else { continue };
        if !desired.iter().any(|manifest| manifest.id == *id) {
            objects.push(Compared {
                id: id.clone(),
                origin: None,
                action: "prune",
                diff: ObjectDiff::unchanged(),
                live: Some(Arc::clone(live)),
                body: None,
            });
        }
    }
    let differs = objects.iter().any(|object| object.action != "unchanged");
    Report { differs, objects }
}

fn text(report: &Report, redaction: &Redaction, style: Style) -> anyhow::Result<String> {
    let mut out = String::new();
    for compared in report.objects.iter().filter(|it| it.action != "unchanged") {
        let object = unified::Object {
            action: compared.action,
            id: &compared.id,
            origin: compared.origin.as_deref(),
            live: compared.live.as_deref(),
            body: compared.body.as_ref(),
            diff: &compared.diff,
        };
        out.push_str(&unified::object(&object, redaction, &manifests::emit::yaml, style)?);
    }
    Ok(out)
}
