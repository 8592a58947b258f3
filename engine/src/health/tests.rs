//! Two tables. `tests/cases/health/rollout/<scenario>.yaml` says how each recorded rollout was to be
//! judged, snapshot by snapshot; `tests/cases/health/<kind>-<case>/` has objects of every kind with
//! the verdict expected of each.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use merge::object::{controller_uid, name};
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Deserialize)]
struct Scenario {
    snapshots: Vec<Snapshot>,
}

#[derive(Deserialize)]
struct Snapshot {
    did: String,
    objects: Vec<Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Judged {
    did: String,
    health: BTreeMap<String, String>,
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn recorded() -> PathBuf {
    #[allow(clippy::disallowed_methods, reason = "a test may read recordings kept elsewhere")]
    let elsewhere = std::env::var_os("CLEAT_RECORDED");
    elsewhere.map_or_else(|| top().join("tests/recorded"), PathBuf::from)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn scenario(path: &Path) -> Scenario {
    let bytes = fs::read(path).unwrap();
    let mut text = Vec::new();
    if path.extension().is_some_and(|it| it == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
    } else {
        text = bytes;
    }
    serde_json::from_slice(&text).unwrap()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The health of every object that no other object among them controls, each with all of them as
/// related objects, as `Kind name` → `Status: message`.
fn judge(objects: &[Value]) -> BTreeMap<String, String> {
    let pods = of_kind(objects, "Pod");
    let replica_sets = of_kind(objects, "ReplicaSet");
    let controller_revisions = of_kind(objects, "ControllerRevision");
    let related = Related {
        pods: &pods,
        replica_sets: &replica_sets,
        controller_revisions: &controller_revisions,
    };
    let uids: Vec<&str> = objects.iter().filter_map(merge::object::uid).collect();
    let roots = objects
        .iter()
        .filter(|object| !controller_uid(object).is_some_and(|owner| uids.contains(&owner)));
    let judged = roots.map(|object| {
        let health = assess(object, &related);
        let kind = object["kind"].as_str().unwrap_or("object without kind");
        let key = format!("{kind} {}", name(object).unwrap_or("?"));
        (key, format!("{}: {}", health.status, health.message))
    });
    judged.collect()
}

#[test]
fn recorded_rollouts_are_judged_as_they_went() {
    let mut snapshots = 0;
    for path in files(&recorded().join("rollout")) {
        let file = path.file_name().unwrap().to_str().unwrap();
        let scenario_name = file.split('.').next().unwrap();
        let expected = top().join(format!("tests/cases/health/rollout/{scenario_name}.yaml"));
        let expected = fs::read_to_string(&expected)
            .unwrap_or_else(|error| panic!("{}: {error}", expected.display()));
        let expected: Vec<Judged> = serde_yaml::from_str(&expected).unwrap();
        let scenario = scenario(&path);
        let judged: Vec<Judged> = scenario
            .snapshots
            .iter()
            .map(|it| Judged { did: it.did.clone(), health: judge(&it.objects) })
            .collect();
        for (judged, expected) in judged.iter().zip(&expected) {
            assert_eq!(judged, expected, "{scenario_name}");
        }
        assert_eq!(judged.len(), expected.len(), "{scenario_name}");
        snapshots += judged.len();
    }
    assert!(snapshots >= 80, "only {snapshots} snapshots were found");
}

#[test]
fn every_kind_is_judged_as_its_cases_say() {
    let mut cases = 0;
    for folder in files(&top().join("tests/cases/health")) {
        let objects = folder.join("objects.yaml");
        if !objects.exists() {
            continue;
        }
        let documents = serde_yaml::Deserializer::from_str(&fs::read_to_string(objects).unwrap())
            .map(|document| Value::deserialize(document).unwrap())
            .collect::<Vec<_>>();
        let expected = fs::read_to_string(folder.join("expected.yaml")).unwrap();
        let expected: BTreeMap<String, String> = serde_yaml::from_str(&expected).unwrap();
        assert_eq!(judge(&documents), expected, "{}", folder.display());
        cases += 1;
    }
    assert!(cases >= 10, "only {cases} cases were found");
}

#[test]
fn a_trouble_reads_back_as_it_was_written() {
    let words = |class| Trouble {
        class,
        object: merge::ObjectId {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: None,
            name: "web-1".to_owned(),
        },
        uid: None,
        container: Some("app".to_owned()),
        image: Some("app:2".to_owned()),
        message: "back-off".to_owned(),
        since: None,
    };
    for class in [TroubleClass::ImageNotFound, TroubleClass::CrashLoop { restarts: 4 }] {
        let trouble = words(class);
        let text = serde_json::to_string(&trouble).unwrap();
        assert_eq!(serde_json::from_str::<Trouble>(&text).unwrap(), trouble, "{text}");
    }
    let crash = serde_json::to_value(words(TroubleClass::CrashLoop { restarts: 4 })).unwrap();
    assert_eq!((&crash["class"], &crash["restarts"]), (&"crashLoop".into(), &4.into()));
}
