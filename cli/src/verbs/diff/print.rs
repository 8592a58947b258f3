//! A comparison on standard output, an object at a time.

use engine::redact::Redaction;
use tui::diff::{Layout, Object, object, summary};
use tui::style::Style;

use super::compare::{Compared, Report};
use crate::shell::Shell;

/// Prints what differs of each object, and names what is kept and what the server makes of ours.
pub fn text(
    report: &Report,
    redaction: &Redaction,
    layout: Layout,
    style: Style,
    shell: &mut Shell,
) -> anyhow::Result<()> {
    let is_shown = |it: &&Compared| it.action != "unchanged" || !it.diff.server_mutated.is_empty();
    for compared in report.objects.iter().filter(is_shown) {
        let shown = view(compared);
        shell.data(&object(&shown, redaction, &manifests::emit::yaml, layout, style)?)?;
    }
    Ok(())
}

/// Prints the rules that would hide what differs.
pub fn rules(report: &Report, shell: &mut Shell) -> anyhow::Result<()> {
    match &report.answer {
        Some(answer) => Ok(shell.data(&answer.text()?)?),
        None => Ok(()),
    }
}

/// Prints a line an object, and how many of each there are.
pub fn lines(report: &Report, style: Style, shell: &mut Shell) -> anyhow::Result<()> {
    let shown = report.objects.iter().filter(|it| it.action != "unchanged").map(view);
    let shown: Vec<Object<'_>> = shown.collect();
    shell.data(&summary::table(&shown, style))?;
    shell.data(&summary::totals(report.objects.iter().map(|it| it.action)))?;
    Ok(())
}

fn view(compared: &Compared) -> Object<'_> {
    Object {
        action: compared.action,
        id: &compared.id,
        origin: compared.origin.as_deref(),
        reason: compared.reason.as_deref(),
        live: compared.live.as_deref(),
        body: compared.body.as_ref(),
        diff: &compared.diff,
    }
}
