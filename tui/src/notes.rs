//! Who is answerable for a difference, in words: a line an object for its header, and a line a field.

use std::collections::BTreeMap;

use engine::application::MANAGER;
use engine::diff::{Blame, Change, Handover, Holder, ObjectDiff, Verdict};
use jiff::Timestamp;

use crate::style::{Ink, Style, printable};

/// More fields than these that mean the same as before nobody reads.
const MOST_RESPELLED: usize = 4;

/// The lines below an object's header: who is answerable for each change, what others hold, what
/// stands against the apply, and what is no difference but worth knowing.
pub fn notes(diff: &ObjectDiff, style: Style) -> String {
    told(diff, style).iter().fold(String::new(), |out, text| {
        let line = style.paint(Ink::Aside, &format!("# {text}"));
        format!("{out}  {line}\n")
    })
}

fn told(diff: &ObjectDiff, style: Style) -> Vec<String> {
    let mut out = Vec::new();
    let by = |holders: &[Holder]| names(holders, style);
    match &diff.verdict {
        Verdict::AskServer(reason) => {
            out.push(format!("not certain without asking the server: {reason}"));
        }
        Verdict::Conflict(contested) => {
            for one in contested {
                let holder = holder(&one.holder, style);
                out.push(format!("conflict: {} was applied by {holder}", one.path));
            }
        }
        Verdict::Missing | Verdict::InSync | Verdict::Differs => {}
    }
    out.extend(diff.changes.iter().filter_map(|change| blamed(change, style)));
    out.extend(diff.handover.iter().flat_map(|handover| handed_over(handover, style)));
    for gone in &diff.goes_with {
        out.push(format!("{} goes with it: held by {}", gone.path, by(&gone.holders)));
    }
    for foreign in &diff.foreign {
        out.push(format!("{} is left alone: held by {}", foreign.path, by(&foreign.holders)));
    }
    for ignored in &diff.ignored {
        out.push(format!("{} is ignored by rule {}: {}", ignored.path, ignored.rule, ignored.by));
    }
    out.extend(diff.unheeded.iter().map(|why| format!("a rule is not heeded: {why}")));
    for mutated in &diff.server_mutated {
        out.push(format!("{} is what the server makes of ours", mutated.path));
    }
    if !diff.respelled.is_empty() {
        let shown = diff.respelled.iter().take(MOST_RESPELLED).map(ToString::to_string);
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = diff.respelled.len().saturating_sub(MOST_RESPELLED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        out.push(format!("spelled anew by the server, no difference: {shown}{more}"));
    }
    out
}

/// What becomes of the ownership first.
fn handed_over(handover: &Handover, style: Style) -> Vec<String> {
    let mut out = Vec::new();
    if !handover.migrated.is_empty() {
        let by = names(&handover.migrated, style);
        out.push(format!("what was declared by {by} becomes ours"));
    }
    if handover.restored {
        out.push("its managedFields were cleared: ours are put back first".to_owned());
    }
    for path in &handover.reclaimed {
        out.push(format!("{path} is no longer ours: it is taken back, and removed"));
    }
    out
}

/// Who is answerable for one change. Nobody but Git, where we alone hold the field.
fn blamed(change: &Change, style: Style) -> Option<String> {
    match &change.blame {
        Blame::Holders(holders) if !is_git(holders) => {
            Some(format!("{} is held by {}", change.path, names(holders, style)))
        }
        Blame::Nobody | Blame::Holders(_) => None,
        Blame::Removed { since, until } => Some(format!(
            "{} was removed {}",
            change.path,
            between(since.as_deref(), *until, style)
        )),
    }
}

/// When something was removed. Whoever removes a field leaves no name and no time.
fn between(since: Option<&str>, until: Option<Timestamp>, style: Style) -> String {
    let since = since.map(|since| time(since, style));
    // That was just now.
    let until = until.map(in_seconds);
    match (since, until) {
        (Some(since), Some(until)) => format!("between {since} and {until}"),
        (Some(since), None) => format!("after our apply at {since}"),
        (None, Some(until)) => format!("between our last apply and {until}"),
        (None, None) => "since our last apply".to_owned(),
    }
}

/// A time as Kubernetes writes them: RFC 3339 in UTC, whole seconds.
fn in_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// What an object's header says about who is answerable: the managers behind most of its changes.
/// `None` where nothing was changed by anybody but in Git.
pub fn top_blame(diff: &ObjectDiff) -> Option<String> {
    if let Verdict::Conflict(contested) = &diff.verdict
        && let Some(one) = contested.first()
    {
        return Some(printable(&format!("in conflict with {}", one.holder.manager)));
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for change in &diff.changes {
        match &change.blame {
            Blame::Holders(holders) => {
                for holder in holders.iter().filter(|holder| holder.manager != MANAGER) {
                    *counts.entry(format!("changed by {}", holder.manager)).or_default() += 1;
                }
            }
            Blame::Removed { .. } => {
                *counts.entry("removed by somebody".to_owned()).or_default() += 1;
            }
            Blame::Nobody => {}
        }
    }
    let others = counts.len().saturating_sub(1);
    // The first of those with the most changes, in the order of their names.
    let most = counts.values().max().copied()?;
    let (top, _) = counts.into_iter().find(|(_, count)| *count == most)?;
    Some(printable(&if others == 0 { top } else { format!("{top} and {others} more") }))
}

/// Whether a field is only ours, so that Git has changed it.
fn is_git(holders: &[Holder]) -> bool {
    holders.iter().all(|holder| holder.manager == MANAGER)
}

fn names(holders: &[Holder], style: Style) -> String {
    holders.iter().map(|it| holder(it, style)).collect::<Vec<_>>().join(", ")
}

/// `kubectl-edit (Update) at 2026-03-01T12:00:00Z, 3 h ago`.
fn holder(holder: &Holder, style: Style) -> String {
    let Some(at) = &holder.time else { return holder.to_string() };
    let named = Holder { time: None, ..holder.clone() };
    format!("{named} at {}", time(at, style))
}

/// A time, and where a person is looking, its age.
fn time(text: &str, style: Style) -> String {
    let age = style.now.zip(text.parse::<Timestamp>().ok()).and_then(|(now, then)| age(now, then));
    age.map_or_else(|| text.to_owned(), |age| format!("{text} ({age})"))
}

/// How long ago something was, in its largest unit; `None` for what is still to come.
fn age(now: Timestamp, then: Timestamp) -> Option<String> {
    let seconds = now.as_second() - then.as_second();
    let (count, unit) = match seconds {
        ..0 => return None,
        0..=119 => (seconds, "s"),
        120..=7_199 => (seconds / 60, "min"),
        7_200..=172_799 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    Some(format!("{count} {unit} ago"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::diff::{ChangeKind, Foreign};
    use merge::path::Path;

    fn held(manager: &str) -> Holder {
        Holder {
            manager: manager.to_owned(),
            operation: "Update".to_owned(),
            subresource: None,
            time: Some("2026-03-01T09:00:00Z".to_owned()),
        }
    }

    fn change(field: &str, blame: Blame) -> Change {
        let path = Path::fields(["data", field]);
        Change { path, kind: ChangeKind::Remove, before: None, after: None, blame }
    }

    #[test]
    fn each_field_names_who_is_answerable_and_git_needs_no_name() {
        let diff = ObjectDiff {
            changes: vec![
                change("a", Blame::Holders(vec![held("kubectl-edit")])),
                change("b", Blame::Holders(vec![held(MANAGER)])),
                change("c", Blame::Nobody),
                change(
                    "d",
                    Blame::Removed {
                        since: Some("2026-03-01T09:00:00Z".to_owned()),
                        until: Some("2026-03-01T10:30:00.5Z".parse().unwrap()),
                    },
                ),
            ],
            foreign: vec![Foreign {
                path: Path::fields(["data", "e"]),
                holders: vec![held("operator")],
            }],
            respelled: vec![Path::fields(["data", "f"]), Path::fields(["data", "g"])],
            ..ObjectDiff::unchanged()
        };
        assert_eq!(
            notes(&diff, Style::default()),
            "  # .data.a is held by kubectl-edit (Update) at 2026-03-01T09:00:00Z\n  \
             # .data.d was removed between 2026-03-01T09:00:00Z and 2026-03-01T10:30:00Z\n  \
             # .data.e is left alone: held by operator (Update) at 2026-03-01T09:00:00Z\n  \
             # spelled anew by the server, no difference: .data.f, .data.g\n"
        );
        let seen = Style { now: "2026-03-01T11:00:00Z".parse().ok(), ..Style::default() };
        let text = notes(&diff, seen);
        assert!(text.contains("at 2026-03-01T09:00:00Z (2 h ago)"), "{text}");
        assert!(
            text.contains("2026-03-01T09:00:00Z (2 h ago) and 2026-03-01T10:30:00Z\n"),
            "{text}"
        );
    }

    #[test]
    fn a_header_names_whoever_changed_most() {
        let diff = |blames: Vec<Blame>| ObjectDiff {
            changes: blames.into_iter().map(|blame| change("a", blame)).collect(),
            ..ObjectDiff::unchanged()
        };
        let by = |manager| Blame::Holders(vec![held(manager)]);
        let removed = Blame::Removed { since: None, until: None };
        for (blames, told) in [
            (vec![], None),
            (vec![by(MANAGER), Blame::Nobody], None),
            (vec![by("kubectl-edit")], Some("changed by kubectl-edit")),
            (vec![by("a"), by("b"), by("b")], Some("changed by b and 1 more")),
            (vec![by("a"), removed.clone()], Some("changed by a and 1 more")),
            (vec![removed], Some("removed by somebody")),
            (vec![by("a\u{1b}[2J")], Some("changed by a\u{fffd}[2J")),
        ] {
            assert_eq!(top_blame(&diff(blames)).as_deref(), told);
        }
    }

    #[test]
    fn an_age_has_one_unit() {
        let now: Timestamp = "2026-03-03T00:00:00Z".parse().unwrap();
        for (then, told) in [
            ("2026-03-02T23:59:00Z", Some("60 s ago")),
            ("2026-03-02T23:00:00Z", Some("60 min ago")),
            ("2026-03-01T00:00:01Z", Some("47 h ago")),
            ("2026-03-01T00:00:00Z", Some("2 days ago")),
            ("2026-03-04T00:00:00Z", None),
        ] {
            assert_eq!(age(now, then.parse().unwrap()).as_deref(), told);
        }
    }
}
