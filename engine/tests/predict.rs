//! Asks the local comparison what a real API server was asked: would this apply change anything?
//! The server's answers are recorded: for every object it was given, whether it would have stored another.
//! The two must agree in every case; what does not is listed, with its reason, in
//! `tests/cases/predict/exceptions.yaml`, and a listed case that agrees fails as well.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test's helpers fail by panicking, and it prints its figures"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::diff::{Comparison, ObjectDiff, Verdict, diff, diff_by_merge};
use engine::redact::{Redaction, Salt};
use flate2::read::GzDecoder;
use merge::{Schemas, meaning, validate};
use serde_json::Value;

#[allow(clippy::disallowed_methods, reason = "the recordings may lie elsewhere")]
fn recorded() -> PathBuf {
    std::env::var_os("CLEAT_RECORDED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recorded")),
        PathBuf::from,
    )
}

fn lines(path: PathBuf) -> Vec<Value> {
    let file = std::fs::File::open(path).unwrap();
    let stream = serde_json::Deserializer::from_reader(GzDecoder::new(file)).into_iter();
    stream.map(Result::unwrap).collect()
}

/// Every recorded case, those that the server refused included.
fn cases() -> Vec<Value> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(recorded().join("predict"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    files.into_iter().flat_map(lines).collect()
}

fn schemas() -> Schemas {
    let folder = recorded().join("predict");
    let text = std::fs::read_to_string(folder.join("definitions.json")).unwrap();
    let definitions: Vec<Value> = serde_json::from_str(&text).unwrap();
    definitions.iter().fold(Schemas::builtin(), |schemas, it| schemas.with_definition(it).unwrap())
}

/// The cases that are known not to agree, and why.
fn exceptions() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/predict/exceptions.yaml");
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn redaction() -> Redaction {
    Redaction::new(Salt::new([7; 16]))
}

fn compare(case: &Value, schemas: &Schemas, by: fn(&Comparison<'_>) -> ObjectDiff) -> ObjectDiff {
    let redaction = redaction();
    by(&Comparison {
        live: Some(&case["live"]),
        ..Comparison::new(&case["desired"], schemas, &redaction)
    })
}

fn name(case: &Value) -> String {
    case["name"].as_str().unwrap().to_owned()
}

#[test]
fn the_verdict_is_the_servers() {
    let (schemas, exceptions) = (schemas(), exceptions());
    let (mut agreed, mut total, mut respelled, mut wrong) = (0_u32, 0_u32, 0_u32, Vec::new());
    for case in cases().into_iter().filter(|case| case["code"] == 200) {
        total += 1;
        let found = compare(&case, &schemas, diff);
        respelled += u32::from(found.changes.is_empty() && !found.respelled.is_empty());
        let agrees = found.would_be_written() == case["changed"].as_bool().unwrap();
        agreed += u32::from(agrees);
        if agrees == exceptions.contains_key(&name(&case)) {
            let changes: Vec<String> =
                found.changes.iter().map(|change| change.path.to_string()).collect();
            let respelled: Vec<String> = found.respelled.iter().map(ToString::to_string).collect();
            wrong.push(format!(
                "{}: the server says changed={}, we say {:?}, changes {changes:?}, respelled \
                 {respelled:?}; {}",
                case["name"], case["changed"], found.verdict, case["did"]
            ));
        }
    }
    let share = f64::from(agreed) * 100.0 / f64::from(total);
    println!("{agreed} of {total} verdicts agree with the server's ({share:.1} %)");
    println!("{respelled} of its changes only spell or order anew");
    println!("{} exceptions are listed", exceptions.len());
    for line in &wrong {
        println!("  {line}");
    }
    assert!(total >= 500, "only {total} cases were found");
    assert!(respelled < 40, "{respelled} changes are taken for another spelling");
    assert!(wrong.is_empty(), "{} cases are not as they should be", wrong.len());
}

#[test]
fn what_is_called_another_spelling_means_the_same_to_the_server() {
    let schemas = schemas();
    let bare = |object: &Value| {
        let mut object = object.clone();
        for field in ["managedFields", "resourceVersion", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        object
    };
    for case in cases().into_iter().filter(|case| case["code"] == 200) {
        let found = compare(&case, &schemas, diff);
        let [live, predicted] = ["live", "predicted"].map(|field| bare(&case[field]));
        let same = meaning::same(&schemas, &live, &predicted);
        assert_eq!(found.changes.is_empty(), same, "{}: {:?}", case["name"], found.changes);
    }
}

#[test]
fn what_is_told_at_a_glance_is_what_the_merge_and_the_server_say() {
    let schemas = schemas();
    let redaction = redaction();
    let (mut quick, mut unchanged) = (0_u32, 0_u32);
    for case in cases() {
        let comparison = Comparison {
            live: Some(&case["live"]),
            ..Comparison::new(&case["desired"], &schemas, &redaction)
        };
        let owners_move = case["ownersChanged"] == true;
        unchanged += u32::from(case["code"] == 200 && case["changed"] == false && !owners_move);
        if !comparison.surely_in_sync() {
            continue;
        }
        quick += 1;
        assert_eq!(case["code"], 200, "{}", case["name"]);
        assert_eq!(case["changed"], false, "{}: {}", case["name"], case["did"]);
        assert!(
            !owners_move || case["desired"].get("stringData").is_some(),
            "{}: {}",
            case["name"],
            case["did"]
        );
        let merged = diff_by_merge(&comparison);
        assert_eq!(merged.verdict, Verdict::InSync, "{}", case["name"]);
        assert!(!merged.would_be_written(), "{}", case["name"]);
        let glance = diff(&comparison);
        assert_eq!(ObjectDiff { predicted: None, ..merged }, glance, "{}", case["name"]);
    }
    println!(
        "{quick} of {unchanged} cases in which the server writes nothing are told at a glance"
    );
    // The recorded manifests are full of nulls and of empty lists that a server drops, so that what
    // was applied is not what stands; people's are not.
    assert!(quick * 5 >= unchanged * 2, "{quick} of {unchanged}");
}

#[test]
fn what_the_server_predicted_predicts_no_change() {
    let schemas = schemas();
    let redaction = redaction();
    let mut quick = 0_u32;
    let mut total = 0_u32;
    for case in cases().into_iter().filter(|case| case["code"] == 200) {
        total += 1;
        let comparison = Comparison {
            live: Some(&case["predicted"]),
            ..Comparison::new(&case["desired"], &schemas, &redaction)
        };
        quick += u32::from(comparison.surely_in_sync());
        for found in [diff(&comparison), diff_by_merge(&comparison)] {
            assert_eq!(found.changes, [], "{}: {:?}", case["name"], found.verdict);
            assert_eq!(found.verdict, Verdict::InSync, "{}", case["name"]);
        }
    }
    println!("{quick} of {total} objects that were just applied are in sync at a glance");
}

#[test]
fn what_the_server_refuses_is_refused_before_it_is_asked() {
    let (schemas, exceptions) = (schemas(), exceptions());
    let (mut refused, mut wrong) = (0, Vec::new());
    for case in cases().into_iter().filter(|case| case["code"] != 200) {
        refused += 1;
        let found = compare(&case, &schemas, diff);
        let live = &case["live"];
        let mut told: Vec<String> = Vec::new();
        if let Some(predicted) = &found.predicted {
            let predicted = predicted.expose();
            told.extend(validate::update(live, predicted).iter().map(|it| format!("{it:?}")));
            told.extend(validate::immutable(live, predicted).iter().map(|it| format!("{it:?}")));
            told.extend(schemas.check(&case["desired"]).iter().map(|it| format!("{it:?}")));
        } else {
            told.push(format!("{:?}", found.verdict));
        }
        println!("{} ({}): {}", name(&case), case["code"], case["error"]["message"]);
        println!("  here: {told:?}");
        let listed = exceptions.contains_key(&name(&case));
        if told.is_empty() != listed {
            wrong.push(name(&case));
        }
    }
    assert!(wrong.is_empty(), "not refused here, or listed and refused: {wrong:?}");
    assert!(refused >= 7, "only {refused} refused cases were found");
}
