//! What a passing test says: its figures, and what it could not try. The test runner keeps what the
//! print macros print until a test fails; these lines are meant to be seen.

use std::io::Write as _;

/// Writes a line to standard error, past the test runner.
pub fn say(line: &str) {
    // Nobody may be listening, which is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
