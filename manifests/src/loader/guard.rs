//! A seat belt around the YAML parser. libyaml-safer gives up on some texts by panicking (0.3 does on
//! `[!,`: its scanner has no answer to a comma behind a tag), and what stands in Git must never end
//! the process. Such a panic is caught here and becomes a problem of the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the YAML parser, where a panic is caught and told as a problem. A
/// panic hook asks, so as not to print it as well.
pub fn is_parsing() -> bool {
    READING.get()
}

/// What the parser answers; `None` if it panicked. It must not be used again then.
pub(super) fn guarded<T>(parse: impl FnOnce() -> T) -> Option<T> {
    READING.set(true);
    let answer = catch_unwind(AssertUnwindSafe(parse));
    READING.set(false);
    answer.ok()
}
