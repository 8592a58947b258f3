//! Runs `cleat diff` and `cleat plan` over folders of files, and compares what they print.
//!
//! A case is a folder of `tests/cases/<verb>/`: `desired.yaml` is the source, `live.yaml` what the
//! cluster has, `previous.yaml` what was applied last, `ignore.yaml` what is left alone, `flags.txt`
//! further arguments, one a line (`COLUMNS=80` is the width of the screen), and `expected.txt` the
//! exit code and everything printed. With `CLEAT_UPDATE_CASES=1` the latter is written instead of
//! compared. What masks show of a secret differs from run to run, so masks are
//! numbered here.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(clippy::disallowed_methods, reason = "how a person asks for the files to be rewritten")]
fn updating() -> bool {
    std::env::var_os("CLEAT_UPDATE_CASES").is_some()
}

fn cases(verb: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(verb);
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn run(verb: &str, case: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cleat"));
    command.current_dir(case).args(["--color", "never", verb, "--file", "desired.yaml"]);
    for name in ["live", "previous"] {
        let file = format!("{name}.yaml");
        if case.join(&file).exists() {
            command.args([&format!("--{name}"), &file]);
        }
    }
    if case.join("ignore.yaml").exists() {
        command.args(["--ignore-differences", "ignore.yaml"]);
    }
    let flags = std::fs::read_to_string(case.join("flags.txt")).unwrap_or_default();
    // A line such as COLUMNS=160 says how wide the screen is.
    command.env_remove("COLUMNS");
    for line in flags.lines() {
        match line.split_once('=').filter(|(name, _)| *name == "COLUMNS") {
            Some((name, value)) => command.env(name, value),
            None => command.arg(line),
        };
    }
    let output = command.output().unwrap();
    let mut text = format!("exit {}\n", output.status.code().unwrap());
    text.push_str(&String::from_utf8(output.stdout).unwrap());
    if !output.stderr.is_empty() {
        let _ = write!(text, "--- standard error\n{}", String::from_utf8(output.stderr).unwrap());
    }
    numbered(&text)
}

/// `<masked 1a2b3c4d>` becomes `<masked 1>`, and equal masks equal numbers.
fn numbered(text: &str) -> String {
    const OPENING: &str = "<masked ";
    let mut known: Vec<String> = Vec::new();
    let mut parts = text.split(OPENING);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (mask, rest) = part.split_once('>').unwrap();
        let place = known.iter().position(|it| it == mask).unwrap_or_else(|| {
            known.push(mask.to_owned());
            known.len() - 1
        });
        let _ = write!(out, "{OPENING}{}>{rest}", place + 1);
    }
    out
}

fn check(verb: &str, at_least: usize) {
    let cases = cases(verb);
    let mut wrong = Vec::new();
    for case in &cases {
        let found = run(verb, case);
        assert!(!found.contains("canary"), "{}: a secret is shown:\n{found}", case.display());
        let file = case.join("expected.txt");
        if updating() {
            std::fs::write(&file, &found).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", case.display()));
        }
    }
    tests::say(&format!("{} cases of cleat {verb}, {} wrong", cases.len(), wrong.len()));
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn differences_are_shown_as_written_down() {
    check("diff", 60);
}

#[test]
fn plans_are_shown_as_written_down() {
    check("plan", 15);
}

#[test]
fn what_is_only_spelled_otherwise_is_no_difference() {
    let same = cases("diff").into_iter().filter(|case| {
        case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("same-"))
    });
    let mut count = 0;
    for case in same {
        let found = run("diff", &case);
        assert!(found.starts_with("exit 0\n"), "{}: {found}", case.display());
        let printed = found.split("--- standard error").next().unwrap_or_default();
        assert_eq!(printed, "exit 0\n", "{}", case.display());
        count += 1;
    }
    assert!(count >= 20, "only {count} cases");
}
