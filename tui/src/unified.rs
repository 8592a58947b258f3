//! Diffs as text: for each object a header, the changed lines of its YAML, and for each changed field
//! whoever is answerable for it. Secret values are masked here, or were before they came here.

use std::fmt::Write as _;

use engine::diff::{Blame, Change, Handover, Holder, ObjectDiff, Verdict};
use engine::redact::Redaction;
use merge::ObjectId;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Writes an object as YAML. It comes as an argument, because the writer lives with the reader.
pub type Emit<'a, E> = &'a dyn Fn(&Value) -> Result<String, E>;

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
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\t' { '\u{fffd}' } else { it }).collect()
}

/// One object to write about.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// What happens to it.
    pub action: &'a str,
    /// Which it is.
    pub id: &'a ObjectId,
    /// Where it was written.
    pub origin: Option<&'a str>,
    /// As the cluster has it.
    pub live: Option<&'a Value>,
    /// As it would be sent; `None` if it goes.
    pub body: Option<&'a Value>,
    /// What the comparison of the two found.
    pub diff: &'a ObjectDiff,
}

/// Everything there is to say about one object: header, notes, changed lines.
pub fn object<E>(
    object: &Object<'_>,
    redaction: &Redaction,
    emit: Emit<'_, E>,
    style: Style,
) -> Result<String, E> {
    let live = object.live.map(|live| {
        let mut shown = redaction.object(live);
        if let Some(metadata) = shown.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        shown
    });
    // What changes is set into the live object, so that what does not keeps its spelling.
    let after = match (&live, object.body) {
        (Some(live), Some(_)) => Some(object.diff.after(live)),
        (None, Some(body)) => Some(redaction.object(body)),
        (_, None) => None,
    };
    let mut text = header(object.action, &object.id.to_string(), object.origin, style);
    text.push_str(&notes(object.diff, style));
    text.push_str(&lines(live.as_ref(), after.as_ref(), emit, style)?);
    Ok(text)
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
pub fn lines<E>(
    before: Option<&Value>,
    after: Option<&Value>,
    emit: Emit<'_, E>,
    style: Style,
) -> Result<String, E> {
    let text = |object: Option<&Value>| object.map_or_else(|| Ok(String::new()), emit);
    let (before, after) = (text(before)?, text(after)?);
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    // More context than there are lines is all of them; the library reckons with twice the number.
    let context = style.context.min(before.lines().count().max(after.lines().count()));
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(context).iter_hunks() {
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
        Verdict::AskServer(reason) => {
            note(format!("not certain without asking the server: {reason}"));
        }
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
    for text in diff.handover.iter().flat_map(handed_over) {
        note(text);
    }
    for gone in &diff.goes_with {
        note(format!("{} goes with it: held by {}", gone.path, names(&gone.holders)));
    }
    for foreign in &diff.foreign {
        note(format!("{} is left alone: held by {}", foreign.path, names(&foreign.holders)));
    }
    out
}

/// What becomes of the ownership first, in words.
fn handed_over(handover: &Handover) -> Vec<String> {
    let mut out = Vec::new();
    if !handover.migrated.is_empty() {
        out.push(format!("what was declared by {} becomes ours", names(&handover.migrated)));
    }
    if handover.restored {
        out.push("its managedFields were cleared: ours are put back first".to_owned());
    }
    for path in &handover.reclaimed {
        out.push(format!("{path} is no longer ours: it is taken back, and removed"));
    }
    out
}

fn blame(change: &Change) -> Option<String> {
    match &change.blame {
        Blame::Nobody => None,
        Blame::Holders(holders) => Some(format!("{} is held by {}", change.path, names(holders))),
        Blame::Removed { since, until } => {
            let told = match (since, until) {
                (Some(since), Some(until)) => format!("between {since} and {until}"),
                (Some(since), None) => format!("after our apply at {since}"),
                (None, Some(until)) => format!("between our last apply and {until}"),
                (None, None) => "since our last apply".to_owned(),
            };
            Some(format!("{} was removed by somebody {told}", change.path))
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

    fn emit(value: &Value) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(value)? + "\n")
    }

    #[test]
    fn only_what_differs_is_shown_with_its_surroundings() {
        let before = json!({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"});
        let mut after = before.clone();
        after["b"] = json!("two");
        let style = Style { colour: false, context: 1 };
        let text = lines(Some(&before), Some(&after), &emit, style).unwrap();
        assert_eq!(
            text,
            "@@ -2,3 +2,3 @@\n   \"a\": \"1\",\n-  \"b\": \"2\",\n+  \"b\": \"two\",\n   \"c\": \"3\",\n"
        );
        assert_eq!(lines(Some(&before), Some(&before), &emit, style).unwrap(), "");
        let all = Style { colour: false, context: usize::MAX };
        let text = lines(Some(&before), Some(&after), &emit, all).unwrap();
        assert!(text.starts_with("@@ -1,8 +1,8 @@\n {\n"), "{text}");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let line = header("create", "configmap/\u{1b}[2Ja", Some("a\r.yaml:1"), Style::default());
        assert_eq!(line, "+ create configmap/\u{fffd}[2Ja  a\u{fffd}.yaml:1\n");
        let raw = |value: &Value| Ok::<_, ()>(value["a"].as_str().unwrap_or_default().to_owned());
        let text = lines(None, Some(&json!({"a": "x\u{1b}[2Jy"})), &raw, Style::default()).unwrap();
        assert!(text.contains('x') && !text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn colour_is_asked_for() {
        let style = Style { colour: true, context: 0 };
        let text = lines(Some(&json!(1)), Some(&json!(2)), &emit, style).unwrap();
        assert!(text.contains("\u{1b}[31m-1\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[32m+2\u{1b}[0m"), "{text:?}");
    }
}
