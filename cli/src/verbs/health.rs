//! `cleat health`: how objects are, read from files alone. Pods, ReplicaSets and ControllerRevisions
//! among the input speak for their owners, found by `ownerReferences`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;
use engine::health::{Health, Related, Status, assess};
use engine::redact::Redaction;
use manifests::{Limits, RenderOptions};
use merge::Manifest;
use merge::object::{controller_uid, uid};
use merge::schema::Schemas;
use serde::Serialize;
use serde_json::Value;

use tui::style::printable;

use crate::redact::RedactArgs;
use crate::shell::{Exit, Shell};
use crate::source::file_source;

/// What the help ends with.
pub const EXAMPLES: &str = "\
Examples:
  kubectl get deploy,rs,pods,pvc -n shop -o yaml | cleat health -f -
  cleat health -f live.yaml -o json

Exit codes: 0 all healthy, or suspended, which also opens a wave's gate · 1 not all · 2 bad input";

/// The flags of `cleat health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file or a folder of objects, as `kubectl get -o yaml` or `-o json` prints them, or - for
    /// standard input; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
    /// How to print the verdicts
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    redact: RedactArgs,
}

/// How verdicts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// One line an object, without those that another object of the input answers for
    Text,
    /// A list of every object: apiVersion, kind, namespace, name, status, message
    Json,
}

/// One object of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    api_version: String,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    status: Status,
    message: &'a str,
}

/// An object and its health.
struct Judged<'a> {
    manifest: &'a Manifest,
    health: Health,
    /// Whether an object among the input controls it, and so answers for it.
    answered_for: bool,
}

/// Runs `cleat health`: success if every object that no other one answers for is healthy, or stands
/// still as it should. A claim that waits for its first consumer is no reason to be called at night,
/// and what lets a wave pass must not fail the check that comes after it.
pub fn run(args: Args, shell: &mut Shell) -> anyhow::Result<Exit> {
    let objects = read(&args.files)?;
    if objects.is_empty() {
        // A pipe whose first command failed looks like this.
        shell.warn("there are no objects in the input, so nothing was judged");
    }
    let mut judged = judge(&objects);
    mask(&mut judged, &objects, &args.redact.redaction()?);
    match args.output {
        Output::Json => {
            shell.json(&judged.iter().map(Judged::entry).collect::<Vec<_>>())?;
        }
        Output::Text => {
            let colour = shell.colour_out();
            shell.data(&lines(judged.iter().filter(|it| !it.answered_for), colour))?;
        }
    }
    let mut roots = judged.iter().filter(|it| !it.answered_for);
    let well = roots.all(|it| it.health.status.is_well());
    Ok(if well { Exit::Success } else { Exit::Negative })
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Manifest>> {
    let limits = Limits::default();
    let files =
        files.iter().map(|path| file_source(path, &limits)).collect::<anyhow::Result<Vec<_>>>()?;
    let schemas = Schemas::builtin();
    Ok(manifests::render_files(&files, &RenderOptions::new(&schemas))?.objects)
}

fn judge(objects: &[Manifest]) -> Vec<Judged<'_>> {
    let of_kind = |kind: &str| -> Vec<&Value> {
        let found = objects.iter().filter(|manifest| manifest.gvk.kind == kind);
        found.map(|manifest| &*manifest.body).collect()
    };
    let (pods, replica_sets) = (of_kind("Pod"), of_kind("ReplicaSet"));
    let controller_revisions = of_kind("ControllerRevision");
    let related = Related {
        pods: &pods,
        replica_sets: &replica_sets,
        controller_revisions: &controller_revisions,
    };
    let uids: BTreeSet<&str> = objects.iter().filter_map(|manifest| uid(&manifest.body)).collect();
    let judged = objects.iter().map(|manifest| Judged {
        manifest,
        health: assess(&manifest.body, &related),
        answered_for: controller_uid(&manifest.body).is_some_and(|owner| uids.contains(owner)),
    });
    judged.collect()
}

/// An object's own words may quote what it was given: a Secret of the input, or a listed field.
fn mask(judged: &mut [Judged<'_>], objects: &[Manifest], redaction: &Redaction) {
    let bodies = objects.iter().map(|manifest| manifest.body.as_ref());
    let hiding: Vec<&Value> = bodies.filter(|body| redaction.hides_of(body)).collect();
    if hiding.is_empty() {
        return;
    }
    for Judged { health, .. } in judged {
        health.message = redaction.message(&health.message, hiding.iter().copied());
    }
}

impl<'a> Judged<'a> {
    fn entry(&'a self) -> Entry<'a> {
        Entry {
            api_version: self.manifest.gvk.api_version(),
            kind: &self.manifest.gvk.kind,
            namespace: self.manifest.id.namespace.as_deref(),
            name: &self.manifest.id.name,
            status: self.health.status,
            message: &self.health.message,
        }
    }
}

/// Columns: glyph and word, object, sentence.
fn lines<'a>(judged: impl Iterator<Item = &'a Judged<'a>>, colour: bool) -> String {
    let rows: Vec<(String, &Health)> =
        judged.map(|it| (printable(&it.manifest.id.to_string()), &it.health)).collect();
    let width = rows.iter().map(|(id, _)| id.chars().count()).max().unwrap_or_default();
    let lines = rows.iter().map(|(id, health)| {
        let (glyph, code) = look(health.status);
        let word = format!("{glyph} {:<11}", health.status);
        let word = if colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word };
        format!("{word}  {id:<width$}  {}\n", printable(&health.message))
    });
    lines.collect()
}

/// A status as a glyph, which tells without colour, and as a colour.
fn look(status: Status) -> (char, &'static str) {
    match status {
        Status::Healthy => ('✓', "32"),
        Status::Progressing => ('◐', "36"),
        Status::Degraded => ('✗', "31"),
        Status::Suspended => ('‖', "35"),
        Status::Missing => ('○', "33"),
        Status::Unknown => ('?', "33"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::Origin;
    use serde_json::json;

    fn manifest(body: Value) -> Manifest {
        Manifest::new(body, Origin { file: "a.yaml".to_owned(), line: 1 }).unwrap()
    }

    #[test]
    fn an_owner_answers_for_what_it_controls() {
        let objects = [
            manifest(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": "web", "namespace": "shop", "uid": "r"},
                "spec": {"replicas": 1},
                "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1,
                    "observedGeneration": 1}})),
            manifest(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-1", "namespace": "shop", "uid": "p",
                    "ownerReferences": [{"uid": "r", "controller": true}]},
                "status": {"phase": "Failed", "reason": "Evicted"}})),
            manifest(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "stray", "namespace": "shop", "uid": "q",
                    "ownerReferences": [{"uid": "not here", "controller": true}]},
                "status": {"phase": "Failed", "reason": "Evicted"}})),
        ];
        let judged = judge(&objects);
        let text = lines(judged.iter().filter(|it| !it.answered_for), false);
        assert_eq!(
            text,
            "✓ Healthy      replicaset.apps/web in shop  1 of 1 pods ready\n\
             ✗ Degraded     pod/stray in shop            Evicted\n"
        );
        let entries: Vec<Value> =
            judged.iter().map(|it| serde_json::to_value(it.entry()).unwrap()).collect();
        assert_eq!(
            entries[1],
            json!({"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-1",
                "status": "Degraded", "message": "Evicted"})
        );
    }
    #[test]
    fn what_an_object_says_of_itself_quotes_no_secret() {
        let objects = [
            manifest(json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "db", "namespace": "shop"},
                "stringData": {"password": "canary-one"}})),
            manifest(json!({"apiVersion": "example.com/v1", "kind": "Runner",
                "metadata": {"name": "r", "namespace": "shop"}, "spec": {"token": "canary-two"},
                "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Denied",
                    "message": "neither canary-one nor canary-two is let in"}]}})),
        ];
        let keys = engine::redact::Keys::parse(["token"]).unwrap();
        let redaction = crate::shell::redaction().with_keys(keys);
        let mut judged = judge(&objects);
        assert!(judged[1].health.message.contains("canary-two"), "there is something to mask");
        mask(&mut judged, &objects, &redaction);
        let text = lines(judged.iter(), false);
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("is let in"), "{text}");
    }
}
