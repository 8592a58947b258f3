//! Both sides beside each other. Between them stands what became of the line: `-` it goes, `+` it
//! comes, `~` it changes, `│` it stays. A line that is longer than its half goes on below.

use std::fmt::Write as _;

use super::words::{Block, Words};
use super::{Hunk, place};
use crate::style::{Ink, Style, columns, padded, printable, split_at_column};

/// The width where none is known.
const WIDTH: usize = 80;

/// The least a half needs to be read.
const NARROWEST: usize = 10;

/// A longer line is cut: it would push everything else off the screen.
const MOST_ROWS: usize = 8;

/// How many columns of what is the same stand before a difference that a cut line is shown from.
const LEAD: usize = 16;

/// One row of one side: coloured text and the columns it takes.
type Cell = (String, usize);

/// Writes a hunk.
pub(super) fn write(out: &mut String, hunk: &Hunk<'_>, style: Style) {
    place(out, hunk, style);
    let half = (style.width.unwrap_or(WIDTH).saturating_sub(3) / 2).max(NARROWEST);
    for block in &hunk.blocks {
        let rows = block.before.len().max(block.after.len());
        for row in 0..rows {
            pair(out, block, row, half, style);
        }
    }
}

fn pair(out: &mut String, block: &Block<'_>, row: usize, half: usize, style: Style) {
    let (before, after) = (block.before.get(row), block.after.get(row));
    let (sign, ink) = match (block.same, before, after) {
        (true, ..) => ("│", Ink::Aside),
        (_, Some(_), None) => ("-", Ink::Removed),
        (_, None, Some(_)) => ("+", Ink::Added),
        _ => ("~", Ink::Title),
    };
    let skip = skipped(before, after, half);
    let plain = (Ink::Plain, Ink::Plain);
    let inks = |of: (Ink, Ink)| if block.same { plain } else { of };
    let left = cells(before, skip, half, inks((Ink::Removed, Ink::RemovedWord)), style);
    let right = cells(after, skip, half, inks((Ink::Added, Ink::AddedWord)), style);
    for place in 0..left.len().max(right.len()) {
        let (text, width) = left.get(place).cloned().unwrap_or_default();
        let gap = " ".repeat(half.saturating_sub(width));
        let sign = style.paint(ink, sign);
        let (other, _) = right.get(place).cloned().unwrap_or_default();
        let line = format!("{text}{gap} {sign} {other}");
        let _ = writeln!(out, "{}", line.trim_end_matches(' '));
    }
}

/// Text as it stands on a screen, where a tab takes as many columns as it is given.
fn laid_out(text: &str) -> String {
    printable(text).replace('\t', "    ")
}

/// How many columns both sides of a pair begin later, so that what differs is not cut off.
fn skipped(before: Option<&Words<'_>>, after: Option<&Words<'_>>, half: usize) -> usize {
    let text = |words: Option<&Words<'_>>| -> String {
        words.into_iter().flatten().map(|(_, text)| laid_out(text)).collect()
    };
    let (one, two) = (text(before), text(after));
    let most = half * MOST_ROWS;
    if columns(&one).max(columns(&two)) <= most {
        return 0;
    }
    let same: String =
        one.chars().zip(two.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let same = columns(&same);
    // What differs near the beginning is seen anyway.
    if same + LEAD < most { 0 } else { same - LEAD }
}

/// The rows of one line on its side.
fn cells(
    words: Option<&Words<'_>>,
    skip: usize,
    half: usize,
    inks: (Ink, Ink),
    style: Style,
) -> Vec<Cell> {
    let Some(words) = words else { return Vec::new() };
    let mut rows = vec![Cell::default()];
    let mut to_skip = skip;
    if skip > 0 {
        put(&mut rows, "…", half, Ink::Aside, style);
    }
    for (changed, text) in words {
        let ink = if *changed { inks.1 } else { inks.0 };
        let text = laid_out(text);
        let (passed, shown) = split_at_column(&text, to_skip);
        to_skip -= columns(passed).min(to_skip);
        if !put(&mut rows, shown, half, ink, style) {
            break;
        }
    }
    rows
}

/// Appends text, on further rows where it must; whether there was room for all of it.
fn put(rows: &mut Vec<Cell>, text: &str, half: usize, ink: Ink, style: Style) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let last = rows.len() == MOST_ROWS;
        let Some((row, width)) = rows.last_mut() else { return false };
        let room = half - *width;
        let (mut fits, mut after) = split_at_column(rest, room);
        if last && !after.is_empty() {
            (fits, _) = split_at_column(rest, room.saturating_sub(1));
            row.push_str(&style.paint(ink, fits));
            *width += columns(fits);
            row.push_str(&padded(&style.paint(Ink::Aside, "…"), 0));
            *width += 1;
            return false;
        }
        if fits.is_empty() && *width == 0 {
            // A letter wider than the half itself: it is cut out rather than looked at for ever.
            let next = rest.chars().next().map_or(0, char::len_utf8);
            (fits, after) = ("", rest.get(next..).unwrap_or_default());
        }
        row.push_str(&style.paint(ink, fits));
        *width += columns(fits);
        if !after.is_empty() {
            rows.push(Cell::default());
        }
        rest = after;
    }
    true
}
