//! A plan as text: what would be done, wave by wave, and what would not.

use std::fmt::Write as _;

use engine::plan::{Action, Plan, Step};
use serde_json::Value;

use crate::diff::header;
use crate::notes::{notes, top_blame};
use crate::style::{Style, counted, printable};

/// How many characters of a value an outline shows.
const VALUE_WIDTH: usize = 60;

/// A plan in full. Unchanged objects are counted; with `all` they are listed too.
pub fn plan(plan: &Plan, all: bool, style: Style) -> String {
    let mut out = String::new();
    for wave in &plan.waves {
        let steps = wave.ranks.iter().map(|rank| rank.steps.len()).sum::<usize>();
        let mut all_steps = wave.ranks.iter().flat_map(|rank| &rank.steps);
        let unchanged = all_steps.all(|step| step.action == Action::Unchanged);
        let still = if unchanged { ", unchanged" } else { "" };
        let _ = writeln!(out, "wave {} ({}{still})", wave.number, counted(steps, "object"));
        for (place, rank) in wave.ranks.iter().enumerate() {
            let listed: Vec<&Step> =
                rank.steps.iter().filter(|step| all || step.action != Action::Unchanged).collect();
            if listed.is_empty() {
                continue;
            }
            let _ = writeln!(out, "  rank {}", place + 1);
            for step in listed {
                out.push_str(&indented(&one(step, style), "    "));
            }
        }
    }
    if !plan.prunes.is_empty() {
        out.push_str("after the last wave\n");
        for prune in &plan.prunes {
            let line = header("prune", &prune.id.to_string(), [], style);
            out.push_str(&indented(&line, "    "));
        }
    }
    if !plan.withheld.is_empty() {
        out.push_str("not in the source any more, and left alone\n");
        for withheld in &plan.withheld {
            let reason = withheld.reason.to_string();
            let line = header("withheld", &withheld.id.to_string(), [Some(reason.as_str())], style);
            out.push_str(&indented(&line, "    "));
        }
    }
    if !plan.irreversible.is_empty() {
        out.push_str("no rollback undoes\n");
        for one in &plan.irreversible {
            let _ = writeln!(out, "    ! {}", printable(&format!("{}: {}", one.id, one.what)));
        }
    }
    out.push_str(&summary(plan));
    out
}

/// The plan in a line.
pub fn summary(plan: &Plan) -> String {
    let mut parts: Vec<String> =
        [Action::Create, Action::Update, Action::Adopt, Action::Observe, Action::Unchanged]
            .into_iter()
            .map(|action| (plan.count(action), action))
            .filter(|(count, _)| *count > 0)
            .map(|(count, action)| match action {
                Action::Unchanged => format!("{count} unchanged"),
                Action::Observe => format!("{count} to observe"),
                _ => format!("{count} to {action}"),
            })
            .collect();
    if !plan.prunes.is_empty() {
        parts.push(format!("{} to prune", plan.prunes.len()));
    }
    if !plan.withheld.is_empty() {
        parts.push(format!("{} withheld", plan.withheld.len()));
    }
    if parts.is_empty() {
        parts.push("nothing in the source".to_owned());
    }
    format!("{}\n", parts.join(", "))
}

fn one(step: &Step, style: Style) -> String {
    let id = step.manifest.id.to_string();
    let origin = step.manifest.origin.to_string();
    let blame = top_blame(&step.diff);
    let mut out =
        header(step.action.as_str(), &id, [Some(origin.as_str()), blame.as_deref()], style);
    for change in &step.diff.changes {
        let _ = writeln!(
            out,
            "    {}: {} → {}",
            printable(&change.path.to_string()),
            value(change.before.as_ref()),
            value(change.after.as_ref())
        );
    }
    if step.action == Action::Adopt {
        let gone: Vec<String> = step.diff.removed().map(ToString::to_string).collect();
        if !gone.is_empty() {
            let _ = writeln!(out, "    would be removed: {}", printable(&gone.join(", ")));
        }
    }
    out.push_str(&indented(&notes(&step.diff, style), "  "));
    out
}

fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = printable(&value.to_string());
    if text.chars().count() <= VALUE_WIDTH {
        return text;
    }
    let short: String = text.chars().take(VALUE_WIDTH).collect();
    format!("{short}…")
}

fn indented(text: &str, by: &str) -> String {
    text.lines().fold(String::new(), |out, line| format!("{out}{by}{line}\n"))
}
