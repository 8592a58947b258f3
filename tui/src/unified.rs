//! Diffs as text: for each object a header, the changed lines of its YAML, and for each changed field
//! whoever is answerable for it. Everything here was masked before it came here.

use std::fmt::Write as _;

use engine::diff::{Blame, Change, Holder, ObjectDiff, Verdict};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::yaml::{self, YamlError};

/// How a diff is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With terminal colours.
    pub colour: bool,
    /// How many unchanged lines stand around a change.
    pub context: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, context: 3 }
    }
}

/// The colours of a terminal, by what they are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Title,
    Added,
    Removed,
    Aside,
}

impl Style {
    fn paint(self, ink: Ink, text: &str) -> String {
        let text = printable(text);
        if !self.colour {
            return text;
        }
        let code = match ink {
            Ink::Title => "1",
            Ink::Added => "32",
            Ink::Removed => "31",
            Ink::Aside => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Text that cannot steer a terminal: names and values come from Git and from clusters.
fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\t' { '\u{fffd}' } else { it }).collect()
}

/// The header of one object: what happens to it, which it is, and where it was written.
pub fn header(action: &str, object: &str, origin: Option<&str>, style: Style) -> String {
    let sign = match action {
        "create" => "+",
        "prune" => "-",
        "unchanged" => "=",
        "observe" | "withheld" => "·",
        _ => "~",
    };
    let mut line = style.paint(Ink::Title, &format!("{sign} {action} {object}"));
    if let Some(origin) = origin {
        line.push_str("  ");
        line.push_str(&style.paint(Ink::Aside, origin));
    }
    line.push('\n');
    line
}

/// The lines of two objects that differ. Either may be missing.
pub fn lines(before: Option<&Value>, after: Option<&Value>, style: Style) -> Result<String, YamlError> {
    let text = |object: Option<&Value>| object.map_or_else(|| Ok(String::new()), yaml::text);
    let (before, after) = (text(before)?, text(after)?);
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(style.context).iter_hunks() {
        out.push_str(&style.paint(Ink::Aside, &hunk.header().to_string()));
        out.push('\n');
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => style.paint(Ink::Removed, &format!("-{line}")),
                ChangeTag::Insert => style.paint(Ink::Added, &format!("+{line}")),
                ChangeTag::Equal => printable(&format!(" {line}")),
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    Ok(out)
}

/// Who is answerable for each change, what others hold, and what stands against the apply.
pub fn notes(diff: &ObjectDiff, style: Style) -> String {
    let mut out = String::new();
    let mut note = |text: String| {
        let _ = writeln!(out, "  {}", style.paint(Ink::Aside, &format!("# {text}")));
    };
    match &diff.verdict {
        Verdict::AskServer(reason) => note(format!("not certain without asking the server: {reason}")),
        Verdict::Conflict(contested) => {
            for one in contested {
                note(format!("conflict: {} was applied by {}", one.path, one.holder));
            }
        }
        Verdict::Missing | Verdict::InSync | Verdict::Differs => {}
    }
    for change in &diff.changes {
        if let Some(text) = blame(change) {
            note(text);
        }
    }
    for path in &diff.removals {
        note(format!("{path} is no longer ours: it is taken back, then removed"));
    }
    for foreign in &diff.foreign {
        note(format!("{} is left alone: held by {}", foreign.path, names(&foreign.holders)));
    }
    out
}

fn blame(change: &Change) -> Option<String> {
    match &change.blame {
        Blame::Nobody => None,
        Blame::Holders(holders) => Some(format!("{} is held by {}", change.path, names(holders))),
        Blame::Removed { since: Some(time) } => {
            Some(format!("{} was removed by somebody after our apply at {time}", change.path))
        }
        Blame::Removed { since: None } => {
            Some(format!("{} was removed by somebody since our last apply", change.path))
        }
    }
}

fn names(holders: &[Holder]) -> String {
    holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_shown_with_its_surroundings() {
        let before = json!({"data": {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"}});
        let mut after = before.clone();
        after["data"]["a"] = json!("one");
        let text = lines(Some(&before), Some(&after), Style { colour: false, context: 1 }).unwrap();
        assert_eq!(text, "@@ -1,3 +1,3 @@\n data:\n-  a: \"1\"\n+  a: one\n   b: \"2\"\n");
        assert_eq!(lines(Some(&before), Some(&before), Style::default()).unwrap(), "");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let line = header("create", "configmap/\u{1b}[2Ja", Some("a\r.yaml:1"), Style::default());
        assert_eq!(line, "+ create configmap/\u{fffd}[2Ja  a\u{fffd}.yaml:1\n");
        let text = lines(None, Some(&json!({"a": "x\u{1b}[2Jy"})), Style::default()).unwrap();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn colour_is_asked_for() {
        let style = Style { colour: true, context: 0 };
        let text = lines(Some(&json!({"a": 1})), Some(&json!({"a": 2})), style).unwrap();
        assert!(text.contains("\u{1b}[31m-a: 1\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[32m+a: 2\u{1b}[0m"), "{text:?}");
    }
}
