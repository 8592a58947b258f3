//! `cleat render`: what a Git revision, or files, come to, with no cluster at all.

use clap::ValueEnum;
use manifests::{CommitInfo, Render};
use merge::Manifest;
use merge::schema::Schemas;
use serde::Serialize;
use serde_json::Value;

use crate::redact::RedactArgs;
use crate::shell::{Exit, Shell};
use crate::source::SourceArgs;

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  cleat render --repo . --path deploy
  cleat render --repo git://host/shop --revision v1.2 -o summary
  cleat render -f deploy/ -f extra.yaml -o name";

/// The flags of `cleat render`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// How to print the objects
    #[arg(short, long, value_enum, default_value_t = Output::Yaml, value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    redact: RedactArgs,
    /// Print the values of Secrets, which are masked otherwise
    #[arg(long, conflicts_with = "keys")]
    show_secrets: bool,
}

/// How objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A stream of documents, each with a comment that says where it was written
    Yaml,
    /// One JSON document: revision, digest, and the objects with their origins
    Json,
    /// One object a line, as kubectl names them
    Name,
    /// How many objects of each kind, and the digest
    Summary,
}

/// What `-o json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<&'a str>,
    digest: String,
    objects: Vec<Entry<'a>>,
    warnings: &'a [manifests::Problem],
}

/// One object of `-o json`.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    file: &'a str,
    line: u32,
    /// Left out where values are masked: they could be guessed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    object: Value,
}

/// Runs `cleat render`.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let (render, commit) = args.source.render_told(shell, &Schemas::builtin())?;
    let redaction = args.redact.redaction()?;
    let body = |manifest: &Manifest| {
        if args.show_secrets {
            Value::clone(&manifest.body)
        } else {
            redaction.object(&manifest.body)
        }
    };
    match args.output {
        Output::Yaml => {
            let bodies: Vec<_> =
                render.objects.iter().map(|manifest| (&manifest.origin, body(manifest))).collect();
            let stream = bodies.iter().map(|(origin, body)| (*origin, body));
            shell.data(&manifests::emit::yaml_stream(stream)?)?;
        }
        Output::Json => {
            let shown_whole = |object: &Value| args.show_secrets || !redaction.hides_of(object);
            shell.json(&report(&render, shown_whole, body))?;
        }
        Output::Name => {
            for manifest in &render.objects {
                shell.line(&manifest.id.to_string())?;
            }
        }
        Output::Summary => shell.data(&summary(&render, commit.as_ref()))?,
    }
    Ok(Exit::Success)
}

fn report(
    render: &Render,
    shown_whole: impl Fn(&Value) -> bool,
    body: impl Fn(&Manifest) -> Value,
) -> Report<'_> {
    Report {
        revision: render.revision.as_ref().map(manifests::Revision::as_str),
        tree: render.tree.as_ref().map(manifests::TreeId::as_str),
        digest: render.digest.to_string(),
        objects: render
            .objects
            .iter()
            .map(|manifest| Entry {
                file: &manifest.origin.file,
                line: manifest.origin.line,
                digest: shown_whole(&manifest.body).then(|| manifest.digest.to_string()),
                object: body(manifest),
            })
            .collect(),
        warnings: &render.warnings,
    }
}

/// Kinds and how many of each, then what the whole is.
fn summary(render: &Render, commit: Option<&CommitInfo>) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for manifest in &render.objects {
        *counts.entry(manifest.gvk.to_string()).or_default() += 1;
    }
    let width = counts.values().max().map_or(1, |most| most.to_string().len());
    let mut lines: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{count:>width$}  {kind}")).collect();
    let (count, s) = (render.objects.len(), if render.objects.len() == 1 { "" } else { "s" });
    lines.push(format!("{count} object{s}, digest {}", render.digest.short()));
    if let Some(CommitInfo { id, author, time, subject }) = commit {
        lines.push(format!("revision {id}"));
        let said: String = subject.chars().filter(|c| !c.is_control()).collect();
        lines.push(format!("{said} ({author}, {time})"));
    }
    lines.join("\n") + "\n"
}
