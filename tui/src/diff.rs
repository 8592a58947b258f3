//! Differences as text: for each object a header, who is answerable, and the changed lines of its YAML.
//!
//! ```text
//! live, masked ─────────────── emit ─┐
//! live, masked, changes made ─ emit ─┴─ line diff ─ hunks ─┬─ unified
//!                                                          └─ side by side
//! ```
//!
//! Secret values are masked before anything is written. Signs say what colours repeat. The work is
//! bounded by the size of what differs: lines are compared by a heuristic that never is quadratic, and
//! words only within small blocks.

mod side_by_side;
pub mod summary;
mod unified;
mod words;

use std::fmt::Write as _;

use engine::diff::ObjectDiff;
use engine::redact::Redaction;
use merge::ObjectId;
use serde_json::Value;
use similar::TextDiff;
use similar::udiff::UnifiedHunkHeader;

use crate::notes::{notes, top_blame};
use crate::style::{Ink, Style};
use words::Block;

/// Writes an object as YAML. It comes as an argument, because the writer lives with the reader.
pub type Emit<'a, E> = &'a dyn Fn(&Value) -> Result<String, E>;

/// How the lines of both sides stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One below the other.
    Unified,
    /// One beside the other.
    SideBySide,
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
    /// Why nothing happens to it, where that needs a reason.
    pub reason: Option<&'a str>,
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
    layout: Layout,
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
    let blame = top_blame(object.diff);
    let asides = [object.origin, object.reason, blame.as_deref()];
    let mut text = header(object.action, &object.id.to_string(), asides, style);
    text.push_str(&notes(object.diff, style));
    text.push_str(&lines(live.as_ref(), after.as_ref(), emit, layout, style)?);
    Ok(text)
}

/// The header of one object: what happens to it, which it is, and what there is to say in a few words:
/// where it was written, who changed it.
pub fn header<'a>(
    action: &str,
    object: &str,
    asides: impl IntoIterator<Item = Option<&'a str>>,
    style: Style,
) -> String {
    let mut line = style.paint(Ink::Title, &format!("{} {action} {object}", sign(action)));
    for aside in asides.into_iter().flatten() {
        line.push_str("  ");
        line.push_str(&style.paint(Ink::Aside, aside));
    }
    line.push('\n');
    line
}

/// The sign of an action.
fn sign(action: &str) -> &'static str {
    match action {
        "create" => "+",
        "prune" | "remove" => "-",
        "unchanged" => "=",
        "observe" | "withheld" | "kept" => "·",
        _ => "~",
    }
}

/// The lines of two objects that differ. Either may be missing.
pub fn lines<E>(
    before: Option<&Value>,
    after: Option<&Value>,
    emit: Emit<'_, E>,
    layout: Layout,
    style: Style,
) -> Result<String, E> {
    let text = |object: Option<&Value>| object.map_or_else(|| Ok(String::new()), emit);
    let (before, after) = (text(before)?, text(after)?);
    Ok(texts(&before, &after, layout, style))
}

/// The lines of two texts that differ.
fn texts(before: &str, after: &str, layout: Layout, style: Style) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for hunk in hunks(&diff, style.context) {
        match layout {
            Layout::Unified => unified::write(&mut out, &hunk, style),
            Layout::SideBySide => side_by_side::write(&mut out, &hunk, style),
        }
    }
    out
}

/// Changed lines and what stands around them.
#[derive(Debug)]
struct Hunk<'a> {
    /// Which lines: `@@ -1,3 +1,4 @@`.
    place: String,
    blocks: Vec<Block<'a>>,
}

fn hunks<'a>(
    diff: &'a TextDiff<'a, 'a, str>,
    context: usize,
) -> impl Iterator<Item = Hunk<'a>> + 'a {
    // More context than there are lines is all of them; the library reckons with twice the number.
    let context = context.min(diff.old_len().max(diff.new_len()));
    diff.grouped_ops(context).into_iter().filter(|ops| !ops.is_empty()).map(|ops| Hunk {
        place: UnifiedHunkHeader::new(&ops).to_string(),
        blocks: ops.iter().map(|op| words::block(diff, op)).collect(),
    })
}

/// The line that says where a hunk stands.
fn place(out: &mut String, hunk: &Hunk<'_>, style: Style) {
    let _ = writeln!(out, "{}", style.paint(Ink::Aside, &hunk.place));
}

#[cfg(test)]
mod tests;
