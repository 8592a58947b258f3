//! Bad manifests and bad repositories. Every verb that renders tells them in the same words, all of
//! them at once, and none of them gets as far as asking a server to store something.

use std::fmt::Write as _;
use std::path::Path;

use tests::program::{Ended, Program};
use tests::stage::Stage;

use crate::repository::{self, Entry};
use crate::{nothing_was_written, program, words};

/// One thing that is wrong with a source, alone in its file.
struct Bad {
    file: &'static str,
    entry: Entry,
    /// What is told of it, after the file's name.
    told: &'static str,
    /// What is said to do about it, if that is not obvious.
    hint: Option<&'static str>,
}

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good, namespace: shop}\n";

const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n";

/// Each of ten anchors is ten times the one before.
fn alias_bomb() -> String {
    let mut text = format!("{OTHER}data:\n  a0: &a0 [{}]\n", ["x"; 10].join(", "));
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        let ten = [before.as_str(); 10].join(", ");
        let _ = writeln!(text, "  a{level}: &a{level} [{ten}]");
    }
    text
}

fn fifty_megabytes() -> Vec<u8> {
    let mut bytes = format!("{OTHER}data:\n  text: |\n").into_bytes();
    let line = format!("    {}\n", "x".repeat(95));
    while bytes.len() < 50 << 20 {
        bytes.extend_from_slice(line.as_bytes());
    }
    bytes
}

/// The bad sources, in the order of their files' names.
fn all() -> Vec<Bad> {
    let text = |file, text: &str, told, hint| Bad { file, entry: Entry::text(text), told, hint };
    let deep = format!("{OTHER}data: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    vec![
        Bad {
            file: "alias-bomb.yaml",
            entry: Entry::text(alias_bomb()),
            told: ":10: anchors and aliases expand beyond what a source may take",
            hint: None,
        },
        Bad {
            file: "deep.yaml",
            entry: Entry::text(deep),
            told: ":4: values are nested deeper than 100 levels",
            hint: None,
        },
        text(
            "duplicate-key.yaml",
            &format!("{OTHER}data:\n  k: v\n  k: w\n"),
            ":6: the key `k` stands here again; it is first on line 5",
            None,
        ),
        Bad {
            file: "invalid-utf8.yaml",
            entry: Entry::File(
                b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: caf\xe9}\n".to_vec(),
            ),
            told: ":3: this is not UTF-8 text",
            hint: Some("save the file as UTF-8"),
        },
        Bad {
            file: "large.yaml",
            entry: Entry::File(fifty_megabytes()),
            told: ": the file has 50 MiB; no manifest larger than 8 MiB is read",
            hint: None,
        },
        Bad {
            file: "link.yaml",
            entry: Entry::Link("../../etc/passwd"),
            told: ": this leads out of the source, and nothing outside of it is read",
            hint: None,
        },
        text(
            "nameless.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {app: web}}\n",
            ":3: this ConfigMap has no metadata.name",
            None,
        ),
        Bad {
            file: "submodule",
            entry: Entry::Submodule,
            told: ": this is a Git submodule, whose content is not in this repository",
            hint: Some("leave a submodule out by --exclude, or render its own repository"),
        },
        text(
            "tab.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: tab\n",
            ":4: a tab stands in the indentation",
            Some("YAML is indented by spaces"),
        ),
        text(
            "twin.yaml",
            &format!("---\n{GOOD}"),
            ":2: configmap/good in shop is already defined at good.yaml:1",
            Some("an object may be written once; remove one of the two"),
        ),
    ]
}

/// What standard error holds for these, whichever verb was asked.
fn told(bad: &[&Bad]) -> String {
    let mut lines: Vec<String> =
        bad.iter().map(|bad| format!("{}{}", bad.file, bad.told)).collect();
    let (count, s) = (bad.len(), if bad.len() == 1 { "" } else { "s" });
    lines.push(format!("error: {count} problem{s} in the source; nothing was done"));
    let hints = bad.iter().filter_map(|bad| bad.hint);
    lines.extend(hints.map(|hint| format!("hint: {hint}")));
    lines.join("\n") + "\n"
}

/// The verbs that render a repository, each as it is asked of files alone and of a cluster.
fn verbs(repository: &Path, kubeconfig: &Path) -> Vec<Vec<String>> {
    let (repository, kubeconfig) = (repository.to_str().unwrap(), kubeconfig.to_str().unwrap());
    [
        "render --repo {}",
        "render --repo {} -o json",
        "plan --repo {}",
        "diff --repo {}",
        "plan --repo {} --kubeconfig KUBECONFIG",
        "diff --repo {} --kubeconfig KUBECONFIG",
        "apply --repo {} --kubeconfig KUBECONFIG",
    ]
    .iter()
    .map(|line| words(&line.replace("KUBECONFIG", kubeconfig), repository))
    .collect()
}

async fn refused(stage: &Stage, program: &Program, command: &[String], expected: &str) -> Ended {
    stage.proxy.clear();
    let ended = program.run(command).await.unwrap().expect(2).unwrap();
    assert_eq!(ended.stderr, expected, "{command:?}");
    nothing_was_written(stage, &format!("{command:?}"));
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_source_is_told_by_every_verb_and_nothing_is_applied() {
    let stage = Stage::sandbox().await.unwrap();
    let program = program(stage.folder());
    let all = all();
    for bad in &all {
        let entries = [("good.yaml", &Entry::text(GOOD)), (bad.file, &bad.entry)];
        let repository = repository::create(stage.folder(), bad.file, entries);
        let expected = told(&[bad]);
        for command in verbs(&repository, &stage.kubeconfig()) {
            let ended = refused(&stage, &program, &command, &expected).await;
            assert_eq!(ended.stdout, "", "{command:?}");
        }
        // A program that reads the events finds the same there.
        let mut command = verbs(&repository, &stage.kubeconfig()).pop().unwrap();
        command.extend(words("-o json", ""));
        let ended = refused(&stage, &program, &command, &expected).await;
        let [outcome] = ended.json_lines().unwrap().try_into().unwrap();
        assert_eq!(outcome["kind"], "outcome");
        assert_eq!(outcome["outcome"], "refused");
        assert_eq!(outcome["class"], "user");
        let message = outcome["problems"][0]["message"].as_str().unwrap();
        assert_eq!(message, format!("{}{}", bad.file, bad.told));
    }
    tests::say(&format!(
        "{} bad sources, each told alike by render, plan, diff and apply",
        all.len()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_told_at_once() {
    let stage = Stage::sandbox().await.unwrap();
    let (program, all, good) = (program(stage.folder()), all(), Entry::text(GOOD));
    let entries = all.iter().map(|bad| (bad.file, &bad.entry));
    let repository =
        repository::create(stage.folder(), "all", entries.chain([("good.yaml", &good)]));
    let expected = told(&all.iter().collect::<Vec<_>>());
    for command in verbs(&repository, &stage.kubeconfig()) {
        refused(&stage, &program, &command, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_folder_are_told_like_files_of_a_repository() {
    let stage = Stage::sandbox().await.unwrap();
    let program = program(stage.folder());
    let folder = stage.folder().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("good.yaml"), GOOD).unwrap();
    let all = all();
    // A folder of a disk has no submodules.
    let plain: Vec<&Bad> =
        all.iter().filter(|bad| !matches!(bad.entry, Entry::Submodule)).collect();
    for bad in &plain {
        match &bad.entry {
            Entry::File(bytes) => std::fs::write(folder.join(bad.file), bytes).unwrap(),
            Entry::Link(target) => {
                std::os::unix::fs::symlink(target, folder.join(bad.file)).unwrap();
            }
            Entry::Submodule => {}
        }
    }
    let place = format!("{}/", folder.display());
    for verb in ["render", "plan", "diff", "health"] {
        let ended = program.run(words(&format!("{verb} -f {{}}"), &place)).await.unwrap();
        let ended = ended.expect(2).unwrap();
        assert_eq!(ended.stderr.replace(&place, ""), told(&plain), "{verb}");
        assert_eq!(ended.stdout, "", "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_with_what_is() {
    let stage = Stage::sandbox().await.unwrap();
    let program = program(stage.folder());
    let good = Entry::text(GOOD);
    let there = repository::create(stage.folder(), "there", [("good.yaml", &good)]);
    let there = there.to_str().unwrap();
    let kubeconfig = stage.kubeconfig().display().to_string();
    let missing = stage.folder().join("missing.git").display().to_string();
    let file = stage.folder().join("missing.yaml").display().to_string();
    for (flags, value, expected) in [
        (
            "--repo {}",
            missing.as_str(),
            format!("error: there is no Git repository at `{missing}`: nothing is there\n"),
        ),
        (
            "--repo {} --revision mian",
            there,
            format!("error: `{there}` has no branch, tag or commit `mian`\nhint: it has main\n"),
        ),
        (
            "--repo {} --path web",
            there,
            "web: there is no `web` in the source\n\
             error: 1 problem in the source; nothing was done\nhint: the source has good.yaml\n"
                .to_owned(),
        ),
        (
            "--app shop -f {}",
            file.as_str(),
            format!(
                "{file}: No such file or directory (os error 2)\n\
                 error: 1 problem in the source; nothing was done\n"
            ),
        ),
    ] {
        for verb in ["render", "plan", "diff", "apply --kubeconfig KUBECONFIG"] {
            let flags =
                if verb == "render" { flags.replace("--app shop ", "") } else { flags.into() };
            let line = format!("{verb} {flags}").replace("KUBECONFIG", &kubeconfig);
            let ended = refused(&stage, &program, &words(&line, value), &expected).await;
            assert_eq!(ended.stdout, "", "{line}");
        }
    }
}

const UNKNOWN: &str = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n---\n\
                       apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: b}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_the_server_does_not_know_is_told_with_its_line() {
    for stage in Stage::each("unknown kinds").await.unwrap() {
        let program = program(stage.folder());
        let (good, unknown) = (Entry::text(GOOD), Entry::text(UNKNOWN));
        let entries = [("good.yaml", &good), ("unknown.yaml", &unknown)];
        let repository = repository::create(stage.folder(), "unknown", entries);
        let kubeconfig = stage.kubeconfig().display().to_string();
        for verb in ["plan", "apply", "apply --preflight local"] {
            let line = format!("{verb} --repo {{}} --kubeconfig {kubeconfig}");
            stage.proxy.clear();
            let ended = program.run(words(&line, repository.to_str().unwrap())).await.unwrap();
            let ended = ended.expect(2).unwrap();
            // One reason each: what a kind that nobody serves should look like is not judged.
            let errors: Vec<&str> =
                ended.stderr.lines().filter(|line| line.contains("unknown.yaml")).collect();
            assert_eq!(
                errors,
                [
                    "error: unknown.yaml:1: widget.example.com/a: nothing serves the kind \
                     example.com/v1 Widget",
                    "error: unknown.yaml:5: deployment.apps/b: nothing serves the kind apps/v2 \
                     Deployment",
                ],
                "{}",
                stage.server
            );
            let served = "hint: the cluster serves Deployment as apps/v1";
            assert!(ended.stderr.contains(served), "{}: {}", stage.server, ended.said());
            nothing_was_written(&stage, &line);
        }
    }
}
