//! The command line itself: help for every verb, and what is not understood.

use crate::program;

const VERBS: [&str; 8] =
    ["apply", "completion", "demo", "diff", "health", "plan", "render", "sandbox"];

#[tokio::test]
async fn every_verb_has_help() {
    let home = tempfile::tempdir().unwrap();
    let program = program(home.path());
    let help = program.run(["--help"]).await.unwrap().expect(0).unwrap();
    let mut listed: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, VERBS, "a verb was added: try its help here too");
    for verb in VERBS {
        for command in [[verb, "--help"], [verb, "-h"], ["help", verb]] {
            let help = program.run(command).await.unwrap().expect(0).unwrap();
            let usage = format!("Usage: cleat {verb}");
            assert!(help.stdout.contains(&usage), "{command:?}: {}", help.said());
            assert_eq!(help.stderr, "", "{command:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_is_named_and_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    let program = program(home.path());
    for verb in VERBS {
        let ended = program.run([verb, "--no-such-flag"]).await.unwrap().expect(2).unwrap();
        let told = "error: unexpected argument '--no-such-flag' found";
        assert!(ended.stderr.starts_with(told), "{verb}: {}", ended.said());
        assert_eq!(ended.stdout, "", "{verb}");
    }
    for (command, told) in [
        (&["aply"][..], "unrecognized subcommand 'aply'"),
        (&[][..], "Usage: cleat"),
        (&["apply"], "--repo <URL|PATH>|--file <FILE|DIR|->"),
        (&["render", "--repo", "a", "-f", "b"], "cannot be used with"),
        (&["apply", "--repo", "a", "--timeout", "soon"], "invalid value 'soon' for '--timeout"),
        (&["apply", "--repo", "a", "--on-failure", "panic"], "[possible values: rollback, hold]"),
        (&["render", "-f", "a", "-o", "xml"], "[possible values: yaml, json, name, summary]"),
    ] {
        let ended = program.run(command).await.unwrap().expect(2).unwrap();
        assert!(ended.stderr.contains(told), "{command:?}: {}", ended.said());
        assert_eq!(ended.stdout, "", "{command:?}");
    }
}
