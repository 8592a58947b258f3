//! Both sides one below the other, as `diff -u` writes them.

use super::words::Words;
use super::{Hunk, place};
use crate::style::{Ink, Style};

/// Writes a hunk: what goes with `-`, what comes with `+`.
pub(super) fn write(out: &mut String, hunk: &Hunk<'_>, style: Style) {
    place(out, hunk, style);
    for block in &hunk.blocks {
        if block.same {
            for words in &block.after {
                line(out, ' ', words, (Ink::Plain, Ink::Plain), style);
            }
            continue;
        }
        for words in &block.before {
            line(out, '-', words, (Ink::Removed, Ink::RemovedWord), style);
        }
        for words in &block.after {
            line(out, '+', words, (Ink::Added, Ink::AddedWord), style);
        }
    }
}

fn line(out: &mut String, sign: char, words: &Words<'_>, inks: (Ink, Ink), style: Style) {
    let (plain, marked) = inks;
    // One run of one colour is one sequence.
    let mut run = sign.to_string();
    for (changed, text) in words {
        if *changed {
            out.push_str(&style.paint(plain, &run));
            run.clear();
            out.push_str(&style.paint(marked, text));
        } else {
            run.push_str(text);
        }
    }
    out.push_str(&style.paint(plain, &run));
    out.push('\n');
}
