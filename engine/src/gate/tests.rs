//! Tables and laws of gate.

use std::time::Duration;

use jiff::Timestamp;
use merge::ObjectId;

use super::*;
use crate::health::{Health, Status, Trouble, TroubleClass};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn trouble(class: TroubleClass) -> Trouble {
    Trouble {
        class,
        object: ObjectId {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web-1".to_owned(),
        },
        uid: Some("pod".to_owned()),
        container: Some("app".to_owned()),
        image: Some("app:2".to_owned()),
        message: "its own words".to_owned(),
        since: None,
    }
}

fn health(status: Status, trouble: Vec<Trouble>) -> Health {
    Health { status, message: String::new(), trouble }
}

fn observation(version: &str, health: Health) -> Observation {
    Observation {
        uid: "web".to_owned(),
        resource_version: version.to_owned(),
        generation: Some(2),
        observed_generation: Some(2),
        health,
    }
}

fn expected(version: &str) -> Expected {
    Expected {
        uid: "web".to_owned(),
        resource_version: version.to_owned(),
        generation: Some(2),
        written: true,
        since: at(0),
    }
}

/// Judged at a time, after the troubles were first seen at second 0.
fn judged(class: TroubleClass, second: i64) -> Gate {
    let observation = observation("5", health(Status::Degraded, vec![trouble(class)]));
    let mut memory = Memory::default();
    memory.observe(&observation.health.trouble, at(0), at(0));
    let evidence = Evidence {
        expected: &expected("5"),
        observation: Some(&observation),
        memory: &memory,
        ailing: None,
        must_heal: true,
    };
    judge(&evidence, &GraceTable::default(), at(second))
}

#[test]
fn each_trouble_has_its_grace() {
    use TroubleClass as T;
    let table = [
        (T::InvalidImageName, Some(0)),
        (T::ImageNotFound, Some(20)),
        (T::ImagePull, Some(120)),
        (T::CrashLoop { restarts: 2 }, None),
        (T::CrashLoop { restarts: 3 }, Some(0)),
        (T::OutOfMemory { restarts: 2 }, None),
        (T::OutOfMemory { restarts: 3 }, Some(0)),
        (T::CreateContainer, Some(60)),
        (T::RunContainer, Some(20)),
        (T::Unschedulable, Some(300)),
        (T::PodFailed, Some(0)),
        (T::JobFailed, Some(0)),
        (T::Quota, Some(0)),
        (T::ProgressDeadline, Some(0)),
        (T::Degraded, Some(60)),
        (T::StuckPod, None),
        (T::NotReady, None),
    ];
    for (class, grace) in table {
        let failed = Gate::Failed { trouble: trouble(class.clone()) };
        match grace {
            None => assert_eq!(judged(class, 1_000_000), Gate::Waiting { wake: None }),
            Some(0) => assert_eq!(judged(class, 0), failed),
            Some(seconds) => {
                let waiting = Gate::Waiting { wake: Some(at(seconds)) };
                assert_eq!(judged(class.clone(), seconds - 1), waiting);
                assert_eq!(judged(class, seconds), failed);
            }
        }
    }
}

#[test]
fn a_version_counts_from_the_one_that_was_applied() {
    // What was applied, what is seen, its uid, its observed generation.
    let table = [
        ("100", "100", "web", 2, true),
        ("100", "101", "web", 2, true),
        ("100", "99", "web", 2, false),
        ("99", "100", "web", 2, true),
        ("100", "500", "another", 2, false),
        ("340282366920938463463374607431768211455", "18446744073709551616", "web", 2, false),
        ("a", "b", "web", 2, true),
        ("a", "b", "web", 1, false),
        ("a", "100", "web", 3, true),
    ];
    for (applied, seen, uid, observed_generation, met) in table {
        let observation = Observation {
            uid: uid.to_owned(),
            observed_generation: Some(observed_generation),
            ..observation(seen, health(Status::Healthy, vec![]))
        };
        assert_eq!(expected(applied).is_met_by(&observation), met, "{applied} {seen} {uid}");
    }
}

#[test]
fn a_grace_counts_from_the_apply_at_the_earliest() {
    let old = Trouble { since: Some(at(-3600)), ..trouble(TroubleClass::Unschedulable) };
    let ahead = Trouble { since: Some(at(9000)), ..old.clone() };
    let known = Trouble { since: Some(at(40)), ..old.clone() };
    for (trouble, due) in [(old, 300), (known, 340), (ahead, 350)] {
        let mut memory = Memory::default();
        memory.observe(std::slice::from_ref(&trouble), at(0), at(50));
        let observation = observation("5", health(Status::Degraded, vec![trouble]));
        let evidence = Evidence {
            expected: &expected("5"),
            observation: Some(&observation),
            memory: &memory,
            ailing: None,
            must_heal: true,
        };
        let gate = judge(&evidence, &GraceTable::default(), at(60));
        assert_eq!(gate, Gate::Waiting { wake: Some(at(due)) });
    }
}

#[test]
fn trouble_that_passes_is_forgotten() {
    let found = [trouble(TroubleClass::ImagePull)];
    let mut memory = Memory::default();
    memory.observe(&found, at(0), at(0));
    let first = memory.clone();
    memory.observe(&found, at(0), at(10));
    assert_eq!(memory, first, "it goes on");
    memory.observe(&[], at(0), at(20));
    memory.observe(&found, at(0), at(30));
    assert_ne!(memory, first, "it began anew");
}

#[test]
fn a_pod_made_anew_is_another_pod() {
    let found = trouble(TroubleClass::ImageNotFound);
    let anew = Trouble { uid: Some("its successor".to_owned()), ..found.clone() };
    assert!(found.is_same(&found) && !found.is_same(&anew));
    let mut memory = Memory::default();
    memory.observe(&[found], at(0), at(0));
    let first = memory.clone();
    memory.observe(&[anew], at(0), at(10));
    assert_ne!(memory, first);
}

#[test]
fn what_stands_still_because_it_was_told_to_opens_the_gate() {
    for (status, open) in [
        (Status::Healthy, true),
        (Status::Suspended, true),
        (Status::Progressing, false),
        (Status::Degraded, false),
        (Status::Unknown, false),
        (Status::Missing, false),
    ] {
        let observation = observation("5", health(status, vec![]));
        let evidence = Evidence {
            expected: &expected("5"),
            observation: Some(&observation),
            memory: &Memory::default(),
            ailing: None,
            must_heal: true,
        };
        assert_eq!(judge(&evidence, &GraceTable::default(), at(0)).is_open(), open, "{status}");
    }
}

#[test]
fn old_trouble_is_ignored_and_new_trouble_is_not() {
    let old = trouble(TroubleClass::CrashLoop { restarts: 70 });
    let new = trouble(TroubleClass::InvalidImageName);
    let ailing = |uid: &str, trouble| Ailing {
        uid: uid.to_owned(),
        health: health(Status::Degraded, trouble),
    };
    let table = [
        (vec![old.clone()], ailing("web", vec![old.clone()]), false, Gate::Ignored),
        (vec![], ailing("web", vec![old.clone()]), false, Gate::Ignored),
        (vec![old.clone()], ailing("web", vec![old.clone()]), true, Gate::Waiting { wake: None }),
        (
            vec![old.clone(), new.clone()],
            ailing("web", vec![old.clone()]),
            false,
            Gate::Failed { trouble: new.clone() },
        ),
        (
            vec![old.clone()],
            ailing("its predecessor", vec![old.clone()]),
            false,
            Gate::Failed { trouble: old.clone() },
        ),
    ];
    for (now, ailing, must_heal, gate) in table {
        let mut memory = Memory::default();
        memory.observe(&now, at(0), at(0));
        let observation = observation("5", health(Status::Degraded, now));
        let evidence = Evidence {
            expected: &expected("5"),
            observation: Some(&observation),
            memory: &memory,
            ailing: Some(&ailing),
            must_heal,
        };
        assert_eq!(judge(&evidence, &GraceTable::default(), at(1)), gate);
    }
}

#[test]
fn a_table_is_written_in_seconds_and_may_be_partial() {
    let table: GraceTable =
        serde_json::from_str(r#"{"imageNotFound": 1.5, "crashLoopRestarts": 1}"#).unwrap();
    let expected = GraceTable {
        image_not_found: Duration::from_millis(1500),
        crash_loop_restarts: 1,
        ..GraceTable::default()
    };
    assert_eq!(table, expected);
    for wrong in [r#"{"imageNotFound": -1}"#, r#"{"imageNotFuond": 1}"#, r#"{"quota": "1s"}"#] {
        assert!(serde_json::from_str::<GraceTable>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn far_away_times_are_the_end_of_time() {
    assert_eq!(later(at(0), Duration::from_secs(5)), at(5));
    assert_eq!(later(at(0), Duration::MAX), Timestamp::MAX);
}
