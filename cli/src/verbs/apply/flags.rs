//! The flags that say what a run may do, and the request they come to.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use engine::application::ApplicationName;
use engine::gate::GraceTable;
use engine::plan::Approvals;
use engine::policy::{OnFailure, Policy, Preflight};
use engine::redact::Redaction;
use manifests::Render;
use syncer::apply::Request;

use crate::adoption::AdoptionArgs;
use crate::duration;
use crate::ignore::IgnoreArgs;
use crate::source::SourceArgs;

/// What a run may do.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunArgs {
    /// The application's name [default: the last part of --path, else the repository's name; files
    /// have none]
    #[arg(long, value_name = "NAME", help_heading = "Run")]
    app: Option<String>,
    /// Delete what the source no longer has
    #[arg(long, help_heading = "Run")]
    prune: bool,
    /// How long a wave may take to become healthy
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5m",
          help_heading = "Run")]
    timeout: Duration,
    /// How long everything must stay healthy at the end
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s",
          help_heading = "Run")]
    bake: Duration,
    #[arg(long, value_name = "REASON=GRACE", help = GRACE, long_help = grace_help(),
          help_heading = "Run")]
    grace: Vec<String>,
    /// What follows when a wave fails
    #[arg(long, value_enum, default_value_t = Failing::Rollback, value_name = "WHAT",
          help_heading = "Run")]
    on_failure: Failing,
    /// Who checks the plan before the first write
    #[arg(long, value_enum, default_value_t = Checking::Server, value_name = "WHO",
          help_heading = "Run")]
    preflight: Checking,
    #[command(flatten)]
    adoption: AdoptionArgs,
    /// Approve the deletion of an object that deletes more than itself: namespace/shop; may be repeated
    #[arg(long, value_name = "KIND/NAME", help_heading = "Run")]
    approve_prune: Vec<String>,
    /// Approve more deletions at once than the guard allows: 10 or more that are over half of all
    #[arg(long, help_heading = "Run")]
    approve_mass_prune: bool,
    #[command(flatten)]
    ignore: IgnoreArgs,
    /// Try a render again that failed before
    #[arg(long, help_heading = "Run")]
    allow_quarantined: bool,
}

/// What follows when a wave fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Failing {
    /// Put the last healthy revision back
    Rollback,
    /// Leave everything as it is
    Hold,
}

/// Who checks the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Checking {
    /// Our own rules, then the server by dry run
    Server,
    /// Our own rules alone
    Local,
}

impl RunArgs {
    /// The application's name: the one given, or the last part of what is rendered.
    pub fn name(&self, source: &SourceArgs) -> anyhow::Result<String> {
        if let Some(name) = &self.app {
            return Ok(name.clone());
        }
        source.lasting_name().context("files give an application no name: name it with --app")
    }

    /// What is asked of the syncer.
    pub fn request(
        &self,
        name: &str,
        namespace: &str,
        render: Render,
        user: &str,
        redaction: Redaction,
    ) -> anyhow::Result<Request> {
        let application: ApplicationName = format!("{namespace}/{name}")
            .parse()
            .context("choose the application's name with --app, and its namespace with -n")?;
        Ok(Request {
            application,
            desired: render.objects,
            digest: render.digest,
            revision: render.revision.map(|revision| revision.as_str().to_owned()),
            policy: self.policy()?,
            approvals: Approvals {
                prune: self.approve_prune.clone(),
                beyond_guard: self.approve_mass_prune,
            },
            allow_quarantined: self.allow_quarantined,
            redaction,
            requested_by: user.to_owned(),
        })
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        Ok(Policy {
            prune: self.prune,
            on_failure: match self.on_failure {
                Failing::Rollback => OnFailure::Rollback,
                Failing::Hold => OnFailure::Hold,
            },
            adoption: self.adoption.policy(),
            ignore: self.ignore.rules()?,
            timeout: self.timeout,
            bake: self.bake,
            grace: graces(&self.grace)?,
            preflight: match self.preflight {
                Checking::Server => Preflight::Server,
                Checking::Local => Preflight::Local,
            },
            ..Policy::default()
        })
    }
}

/// A reason's name, and where the table keeps its grace.
type Slot = (&'static str, fn(&mut GraceTable) -> &mut Duration);

/// The reasons that are tolerated for a time; a crash loop is counted in restarts instead.
const REASONS: [Slot; 10] = [
    ("invalid-image-name", |table| &mut table.invalid_image_name),
    ("image-not-found", |table| &mut table.image_not_found),
    ("image-pull", |table| &mut table.image_pull),
    ("create-container", |table| &mut table.create_container),
    ("run-container", |table| &mut table.run_container),
    ("unschedulable", |table| &mut table.unschedulable),
    ("failed", |table| &mut table.failed),
    ("quota", |table| &mut table.quota),
    ("progress-deadline", |table| &mut table.progress_deadline),
    ("degraded", |table| &mut table.degraded),
];
const CRASH_LOOP: &str = "crash-loop";

/// What `--grace` says of itself.
const GRACE: &str = "How long a reason is tolerated before it fails its wave, or for a crash loop how \
    many restarts; may be repeated";

/// The same, with every reason and its default.
fn grace_help() -> String {
    let mut table = GraceTable::default();
    let durations = REASONS.map(|(name, slot)| format!("{name}={}s", slot(&mut table).as_secs()));
    let restarts = table.crash_loop_restarts;
    format!("{GRACE}\n\n[defaults: {}, {CRASH_LOOP}={restarts}]", durations.join(", "))
}

/// The default table with the reasons that were given.
fn graces(given: &[String]) -> anyhow::Result<GraceTable> {
    let mut table = GraceTable::default();
    for text in given {
        let Some((reason, value)) = text.split_once('=') else {
            bail!("--grace {text}: write it like image-not-found=1s");
        };
        if reason == CRASH_LOOP {
            table.crash_loop_restarts = value
                .parse()
                .with_context(|| format!("--grace {text}: a number of restarts is expected"))?;
            continue;
        }
        let Some((_, slot)) = REASONS.iter().find(|(name, _)| *name == reason) else {
            let names = REASONS.map(|(name, _)| name).join(", ");
            bail!("--grace {text}: no such reason; there are {names}, and {CRASH_LOOP}");
        };
        *slot(&mut table) =
            duration::parse(value).map_err(|why| anyhow::anyhow!("--grace {text}: {why}"))?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graces_change_their_reason_alone() {
        let given = ["image-not-found=1s".to_owned(), "crash-loop=1".to_owned()];
        let table = graces(&given).unwrap();
        let expected = GraceTable {
            image_not_found: Duration::from_secs(1),
            crash_loop_restarts: 1,
            ..GraceTable::default()
        };
        assert_eq!(table, expected);
        for wrong in ["image-not-found", "image-not-found=soon", "weather=1s", "crash-loop=1s"] {
            let error = graces(&[wrong.to_owned()]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("--grace {wrong}: ")), "{error}");
        }
    }

    #[test]
    fn the_help_of_graces_is_what_graces_reads() {
        let help = grace_help();
        let (_, defaults) = help.trim_end_matches(']').split_once("[defaults: ").unwrap();
        let given: Vec<String> = defaults.split(", ").map(str::to_owned).collect();
        assert_eq!(given.len(), 11);
        assert_eq!(graces(&given).unwrap(), GraceTable::default());
    }
}
