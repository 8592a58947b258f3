//! What `cleat apply` shows: bars on a terminal, lines in a pipe, JSON objects for programs.

use engine::plan::Plan;
use engine::record::Render;
use engine::sync::{Note, NoteKind, Outcome, Reason};
use merge::ErrorClass;
use serde_json::{Value, json};
use syncer::apply::{ApplyError, Report, Sink};
use tui::progress::{Live, Progress};

use super::Output;
use crate::ignore::warn_of_unheeded;
use crate::shell::Shell;

/// Shows a run.
pub struct Printer<'a> {
    shell: &'a mut Shell,
    output: Output,
    progress: Progress,
    /// The bars, once there is something to show on a terminal that can.
    live: Option<Live>,
    /// Whether a plan was shown before: the next one is a rollback's.
    begun: bool,
}

impl<'a> Printer<'a> {
    /// Shows a run on the shell.
    pub fn new(shell: &'a mut Shell, output: Output) -> Self {
        Self { shell, output, progress: Progress::default(), live: None, begun: false }
    }

    /// Prints how the run ended.
    pub fn report(&mut self, report: &Report) -> anyhow::Result<()> {
        self.live = None;
        if self.output == Output::Json {
            let mut value = serde_json::to_value(report)?;
            if let Some(map) = value.as_object_mut() {
                map.insert("kind".to_owned(), json!("outcome"));
            }
            return self.shell.json_line(&value);
        }
        for line in summary(report) {
            self.shell.line(&line)?;
        }
        Ok(())
    }

    /// Prints why nothing was applied.
    pub fn refused(&mut self, error: &ApplyError) -> anyhow::Result<()> {
        self.live = None;
        let problems = error.problems();
        if self.output == Output::Json {
            let mut outcome = refusal(error.class(), &error.to_string(), &problems);
            if let (Some(map), Some(hint)) = (outcome.as_object_mut(), error.hint()) {
                map.insert("hint".to_owned(), json!(hint));
            }
            return self.shell.json_line(&outcome);
        }
        let mut hints: Vec<&str> = Vec::new();
        for (problem, hint) in &problems {
            self.shell.error(problem);
            if let Some(hint) = hint.as_deref().filter(|hint| !hints.contains(hint)) {
                hints.push(hint);
            }
        }
        self.shell.error(&error.to_string());
        for hint in hints.into_iter().chain(error.hint()) {
            self.shell.hint(hint);
        }
        Ok(())
    }

    fn show(&mut self, note: &Note) -> anyhow::Result<()> {
        if self.output == Output::Json {
            return self.shell.json_line(note);
        }
        let line = tui::style::printable(&format!("{:.3}  {note}", note.at));
        let Some(live) = &mut self.live else {
            return Ok(self.shell.line(&line)?);
        };
        // The bars tell what is as it should be; lines above them what is worth scrolling back to.
        if matches!(
            note.kind,
            NoteKind::ApplyFailed
                | NoteKind::WaveHealthy
                | NoteKind::Failed
                | NoteKind::Quarantined
                | NoteKind::RollingBack
                | NoteKind::PodFreed
                | NoteKind::Pruned
                | NoteKind::PruneFailed
                | NoteKind::Ignored
                | NoteKind::Stopping
        ) {
            live.line(&line)?;
        }
        live.draw(&self.progress)?;
        Ok(())
    }
}

impl Sink for Printer<'_> {
    fn planned(&mut self, plan: &Plan) {
        self.progress.planned(plan);
        if !std::mem::replace(&mut self.begun, true) {
            let steps = plan.steps().map(|(_, step)| (&step.manifest.id, &step.diff));
            warn_of_unheeded(self.shell, steps);
        }
        if self.output == Output::Text && self.live.is_none() && self.shell.interactive() {
            // A terminal that cannot do this gets lines.
            self.live = Live::start(self.shell.colour_out()).ok();
        }
    }

    fn note(&mut self, note: &Note) {
        self.progress.note(note);
        // A reader that went away must not stop a rollout half-way; the outcome tells the exit code.
        if let Err(error) = self.show(note) {
            tracing::debug!(%error, "a note was not shown");
        }
    }
}

/// The outcome of a run for programs, if there was something to say before the cluster was asked.
pub fn never_begun(error: &anyhow::Error) -> Value {
    if let Some(problems) = error.downcast_ref::<manifests::Problems>() {
        let listed: Vec<_> = problems.iter().map(|it| (it.to_string(), it.hint.clone())).collect();
        return refusal(problems.class(), "the source cannot be rendered", &listed);
    }
    let git = error.downcast_ref::<manifests::GitError>();
    let class = git.map_or(ErrorClass::Config, manifests::GitError::class);
    let listed = [(format!("{error:#}"), git.and_then(manifests::GitError::hint))];
    refusal(class, "the run was not begun", &listed)
}

fn refusal(class: ErrorClass, message: &str, problems: &[(String, Option<String>)]) -> Value {
    let listed: Vec<_> =
        problems.iter().map(|(message, hint)| json!({"message": message, "hint": hint})).collect();
    json!({
        "kind": "outcome",
        "outcome": "refused",
        "class": class.as_str(),
        "message": message,
        "problems": listed,
    })
}

/// A render as the notes name it: by its commit, or by its digest where there is none.
fn named(render: &Render) -> String {
    match &render.revision {
        Some(revision) => format!("revision {}", revision.get(..12).unwrap_or(revision)),
        None => format!("render {}", render.digest.short()),
    }
}

/// The last lines of a run.
fn summary(report: &Report) -> Vec<String> {
    let application = &report.application;
    let what = named(&report.render);
    let listed = |title: &str, ids: &[merge::ObjectId]| {
        let rows = ids.iter().map(|id| format!("  {id}"));
        std::iter::once(format!("{title}: {}", ids.len())).chain(rows).collect::<Vec<_>>()
    };
    let hint = |because: &Reason| because.hint.as_ref().map(|hint| format!("hint: {hint}"));
    match &report.outcome {
        Outcome::Healthy { not_pruned } => {
            let mut lines = vec![format!("{application} is healthy at {what}")];
            if !not_pruned.is_empty() {
                lines.extend(listed("could not be deleted", not_pruned));
            }
            lines
        }
        Outcome::NoChange => vec![format!("{application} is at {what} already: nothing to do")],
        Outcome::RolledBack { because, to, not_pruned } => {
            let mut lines = vec![
                format!("{application} failed at {what}: {because}"),
                format!("rolled back to {}, which is healthy; {what} is quarantined", named(to)),
            ];
            lines.extend(hint(because));
            if !not_pruned.is_empty() {
                lines.extend(listed("could not be deleted", not_pruned));
            }
            lines
        }
        Outcome::Held { because, hold } => vec![
            format!("{application} failed at {what}: {because}"),
            format!("nothing was put back: {hold}"),
        ]
        .into_iter()
        .chain(hint(because))
        .collect(),
        Outcome::Interrupted { applied, not_applied } => {
            let mut lines =
                vec![format!("{application} was interrupted; run it again to complete")];
            lines.extend(listed("applied", applied));
            lines.extend(listed("not applied", not_applied));
            lines
        }
        Outcome::Failed { because, applied, not_applied } => {
            let mut lines =
                vec![format!("{application} could not be brought to {what}: {because}")];
            lines.extend(hint(because));
            lines.extend(listed("applied", applied));
            lines.extend(listed("not applied", not_applied));
            lines
        }
    }
}
