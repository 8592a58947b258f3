//! The table of `tests/cases/loader`: a folder a case, with `input.yaml` or `input.json`, and
//! `expected.json` (the values, as kubectl 1.32 reads them), `error.txt` (every problem), or both
//! where some documents of a stream are sound.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/loader"));
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn read(name: &str, bytes: &[u8]) -> (Vec<Document>, Vec<Problem>) {
    let limits = Limits::default();
    let mut problems = Vec::new();
    let documents = load(name, bytes, &limits, &mut Budget::new(&limits), &mut problems);
    (documents, problems)
}

fn values(documents: Vec<Document>) -> Vec<Value> {
    documents.into_iter().map(|document| document.value).collect()
}

/// What a case comes to: its values, and its problems, one a line.
fn outcome(case: &Path) -> (Vec<Value>, String) {
    let yaml = case.join("input.yaml");
    let (name, path) =
        if yaml.exists() { ("input.yaml", yaml) } else { ("input.json", case.join("input.json")) };
    let (documents, problems) = read(name, &fs::read(path).unwrap());
    let told: Vec<String> = problems.iter().map(|problem| format!("{problem}\n")).collect();
    (values(documents), told.concat())
}

#[test]
fn every_case_reads_as_kubectl_reads_it() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let (found, told) = outcome(case);
        let expected = fs::read(case.join("expected.json")).ok();
        let error = fs::read_to_string(case.join("error.txt")).ok();
        let name = case.file_name().unwrap().to_string_lossy();
        if expected.is_none() && error.is_none() {
            wrong.push(format!("{name}: expects nothing"));
        }
        if told != error.unwrap_or_default() {
            wrong.push(format!("{name}: told\n{told}"));
        }
        if let Some(expected) = expected {
            // Our own reader has the numbers as Kubernetes keeps them.
            let expected = values(read("expected.json", &expected).0);
            if Value::Array(found.clone()) != expected.first().cloned().unwrap_or_default() {
                wrong.push(format!(
                    "{name}: found\n{}",
                    serde_json::to_string_pretty(&found).unwrap()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    println!("{} loader cases", cases.len());
}

/// The recorded server's reading of one scalar: the words `Value:…` in its refusal of a typed field.
#[test]
fn scalars_mean_what_a_recorded_server_says_they_mean() {
    let case = recorded("apply/yaml-types.json");
    let mut compared = 0;
    for step in case["steps"].as_array().unwrap() {
        let Some(text) = step["request"]["bodyText"].as_str() else { continue };
        let (documents, problems) = read("recorded.yaml", text.as_bytes());
        let message = step["response"]["body"]["message"].as_str().unwrap_or_default();
        let found = documents.first().map(|document| document.value["data"]["a"].clone());
        match message.split_once("valueUnstructured{Value:") {
            Some((_, said)) => {
                let said = said.split('}').next().unwrap();
                let found = found.unwrap();
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                assert_eq!(found, said, "{text}");
            }
            None if message.is_empty() => {
                let stored = step["response"]["body"]["data"]["a"].clone();
                let found = found.unwrap_or_default();
                assert!(found == stored || found.is_null(), "{text}: {found}, {stored}");
            }
            None => assert!(!problems.is_empty() || found.is_some(), "{text}: {message}"),
        }
        compared += 1;
    }
    assert!(compared >= 8, "only {compared} scalars compared");
}

#[test]
fn a_recorded_body_of_yaml_reads_as_the_server_read_it() {
    let case = recorded("apply/yaml-body.json");
    let mut compared = 0;
    for step in case["steps"].as_array().unwrap() {
        let Some(text) = step["request"]["bodyText"].as_str() else { continue };
        let (documents, problems) = read("recorded.yaml", text.as_bytes());
        assert_eq!(problems, []);
        let stored = &step["response"]["body"];
        let found = &documents[0].value;
        assert_eq!(found["data"], stored["data"]);
        for field in ["name", "namespace", "labels", "annotations"] {
            assert_eq!(found["metadata"][field], stored["metadata"][field], "{field}");
        }
        compared += 1;
    }
    assert!(compared > 0);
}

#[allow(clippy::disallowed_methods, reason = "where the recorded answers are may be told")]
fn recorded(name: &str) -> Value {
    let root = std::env::var_os("CLEAT_RECORDED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recorded")),
        PathBuf::from,
    );
    serde_json::from_slice(&fs::read(root.join(name)).unwrap()).unwrap()
}

#[test]
fn nesting_is_refused_before_it_is_built() {
    #[allow(clippy::disallowed_methods, reason = "the test is about time")]
    let started = Instant::now();
    let flow = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let block = "- ".repeat(10_000);
    let keys = "? ".repeat(10_000);
    let maps = "{a: ".repeat(10_000);
    let json = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (name, text) in [
        ("a.yaml", &flow),
        ("a.yaml", &block),
        ("a.yaml", &keys),
        ("a.yaml", &maps),
        ("a.json", &json),
    ] {
        let (documents, problems) = read(name, text.as_bytes());
        assert!(documents.is_empty());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message, "values are nested deeper than 100 levels");
        assert_eq!(problems[0].line, Some(1));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn what_is_quadratic_in_the_parser_is_refused_before_it_is_read() {
    let directives: Vec<String> = (0..100_000).map(|n| format!("%TAG !{n}! x\n")).collect();
    let (_, problems) = read("a.yaml", directives.concat().as_bytes());
    assert_eq!(problems.last().unwrap().message, "there are more than 16 directives");
}

#[test]
fn small_text_does_not_become_large_memory() {
    let limits = Limits { value_bytes: 1 << 20, ..Limits::default() };
    for (name, text) in [
        ("a.yaml", format!("a: [{}]", "{a: b},".repeat(10_000))),
        ("a.yaml", "a: x\n---\n".repeat(10_000)),
        ("a.json", format!("[{}{{}}]", "{\"a\": 1},".repeat(10_000))),
    ] {
        let mut problems = Vec::new();
        load(name, text.as_bytes(), &limits, &mut Budget::new(&limits), &mut problems);
        assert_eq!(problems.first().unwrap().message, too_much(), "{name}");
    }
}

#[test]
fn a_document_of_faults_is_not_told_without_end() {
    let keys: Vec<String> = (0..100_000).map(|n| format!("k{n}: 1\n")).collect();
    let text = keys.concat() + &"k99999: 1\n".repeat(100_000);
    let (_, problems) = read("a.yaml", text.as_bytes());
    assert_eq!(problems.len(), MOST_PROBLEMS);
    let json = format!("{{{}\"a\": 1}}", "\"a\": 1, ".repeat(100_000));
    assert_eq!(read("a.json", json.as_bytes()).1.len(), MOST_PROBLEMS);
}

#[test]
fn lines_are_those_of_the_file() {
    let text = "# a comment\n---\n\n# another\nkind: List\nitems:\n- kind: A\n  metadata:\n    labels:\n      x: 1\n- kind: B\n";
    let (documents, _) = read("a.yaml", text.as_bytes());
    let outline = &documents[0].outline;
    assert_eq!(outline.line, 5);
    let items = outline.field("items").unwrap();
    assert_eq!(items.line, 6);
    assert_eq!(items.items[0].line, 7);
    assert_eq!(items.items[0].line_of(&["metadata", "labels", "x"]), 10);
    assert_eq!(items.items[0].line_of(&["metadata", "name"]), 8);
    assert_eq!(items.items[1].line, 11);
    let json = "\n{\n \"metadata\": {\n  \"name\": \"a\"}}";
    let (documents, _) = read("a.json", json.as_bytes());
    assert_eq!(documents[0].outline.line_of(&["metadata", "name"]), 4);
}

/// Any JSON value whose numbers Kubernetes keeps as they are.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~\u{a0}-\u{2ff}\n\t]{0,24}",
        "(0x|0o|0b|[-+.])?[0-9_.eExXob:]{1,8}",
        "(y|n|on|off|yes|no|true|null|~|<<|=|\\.inf|\\.nan|2001-01-01|1:30|---|- |#|: |!|&|\\*)[a-z]?",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(|float: f64| scalar::float_value(float).unwrap()),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn read_back(name: &str, text: &str) -> Value {
    let (mut documents, problems) = read(name, text.as_bytes());
    assert_eq!(problems, [], "{text}");
    documents.pop().map_or(Value::Null, |document| document.value)
}

proptest! {
    #[test]
    fn what_is_emitted_as_yaml_reads_back(value in value()) {
        prop_assert_eq!(read_back("a.yaml", &crate::emit::yaml(&value).unwrap()), value);
    }

    #[test]
    fn what_is_emitted_as_json_reads_back(value in value()) {
        prop_assert_eq!(read_back("a.json", &value.to_string()), value.clone());
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(read_back("a.json", &pretty), value);
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read("a.yaml", &bytes);
        read("a.json", &bytes);
    }

    #[test]
    fn no_text_is_too_odd(text in "[-a-c0-9:?{}\\[\\],&*!|>'\"%@`#~<. \t\n\r\u{85}\u{feff}]{0,120}") {
        let (_, problems) = read("a.yaml", text.as_bytes());
        for problem in problems {
            let line = usize::try_from(problem.line.unwrap()).unwrap();
            let lines = text.split(['\n', '\r', '\u{85}']).count();
            prop_assert!((1..=lines + 1).contains(&line));
        }
        read("a.json", text.as_bytes());
    }
}
