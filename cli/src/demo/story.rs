//! The five acts. Each does one thing for real, says what happened with the objects, revisions, reasons
//! and durations it really took, and fails if the outcome is not the one that cleat promises.

use anyhow::{Context, bail, ensure};
use engine::diff::Blame;
use engine::plan::Action;
use engine::sync::{Note, NoteKind, Outcome};
use serde_json::{Value, json};
use syncer::apply::{ApplyError, Report};

use crate::demo::repository::Commit;
use crate::demo::stage::{IMAGE_GRACE, Stage};
use crate::demo::telling::Telling;
use crate::shell::Shell;

/// A gate must fail this soon after its reason's grace has ended.
const PROMPT: f64 = 3.0;

/// What an act came to, for the closing table.
pub struct Act {
    title: &'static str,
    revision: String,
    ended: String,
    seconds: f64,
}

/// Plays all acts, then prints what they came to.
pub async fn play(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<()> {
    shell.line(&format!("An embedded cluster listens on {}.", stage.url()))?;
    let first = first_sync(stage, shell).await.context("in act 1")?;
    let second = rollout(stage, shell).await.context("in act 2")?;
    let third = broken(stage, shell).await.context("in act 3")?;
    let fourth = drift(stage, shell).await.context("in act 4")?;
    let fifth = prune(stage, shell).await.context("in act 5")?;
    shell.line("\nWhat happened")?;
    for (number, act) in [first, second, third, fourth, fifth].iter().enumerate() {
        shell.line(&format!(
            "  {}  {:<28} {}  {:5.2}s  {}",
            number + 1,
            act.title,
            act.revision,
            act.seconds,
            act.ended
        ))?;
    }
    Ok(())
}

fn open<'a>(
    stage: &Stage,
    shell: &'a mut Shell,
    number: u8,
    title: &str,
    commit: &Commit,
    author: &str,
) -> Telling<'a> {
    let mut telling = Telling::new(shell, &stage.clock);
    telling.line(&format!("\nAct {number}: {title}"));
    telling.line(&format!("           commit {} by {author}: {}", commit.short(), commit.subject));
    telling
}

fn close(mut telling: Telling<'_>, title: &'static str, revision: &str, ended: String) -> Act {
    let seconds = telling.seconds();
    telling.line(&format!("  {seconds:6.2}s  ✔ {ended}"));
    Act { title, revision: revision.to_owned(), ended, seconds }
}

fn commit(stage: &Stage, author: &str, subject: &'static str) -> anyhow::Result<Commit> {
    Ok(Commit::of(&stage.remote, author, stage.clock.now().as_second(), subject)?)
}

/// A sync that has to end healthy.
async fn healthy(stage: &Stage, telling: &mut Telling<'_>) -> anyhow::Result<Report> {
    let report = stage.sync(telling).await??;
    ensure!(
        matches!(&report.outcome, Outcome::Healthy { not_pruned } if not_pruned.is_empty()),
        "a healthy end was expected, and it was {:?}",
        report.outcome
    );
    Ok(report)
}

async fn first_sync(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<Act> {
    let title = "A first sync to healthy";
    let commit = commit(stage, "Ada", "Open the shop")?;
    let mut telling = open(stage, shell, 1, title, &commit, "Ada");
    healthy(stage, &mut telling).await?;
    let plan = telling.plans.first().context("there was no plan")?;
    let (waves, created) = (plan.waves.len(), plan.count(Action::Create));
    ensure!(waves == 3, "three waves were expected, not {waves}");
    let pods = ready_replicas(stage).await?;
    Ok(close(
        telling,
        title,
        commit.short(),
        format!("healthy: {created} objects in {waves} waves, {pods}"),
    ))
}

async fn ready_replicas(stage: &Stage) -> anyhow::Result<String> {
    let mut said = Vec::new();
    for (kind, name) in [("StatefulSet", "db"), ("Deployment", "web")] {
        let workload = stage.get("apps/v1", kind, name).await?.context("a workload is missing")?;
        let ready = workload.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or(0);
        let wanted = workload.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        ensure!(ready == wanted, "{name} has {ready} of {wanted} pods ready");
        said.push(format!("{name} {ready}/{wanted}"));
    }
    Ok(said.join(", "))
}

async fn image(stage: &Stage) -> anyhow::Result<String> {
    let web = stage.get("apps/v1", "Deployment", "web").await?.context("web is missing")?;
    let image = web.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
    Ok(image.context("web has no image")?.to_owned())
}

async fn rollout(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<Act> {
    let title = "A new commit rolls out";
    stage.remote.replace("web/web.yaml", "shop/web:1.0", "shop/web:1.1")?;
    stage.remote.replace("base/config.yaml", "Welcome to the shop", "Welcome back")?;
    let commit = commit(stage, "Bo", "Say welcome back, and ship web 1.1")?;
    let mut telling = open(stage, shell, 2, title, &commit, "Bo");
    healthy(stage, &mut telling).await?;
    let image = image(stage).await?;
    ensure!(image.ends_with("web:1.1"), "web runs {image}");
    let pods = ready_replicas(stage).await?;
    Ok(close(telling, title, commit.short(), format!("healthy: {image}, {pods}")))
}

async fn broken(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<Act> {
    let title = "A broken commit is undone";
    stage.remote.replace("web/web.yaml", "shop/web:1.1", "shop/web:1.2-missing")?;
    let commit = commit(stage, "Cy", "Ship web 1.2 before its image is built")?;
    let mut telling = open(stage, shell, 3, title, &commit, "Cy");
    let report = stage.sync(&mut telling).await??;
    let Outcome::RolledBack { because, to, .. } = &report.outcome else {
        bail!("a rollback was expected, and it was {:?}", report.outcome);
    };
    let trouble = because.trouble.as_ref().context("the gate failed without a reason")?;
    let named = trouble.image.clone().context("the gate's reason names no image")?;
    ensure!(because.message.contains(&named), "the reason does not name the image: {because}");

    // A kubelet does not say since when it waits, so the grace runs from when it was first seen to.
    let seen = |note: &&Note| {
        note.trouble.as_ref().is_some_and(|seen| seen.class.is_same_kind(&trouble.class))
    };
    let since = telling.notes.iter().find(seen).context("nobody saw the image missing")?.at;
    let failed = telling.notes.iter().find(|note| note.kind == NoteKind::Failed);
    let failed = failed.context("no gate failed")?.at;
    let late = failed.duration_since(since).as_secs_f64() - IMAGE_GRACE.as_secs_f64();
    ensure!(late < PROMPT, "the gate failed {late:.2} s after the grace had ended");
    let back = image(stage).await?;
    ensure!(back.ends_with("web:1.1"), "web runs {back}");
    ready_replicas(stage).await?;

    // The same render again is refused, and nothing is touched for the asking.
    telling.line("           the same commit is asked for once more:");
    match stage.sync(&mut telling).await? {
        Err(ApplyError::Quarantined(quarantined)) => telling.line(&format!(
            "           refused: quarantined at {}, and Git has not changed it",
            quarantined.at
        )),
        other => bail!("a quarantined render was not refused: {other:?}"),
    }
    let to = to.revision.as_deref().and_then(|id| id.get(..7)).unwrap_or("the last healthy render");
    let ended = format!(
        "rolled back to {to}, {} quarantined; the gate failed {:.2}s after the grace of {}s",
        report.render.digest.short(),
        late.max(0.0),
        IMAGE_GRACE.as_secs()
    );
    Ok(close(telling, title, commit.short(), ended))
}

async fn drift(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<Act> {
    let title = "Drift is seen and healed";
    // The broken commit is reverted first, as its author would: a quarantined render is never resumed.
    stage.remote.replace("web/web.yaml", "shop/web:1.2-missing", "shop/web:1.1")?;
    let commit = commit(stage, "Cy", "Revert: ship web 1.2 before its image is built")?;
    let mut telling = open(stage, shell, 4, title, &commit, "Cy");
    stage
        .edit_by_hand("v1", "ConfigMap", "shop-config", &json!({"data": {"currency": "USD"}}))
        .await?;
    telling.line("           somebody edits configmap/shop-config by hand: currency is USD now");
    healthy(stage, &mut telling).await?;
    let plan = telling.plans.first().context("there was no plan")?;
    let blamed = plan
        .steps()
        .flat_map(|(_, step)| &step.diff.changes)
        .filter_map(|change| match &change.blame {
            Blame::Holders(holders) => Some((change.path.to_string(), holders)),
            _ => None,
        })
        .find_map(|(path, holders)| {
            let holder = holders.iter().find(|holder| holder.manager == "kubectl-edit")?;
            Some(format!("{path} was {}'s", holder.manager))
        })
        .context("the drift was not blamed on kubectl-edit")?;
    let config = stage.get("v1", "ConfigMap", "shop-config").await?.context("no config")?;
    let currency = config.pointer("/data/currency").and_then(Value::as_str);
    ensure!(currency == Some("EUR"), "the drift was not healed: currency is {currency:?}");
    Ok(close(telling, title, commit.short(), format!("healed: {blamed}, and is EUR again")))
}

async fn prune(stage: &mut Stage, shell: &mut Shell) -> anyhow::Result<Act> {
    let title = "A removed file is pruned";
    stage.remote.remove("web/banner.yaml")?;
    let commit = commit(stage, "Di", "End the sale")?;
    let mut telling = open(stage, shell, 5, title, &commit, "Di");
    healthy(stage, &mut telling).await?;
    let pruned: Vec<_> = telling
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::Pruned)
        .filter_map(|note| note.object.as_ref())
        .map(ToString::to_string)
        .collect();
    ensure!(pruned.len() == 1, "one object was to be pruned, not {pruned:?}");
    let banner = stage.get("v1", "ConfigMap", "sale-banner").await?;
    ensure!(banner.is_none(), "the banner is still there");
    Ok(close(telling, title, commit.short(), format!("pruned: {}", pruned.join(", "))))
}
