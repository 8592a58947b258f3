//! Replays the seeds of the fuzz target, and everything that was recorded from a server, through its
//! body; then a few thousand mutations of each, the same ones every time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use pairs::{Pair, check, mutate};
use serde_json::Value;

/// How many mutations of each seed are tried here; the fuzz target tries millions.
const MUTATIONS: u64 = 12;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(tests().join("fuzz/corpus/diff_pairs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    files.into_iter().map(read).collect()
}

fn try_one(name: &str, bytes: &[u8]) {
    if let Err(broken) = check(bytes) {
        panic!("{name}: {broken}\n{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn every_seed_is_a_pair_and_keeps_the_rules() {
    let seeds = seeds();
    assert!(seeds.len() >= 30, "only {} seeds", seeds.len());
    for (name, bytes) in seeds {
        assert!(Pair::read(&bytes).is_some(), "{name} is no pair");
        try_one(&name, &bytes);
    }
}

#[test]
fn mutations_of_seeds_keep_the_rules() {
    let mut changed = 0;
    for (place, (name, bytes)) in seeds().into_iter().enumerate() {
        let mut grown = bytes.clone();
        for round in 0..MUTATIONS {
            let seed = place as u64 * 1000 + round;
            // Some far from the seed, some near it.
            let from = if round % 3 == 0 { &bytes } else { &grown };
            let Some(next) = mutate(from, seed) else { continue };
            try_one(&format!("{name}, mutation {seed}"), &next);
            changed += u32::from(next != *from);
            grown = next;
        }
    }
    assert!(changed > 100, "only {changed} mutations changed anything");
}

#[test]
fn every_recorded_pair_keeps_the_rules() {
    let mut tried = 0;
    for entry in std::fs::read_dir(tests().join("recorded/predict")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let file = GzDecoder::new(std::fs::File::open(&path).unwrap());
        for case in serde_json::Deserializer::from_reader(file).into_iter::<Value>() {
            let case = case.unwrap();
            let pair = Pair {
                desired: case["desired"].clone(),
                live: case["live"].clone(),
                previous: None,
            };
            try_one(&case["name"].to_string(), &pair.write());
            tried += 1;
        }
    }
    assert!(tried > 500, "only {tried} recorded cases");
}
