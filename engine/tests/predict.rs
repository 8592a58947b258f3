//! Asks the local comparison what a real API server was asked: would this apply change anything?
//! The server's answers are recorded; how often the two agree is printed, and must not fall. Where the
//! server would only spell an amount anew or put keyed entries into another order, nothing is to do: that
//! it does no more than that there is asserted where meaning is.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's helpers fail by panicking, and it prints its figure"
)]

use std::path::PathBuf;

use engine::diff::{Comparison, ObjectDiff, diff};
use engine::redact::{Redaction, Salt};
use flate2::read::GzDecoder;
use merge::{Schemas, meaning};
use serde_json::Value;

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

/// How many of a hundred cases must agree.
const BAR: f64 = 99.0;

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

fn schemas() -> Schemas {
    let folder = recorded().join("predict");
    let text = std::fs::read_to_string(folder.join("definitions.json")).unwrap();
    let definitions: Vec<Value> = serde_json::from_str(&text).unwrap();
    definitions.iter().fold(Schemas::builtin(), |schemas, it| schemas.with_definition(it).unwrap())
}

fn compare(case: &Value, schemas: &Schemas) -> ObjectDiff {
    diff(&Comparison {
        live: Some(&case["live"]),
        ..Comparison::new(&case["desired"], schemas, &REDACTION)
    })
}

/// Whether the server's apply would change what the object means, bookkeeping aside.
fn changes_meaning(case: &Value, schemas: &Schemas) -> bool {
    let [live, predicted] = ["live", "predicted"].map(|name| {
        let mut object = case[name].clone();
        for field in ["managedFields", "resourceVersion", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        object
    });
    case["changed"] == true && !meaning::same(schemas, &live, &predicted)
}

#[test]
fn the_verdict_is_the_servers() {
    let schemas = schemas();
    let mut files: Vec<PathBuf> = std::fs::read_dir(recorded().join("predict"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    let (mut agreed, mut total, mut respelled, mut wrong) = (0_u32, 0_u32, 0_u32, Vec::new());
    for case in files.into_iter().flat_map(lines) {
        if case["code"] != 200 {
            continue;
        }
        total += 1;
        let found = compare(&case, &schemas);
        let changed = changes_meaning(&case, &schemas);
        respelled += u32::from(case["changed"] == true && !changed);
        let differs = !found.changes.is_empty();
        if changed == differs {
            agreed += 1;
        } else {
            let paths: Vec<String> =
                found.changes.iter().map(|change| change.path.to_string()).collect();
            wrong.push(format!(
                "{}: the server says changed={}, we say {:?} {paths:?}; {}",
                case["name"], case["changed"], found.verdict, case["did"]
            ));
        }
    }
    let share = f64::from(agreed) * 100.0 / f64::from(total);
    println!("{agreed} of {total} verdicts agree with the server's ({share:.1} %)");
    println!("{respelled} of its changes only spell or order anew");
    for line in &wrong {
        println!("  {line}");
    }
    assert!(total >= 500, "only {total} cases were found");
    assert!(share >= BAR, "{share:.1} % agree");
    assert!(respelled < 40, "{respelled} changes are taken for another spelling");
}
