//! Tools that some tests need and a machine may lack: such a test says so on a line of its own, and is
//! a failure where `CLEAT_REQUIRE_TOOLS=1` promises that the tools are there.

use std::path::PathBuf;

/// The path of an installed tool, or `None` after saying that the test is skipped.
///
/// ```no_run
/// let Some(kubectl) = tests::tools::find("kubectl") else { return };
/// ```
#[allow(
    clippy::disallowed_methods,
    reason = "what the machine has is in its environment, and a skipped test must be seen"
)]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
    if found.is_none() {
        let required = std::env::var_os("CLEAT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "{name} is not installed, and CLEAT_REQUIRE_TOOLS=1 asks for it");
        crate::say(&format!("skipped: {name} is not installed"));
    }
    found
}
