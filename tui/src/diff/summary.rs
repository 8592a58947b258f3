//! A line an object, then how many of each there are.

use engine::diff::{ChangeKind, ObjectDiff};

use super::{Object, sign};
use crate::notes::top_blame;
use crate::style::{Ink, Style, columns, counted, fitted, padded, printable};

/// What is said of an object has this much of the line before its identity is cut.
const ROOM: usize = 26;

/// So much of an identity is shown in any case.
const SHORTEST_ID: usize = 24;

/// The objects, a line each, in columns; unchanged ones are left to the total.
pub fn table(objects: &[Object<'_>], style: Style) -> String {
    let rows: Vec<Row> = objects.iter().map(Row::of).collect();
    let longest = |of: fn(&Row) -> &String| rows.iter().map(|row| columns(of(row))).max();
    let action = longest(|row| &row.action).unwrap_or(0);
    let id = longest(|row| &row.id).unwrap_or(0);
    let counts = longest(|row| &row.counts).unwrap_or(0);
    // Columns are for eyes: where the width is not known, the text goes on to another program.
    let id = style.width.map_or(id, |width| {
        let room = width.saturating_sub(action + counts + ROOM + 6);
        id.min(room.max(SHORTEST_ID))
    });
    let mut out = String::new();
    for row in &rows {
        let mut line = format!("{}  ", padded(&row.action, action));
        let rest =
            [padded(&fitted(&row.id, id), id), padded(&row.counts, counts), row.asides.join("  ")]
                .join("  ");
        line.push_str(rest.trim_end());
        let line = style.width.map_or_else(|| line.clone(), |width| fitted(&line, width));
        let (action, rest) = line.split_at(row.action.len().min(line.len()));
        out.push_str(&style.paint(row.ink, action));
        out.push_str(rest);
        out.push('\n');
    }
    out
}

struct Row {
    action: String,
    ink: Ink,
    id: String,
    counts: String,
    asides: Vec<String>,
}

impl Row {
    fn of(object: &Object<'_>) -> Self {
        let blame = top_blame(object.diff);
        let asides = [object.reason, blame.as_deref(), object.origin];
        Self {
            action: format!("{} {}", sign(object.action), object.action),
            ink: match sign(object.action) {
                "+" => Ink::Added,
                "-" => Ink::Removed,
                "·" => Ink::Aside,
                _ => Ink::Title,
            },
            id: printable(&object.id.to_string()),
            counts: counts(object.diff),
            asides: asides.into_iter().flatten().map(printable).collect(),
        }
    }
}

/// `2 set, 1 removed`.
fn counts(diff: &ObjectDiff) -> String {
    let of = |kind| diff.changes.iter().filter(|change| change.kind == kind).count();
    let parts = [(of(ChangeKind::Set), "set"), (of(ChangeKind::Remove), "removed")];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// How many objects there are of each action, in a line.
pub fn totals<'a>(actions: impl IntoIterator<Item = &'a str>) -> String {
    const WORDS: [(&str, &str); 7] = [
        ("create", "to create"),
        ("update", "to update"),
        ("adopt", "to adopt"),
        ("prune", "to prune"),
        ("remove", "to remove"),
        ("kept", "kept"),
        ("unchanged", "unchanged"),
    ];
    let mut counts = [0_usize; 7];
    for action in actions {
        for (count, (name, _)) in counts.iter_mut().zip(WORDS) {
            *count += usize::from(name == action);
        }
    }
    let total: usize = counts.iter().sum();
    let parts = counts.iter().zip(WORDS).filter(|(count, _)| **count > 0);
    let parts: Vec<String> = parts.map(|(count, (_, word))| format!("{count} {word}")).collect();
    if parts.is_empty() {
        "no objects\n".to_owned()
    } else {
        format!("{}: {}\n", counted(total, "object"), parts.join(", "))
    }
}
