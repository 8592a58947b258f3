//! How text is written: colours, widths, and what may reach a terminal at all.
//!
//! Names and values come from Git and from clusters, so every one of them passes [`printable`]; a
//! colour only repeats what a sign or a word has said.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With terminal colours.
    pub colour: bool,
    /// How many unchanged lines stand around a change.
    pub context: usize,
    /// How many columns a line may take, where that is known.
    pub width: Option<usize>,
    /// Where a person is looking, the time: what happened is then told by its age, too.
    pub now: Option<Timestamp>,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, context: 3, width: None, now: None }
    }
}

/// How many columns the terminal has, if there is one.
pub fn terminal_width() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|it| *it > 0)
}

/// The colours of a terminal, by what they are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As the terminal writes by itself.
    Plain,
    /// A header.
    Title,
    /// What comes.
    Added,
    /// The words of a line that come.
    AddedWord,
    /// What goes.
    Removed,
    /// The words of a line that go.
    RemovedWord,
    /// What is said beside.
    Aside,
}

impl Style {
    /// A text that a terminal can show.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let text = printable(text);
        let code = match ink {
            Ink::Plain => return text,
            Ink::Title => "1",
            Ink::Added => "32",
            Ink::AddedWord => "7;32",
            Ink::Removed => "31",
            Ink::RemovedWord => "7;31",
            Ink::Aside => "2",
        };
        if !self.colour || text.is_empty() {
            return text;
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Text that cannot steer a terminal, nor make it show letters in another order than they have.
pub fn printable(text: &str) -> String {
    let steers = |it: char| {
        (it.is_control() && it != '\t')
            // Marks and overrides of direction (Unicode Standard Annex 9).
            || matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|it| if steers(it) { '\u{fffd}' } else { it }).collect()
}

/// How many columns a text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The part of a text that fits a number of columns, and the rest.
pub(crate) fn split_at_column(text: &str, most: usize) -> (&str, &str) {
    let mut taken = 0;
    for (at, found) in text.char_indices() {
        taken += found.width().unwrap_or(0);
        if taken > most {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// A text, cut with `…` where it takes more columns than there are.
pub(crate) fn fitted(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let (kept, _) = split_at_column(text, most.saturating_sub(1));
    if most == 0 { String::new() } else { format!("{kept}…") }
}

/// A text with spaces after it, up to a number of columns.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `1 object`, `2 objects`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\rb\u{9b}c", "a\u{fffd}b\u{fffd}c"),
            ("user\u{202e}nimda", "user\u{fffd}nimda"),
            ("tab\tstays", "tab\tstays"),
            ("日本語 é", "日本語 é"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(split_at_column("日本語", 5), ("日本", "語"));
        assert_eq!(fitted("日本語", 5), "日本…");
        assert_eq!(fitted("abc", 3), "abc");
        assert_eq!(fitted("abc", 0), "");
        assert_eq!(padded("日", 4), "日  ");
    }
}
