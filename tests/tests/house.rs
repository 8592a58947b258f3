//! The rules of the house, as tests: which way the arrows go, how long a file may be, what the project
//! never says about the machine it was written on.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may use whom. Whatever is not here is a wrong arrow.
const ARROWS: &[(&str, &[&str])] = &[
    ("benches", &["cleat", "engine", "manifests", "merge", "sandbox", "syncer", "tests", "tui"]),
    ("cleat", &["engine", "manifests", "merge", "sandbox", "syncer", "tui"]),
    ("engine", &["merge"]),
    ("manifests", &["merge"]),
    ("merge", &[]),
    ("pairs", &["engine", "merge"]),
    ("sandbox", &["merge"]),
    ("syncer", &["engine", "manifests", "merge"]),
    ("tests", &["engine", "manifests", "merge", "sandbox", "syncer", "tui"]),
    ("tui", &["engine", "merge", "syncer"]),
];

/// Crates that would bring I/O, a clock or a runtime into a room that is pure.
const IMPURE: &[&str] =
    &["tokio", "kube", "kube-client", "hyper", "reqwest", "git2", "axum", "async-std"];

/// No file of code is longer than this; generated code and case tables are data, not code.
const LONGEST_FILE: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn metadata() -> cargo_metadata::Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

/// Every file below the root, without what `.gitignore` names.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".git", "proptest-regressions"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    files()
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| (file.clone(), std::fs::read_to_string(file).unwrap()))
}

#[test]
fn arrows_go_one_way() {
    let metadata = metadata();
    let rooms: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    assert_eq!(
        rooms.iter().map(String::as_str).collect::<Vec<_>>(),
        allowed.keys().copied().collect::<Vec<_>>(),
        "every room of the workspace has its arrows in this table"
    );
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let may = allowed[package.name.as_str()];
        for dependency in &package.dependencies {
            // The tests that run the binary share helpers with the others.
            if package.name == "cleat" && dependency.name == "tests" {
                assert_eq!(dependency.kind, DependencyKind::Development, "cleat -> tests");
                continue;
            }
            if rooms.contains(&dependency.name) && !may.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point the wrong way: {}", wrong.join(", "));
}

#[test]
fn the_pure_rooms_stay_pure() {
    for package in metadata().workspace_packages() {
        if !["merge", "engine"].contains(&package.name.as_str()) {
            continue;
        }
        for dependency in &package.dependencies {
            assert!(
                !IMPURE.contains(&dependency.name.as_str()),
                "{} is pure, and {} is not",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn only_the_shells_know_the_cluster_client() {
    for package in metadata().workspace_packages() {
        let uses_kube = package.dependencies.iter().any(|dependency| dependency.name == "kube");
        let may = ["syncer", "sandbox", "cleat", "tests"].contains(&package.name.as_str());
        assert!(may || !uses_kube, "{} must not know the cluster's client", package.name);
    }
    let api = root().join("sandbox/src");
    for (file, text) in sources() {
        let workloads = file.starts_with(api.join("workloads")) || file == api.join("workloads.rs");
        if file.starts_with(&api) && !workloads {
            let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(
                !code.any(|line| line.contains("use kube") || line.contains("kube::")),
                "{}: of the sandbox only the workload controllers are clients",
                file.display()
            );
        }
    }
}

#[test]
fn no_file_is_a_wall_of_code() {
    let long: Vec<String> = sources()
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "files over {LONGEST_FILE} lines: {}", long.join("; "));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not begin with its role", file.display());
    }
}

#[test]
fn the_project_speaks_of_itself_only() {
    // Assembled from parts, so that this file does not say what it forbids.
    let forbidden = [["/wo", "rk/"].concat(), ["/tmp/", "real"].concat(), ["/ro", "ot/"].concat()];
    for file in files() {
        if file.starts_with(root().join("tests/recorded")) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for path in &forbidden {
            assert!(!text.contains(path.as_str()), "{} names a path of a machine", file.display());
        }
    }
}

#[test]
fn the_readme_gives_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let first_screen: String = readme.lines().take(60).collect::<Vec<_>>().join("\n");
    for command in ["cargo run --release -- demo", "cargo test --workspace"] {
        assert!(first_screen.contains(command), "the first screen of README.md lacks `{command}`");
    }
}
