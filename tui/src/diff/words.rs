//! Which words of a changed line changed.

use similar::{ChangeTag, DiffOp, DiffTag, TextDiff};

/// A line in pieces, and for each whether it is what changed.
pub(super) type Words<'a> = Vec<(bool, &'a str)>;

/// Beyond so many lines nobody compares words; what is replaced by so much is another text.
const MOST_LINES: usize = 100;

/// Beyond so many bytes, likewise.
const MOST_BYTES: usize = 20_000;

/// One block of lines on either side: those that go, and those that come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// Whether both sides are the same lines.
    pub same: bool,
    pub before: Vec<Words<'a>>,
    pub after: Vec<Words<'a>>,
}

/// The lines of one operation, their changed words marked where there is something to compare.
pub(super) fn block<'a>(diff: &'a TextDiff<'a, 'a, str>, op: &DiffOp) -> Block<'a> {
    let mut block = Block { same: op.tag() == DiffTag::Equal, ..Block::default() };
    let mut push = |tag: ChangeTag, words: Words<'a>| match tag {
        ChangeTag::Delete => block.before.push(words),
        ChangeTag::Insert => block.after.push(words),
        ChangeTag::Equal => {
            block.before.push(words.clone());
            block.after.push(words);
        }
    };
    if op.tag() == DiffTag::Replace && is_small(diff, op) {
        // Its size bounds the work, so that no clock decides what is shown.
        for change in diff.iter_inline_changes_deadline(op, None) {
            let words = change.values().iter().map(|(changed, text)| (*changed, ended(text)));
            push(change.tag(), words.filter(|(_, text)| !text.is_empty()).collect());
        }
    } else {
        for change in diff.iter_changes(op) {
            push(change.tag(), vec![(false, ended(change.value()))]);
        }
    }
    block
}

/// A line without its end.
fn ended(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

fn is_small(diff: &TextDiff<'_, '_, str>, op: &DiffOp) -> bool {
    let (before, after) = (op.old_range(), op.new_range());
    if before.len() + after.len() > MOST_LINES {
        return false;
    }
    let before = before.filter_map(|line| diff.old_slice(line)).map(str::len);
    let after = after.filter_map(|line| diff.new_slice(line)).map(str::len);
    before.chain(after).sum::<usize>() <= MOST_BYTES
}
