//! What `cleat diff --suggest-ignore` prints, given back as `--ignore-differences`, hides what differs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/diff");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    // Those with flags or rules of their own are compared as they are.
    found.retain(|it| !it.join("flags.txt").exists() && !it.join("ignore.yaml").exists());
    found
}

fn diff(case: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cleat"));
    command.current_dir(case).args(["--color", "never", "diff", "--file", "desired.yaml"]);
    for name in ["live", "previous"] {
        let file = format!("{name}.yaml");
        if case.join(&file).exists() {
            command.args([&format!("--{name}"), &file]);
        }
    }
    command.args(more).output().unwrap()
}

/// The paths of what differs, object by object.
fn changes(case: &Path, more: &[&str]) -> Vec<String> {
    let more: Vec<&str> = more.iter().copied().chain(["--output", "json"]).collect();
    let output = diff(case, &more);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{}: {}", case.display(), String::from_utf8_lossy(&output.stderr))
    });
    let objects = report["objects"].as_array().unwrap();
    let of = |object: &Value| -> Vec<String> {
        let changes = object["changes"].as_array().into_iter().flatten();
        changes.map(|change| format!("{} {}", object["id"], change["path"])).collect()
    };
    objects.iter().flat_map(of).collect()
}

#[test]
fn suggested_rules_hide_what_differs() {
    let (mut hidden, mut tried) = (0, 0);
    for case in cases() {
        let before = changes(&case, &[]);
        if before.is_empty() {
            continue;
        }
        let data = diff(&case, &["--suggest-ignore", "--output", "json"]).stdout;
        let data: Value = serde_json::from_slice(&data).unwrap();
        let stays: Vec<String> = data["cannotHide"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| format!("{} {}", it["id"], it["path"]))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yaml");
        let text = diff(&case, &["--suggest-ignore"]).stdout;
        std::fs::write(&file, &text).unwrap();
        let mut after = before.clone();
        if !data["suggestions"].as_array().unwrap().is_empty() {
            after = changes(&case, &["--ignore-differences", file.to_str().unwrap()]);
        }
        assert_eq!(after, stays, "{}:\n{}", case.display(), String::from_utf8_lossy(&text));
        tried += 1;
        hidden += before.len() - after.len();
    }
    tests::say(&format!("{hidden} changes of {tried} cases hidden by suggested rules"));
    assert!(tried >= 10 && hidden >= 20, "only {hidden} changes of {tried} cases");
}
