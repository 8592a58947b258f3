//! `cleat render` as its users meet it: streams, exit codes, and the YAML it prints read by kubectl.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use git2::{Repository, Signature, Time};
use serde_json::Value;

struct Output {
    code: i32,
    out: String,
    err: String,
}

fn cleat(home: &Path, args: &[&str], input: &str) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_cleat")).args(args).env("XDG_CACHE_HOME", home), input)
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may have closed its input already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A bare repository with one commit on `main`.
fn repository(folder: &Path, files: &[(&str, &str)]) -> String {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head("main");
    let repository = Repository::init_opts(folder.join("shop.git"), &options).unwrap();
    let mut tree = repository.treebuilder(None).unwrap();
    for (name, text) in files {
        tree.insert(name, repository.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
    }
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    repository.commit(Some("refs/heads/main"), &who, &who, "Open the shop", &tree, &[]).unwrap();
    repository.path().to_str().unwrap().to_owned()
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {note: hello}\n";

#[test]
fn a_repository_renders_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let url = repository(folder.path(), &[("a.yaml", MAP), ("s.yaml", SECRET)]);
    let render = |args: &[&str]| {
        let output = cleat(folder.path(), &[&["render", "--repo", &url], args].concat(), "");
        assert_eq!(output.code, 0, "{args:?}: {}", output.err);
        assert_eq!(output.err, "", "{args:?}");
        output.out
    };
    assert_eq!(render(&["-o", "name", "-n", "shop"]), "configmap/a in shop\nsecret/s in shop\n");
    let yaml = render(&[]);
    assert!(yaml.starts_with("---\n# a.yaml:1\napiVersion: v1\n"), "{yaml}");
    assert!(yaml.contains("---\n# s.yaml:1\n"), "{yaml}");
    let summary = render(&["-o", "summary", "--revision", "main"]);
    assert!(summary.contains("1  v1 ConfigMap\n1  v1 Secret\n2 objects, digest "), "{summary}");
    assert!(summary.ends_with("\nOpen the shop (Ada, 2023-11-14T22:13:20Z)\n"), "{summary}");
    let json: Value = serde_json::from_str(&render(&["-o", "json"])).unwrap();
    assert_eq!(json["objects"][0]["object"]["data"]["note"], "hello");
    assert_eq!(json["objects"][1]["file"], "s.yaml");
    assert!(json["objects"][0]["digest"].is_string());
    assert!(json["objects"][1]["digest"].is_null(), "a masked Secret could be guessed by it");
    assert!(json["revision"].is_string() && json["digest"].is_string());
    for (format, shown) in [("yaml", false), ("json", false), ("yaml", true), ("json", true)] {
        let flag: &[&str] = if shown { &["--show-secrets"] } else { &[] };
        let text = render(&[&["-o", format], flag].concat());
        assert_eq!(text.contains("hunter2"), shown, "{format} {flag:?}: {text}");
    }
    assert_eq!(render(&["-o", "name", "--exclude", "s.*"]), "configmap/a\n");
    let mirror = folder.path().join("elsewhere");
    render(&["--mirror", mirror.to_str().unwrap()]);
    assert!(mirror.join("HEAD").exists());
}

#[test]
fn every_problem_is_told_on_a_line_of_its_own_and_nothing_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n---\nx: 1\nx: 2\n"),
        ("b.yaml", "a:\n\tb: c\n"),
    ];
    let url = repository(folder.path(), &files);
    let output = cleat(folder.path(), &["render", "--repo", &url], "");
    assert_eq!((output.code, output.out.as_str()), (2, ""));
    let lines: Vec<&str> = output.err.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "a.yaml:3: this ConfigMap has no metadata.name",
            "a.yaml:5: this object has no apiVersion",
            "a.yaml:5: this object has no kind",
            "a.yaml:5: this object has no metadata.name",
            "a.yaml:6: the key `x` stands here again; it is first on line 5",
            "b.yaml:2: a tab stands in the indentation",
        ]
    );
    assert_eq!(lines[6], "error: 6 problems in the source; nothing was done");
    assert!(lines[7..].iter().all(|line| line.starts_with("hint: ")), "{lines:?}");
}

#[test]
fn what_cannot_be_had_exits_with_two_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let url = repository(folder.path(), &[("a.yaml", MAP)]);
    for (args, expected) in [
        (&["--repo", "/no/such/repository"][..], "no Git repository"),
        (&["--repo", "https://example.com/shop"], "https transport"),
        (&["--repo=-x"], "begins with `-`"),
        (&["--repo", &url, "--revision", "mian"], "hint: it has main"),
        (&["--repo", &url, "--path", "web"], "hint: the source has a.yaml"),
        (&["-f", "no-such-file.yaml"], "no-such-file.yaml: "),
        (&[], "--repo"),
        (&["--repo", &url, "-f", "a.yaml"], "cannot be used with"),
        (&["-f", "a.yaml", "--path", "web"], "cannot be used with"),
        (&["-f", "a.yaml", "--revision", "main"], "cannot be used with"),
        (&["-f", "a.yaml", "--mirror", "folder"], "cannot be used with"),
        (&["--repo", &url, "--revision", "HEAD~1"], "git rev-parse"),
    ] {
        let output = cleat(folder.path(), &[&["render"], args].concat(), "");
        assert_eq!(output.code, 2, "{args:?}: {}", output.err);
        assert!(output.err.contains(expected), "{args:?}: {}", output.err);
        assert_eq!(output.out, "", "{args:?}");
    }
}

#[test]
fn nothing_is_told_apart_from_everything_being_well() {
    let folder = tempfile::tempdir().unwrap();
    for (verb, expected) in [
        ("render", "warning: there are no objects in the source\n"),
        ("diff", "warning: there are no objects in the source\n"),
        ("health", "warning: there are no objects in the input, so nothing was judged\n"),
    ] {
        let output = cleat(folder.path(), &[verb, "-f", "-"], "");
        assert_eq!((output.code, output.err.as_str()), (0, expected), "{verb}");
    }
}

#[test]
fn a_repository_compared_with_no_cluster_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = repository(folder.path(), &[("a.yaml", MAP)]);
    for verb in ["plan", "diff"] {
        let output = cleat(folder.path(), &[verb, "--repo", &url], "");
        assert_eq!(output.code, 1, "{verb}: {}", output.err);
        assert!(output.err.contains("--cluster compares"), "{verb}: {}", output.err);
        let output = cleat(folder.path(), &[verb, "-f", "-"], MAP);
        assert_eq!(output.err, "", "{verb}");
    }
}

#[test]
fn every_verb_has_examples_of_flags_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let verbs = ["demo", "render", "plan", "diff", "apply", "health", "sandbox", "completion"];
    for verb in verbs {
        let help = cleat(folder.path(), &[verb, "-h"], "");
        assert_eq!(help.code, 0, "{verb}");
        let (flags, examples) = help.out.split_once("\nExamples:\n").unwrap();
        let mut words = BTreeSet::new();
        words.extend(flags.split([' ', ',', '[', ']', '\n']));
        let call = format!("cleat {verb}");
        let mut calls = examples.lines().filter(|line| line.contains(&call)).peekable();
        assert!(calls.peek().is_some(), "{verb}: {examples}");
        for line in calls {
            // Up to the explanation beside it, or the file it goes to.
            let (_, args) = line.split_once(&call).unwrap();
            let args = args.split("   ").next().and_then(|it| it.split(" >").next()).unwrap();
            let given: Vec<&str> = args.split_whitespace().collect();
            for flag in given.iter().filter(|arg| arg.starts_with('-') && arg.len() > 1) {
                assert!(words.contains(flag), "{verb}: the help has no {flag}");
            }
        }
    }
}

#[test]
fn doubts_are_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: example.com/v1\nkind: Unheard\nmetadata: {name: a}\n";
    let output = cleat(folder.path(), &["render", "-f", "-", "-o", "name"], text);
    assert_eq!((output.code, output.out.as_str()), (0, "unheard.example.com/a\n"));
    assert_eq!(
        output.err,
        "warning: -:1: example.com/v1 Unheard is neither a known kind nor defined by this source\n"
    );
}

#[test]
fn kubectl_reads_what_is_printed_as_it_was_meant() {
    let odd = [
        "on",
        "no",
        "y",
        "N",
        "~",
        "null",
        "",
        "0644",
        "0o17",
        "0b1",
        "1_000",
        "1e3",
        ".5",
        "1.",
        ".inf",
        "1:30",
        "2001-01-01",
        "<<",
        "=",
        "- a",
        "#x",
        "a: b",
        "a #b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x`",
        "'",
        "\"",
        " lead",
        "trail ",
        "two\nlines\n",
        "\ttab\n",
        "\n",
        "a\n\nb",
        "  x\n y",
        "é☃😀",
        "---",
        "---\na",
        "...",
        "[a]",
        "{a}",
        "|",
        ">",
        "?",
        "-",
        ":",
        ",",
        "\u{7f}",
        "a\\b",
        "\u{85}",
        "\u{feff}x",
        "line\r\nline\r\n",
        "trail \nx",
        "\n lead",
    ];
    let data: serde_json::Map<String, Value> = odd
        .iter()
        .enumerate()
        .map(|(n, text)| (format!("k{n}"), Value::from(*text)))
        .chain(
            ["on", "0x10", "1_0", "a: b", "- "].iter().map(|key| ((*key).to_owned(), "v".into())),
        )
        .collect();
    let object = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a"}, "data": data});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.json");
    std::fs::write(&file, object.to_string()).unwrap();
    let output = cleat(folder.path(), &["render", "-f", file.to_str().unwrap()], "");
    assert_eq!(output.code, 0, "{}", output.err);

    let again = cleat(folder.path(), &["render", "-f", "-", "-o", "json"], &output.out);
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(again["objects"][0]["object"], object, "read by ourselves: {}", output.out);

    let Some(()) = tool("kubectl") else { return };
    let mut kubectl = Command::new("kubectl");
    let read = run(kubectl.args(["label", "--local", "-f", "-", "-o", "json", "x=y"]), &output.out);
    assert_eq!(read.code, 0, "{}", read.err);
    let read: Value = serde_json::from_str(&read.out).unwrap();
    assert_eq!(read["data"], object["data"], "read by kubectl: {}", output.out);
}

/// Whether a program is there; a machine without it says so, unless tools are required.
#[allow(clippy::disallowed_methods, reason = "the gate says by it that tools are required")]
fn tool(name: &str) -> Option<()> {
    let there = Command::new(name).arg("version").arg("--client").output().is_ok();
    let required = std::env::var("CLEAT_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(there || !required, "{name} is required and not there");
    if !there {
        tests::say(&format!("skipped: this machine has no {name}"));
    }
    there.then_some(())
}
