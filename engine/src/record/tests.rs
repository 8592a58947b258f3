//! Tables and laws of record.

use jiff::Timestamp;
use merge::{Digest, ObjectId};

use super::*;

fn digest(text: &str) -> Digest {
    Digest::of_bytes(text.as_bytes())
}

fn render(text: &str) -> Render {
    Render { digest: digest(text), revision: Some(text.to_owned()) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn run(text: &str, kind: RunKind) -> Run {
    Run { render: render(text), kind, started: at(0), requested_by: "ada".to_owned() }
}

#[test]
fn an_inventory_reads_back_as_it_was_written() {
    let mut inventory = Inventory::default();
    for name in ["b", "a"] {
        let id = ObjectId {
            group: "apps".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        };
        let entry = Entry {
            api_version: "apps/v1".to_owned(),
            uid: (name == "a").then(|| "u-1".to_owned()),
            desired: digest(name),
            settled: None,
            tentative: name == "b",
            adopted: name == "a",
        };
        inventory.entries.insert(id, entry);
    }
    let bytes = inventory.to_bytes().unwrap();
    assert_eq!(Inventory::from_bytes(&bytes).unwrap(), inventory);
    assert!(inventory.tentative().iter().map(|id| id.name.as_str()).eq(["b"]));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with(r#"{"format":1,"entries":[{"group":"apps","kind":"Deployment""#));
    assert!(text.find(r#""name":"a""#) < text.find(r#""name":"b""#), "{text}");
}

#[test]
fn a_ledger_reads_back_as_it_was_written() {
    let mut ledger = Ledger {
        epoch: 3,
        phase: Phase::RollingBack,
        current: Some(run("good", RunKind::Rollback)),
        last_healthy: Some(render("good")),
        ..Ledger::default()
    };
    ledger.quarantine(render("bad"), "pod/web-1: no such image".to_owned(), at(5));
    ledger.conclude(Ended::RolledBack, Some("no such image".to_owned()), at(9));
    let bytes = ledger.to_bytes().unwrap();
    assert_eq!(Ledger::from_bytes(&bytes).unwrap(), ledger);
}

#[test]
fn a_record_of_a_newer_format_is_refused_and_a_damaged_one_too() {
    let newer = Ledger::from_bytes(br#"{"format": 2, "phases": {}}"#).unwrap_err();
    assert!(matches!(newer, RecordError::Newer { found: 2, .. }), "{newer}");
    assert!(newer.to_string().contains("format 2"), "{newer}");
    for damaged in [&b"{"[..], b"[]", br#"{"epoch":1}"#, br#"{"format":1,"epoch":"x"}"#] {
        let error = Ledger::from_bytes(damaged).unwrap_err();
        assert!(matches!(error, RecordError::Unreadable { record: "ledger", .. }), "{error}");
    }
}

#[test]
fn what_a_restarted_process_does_follows_from_the_ledger() {
    let bad = Quarantined { render: render("bad"), reason: "crash".to_owned(), at: at(1) };
    let ledger = |phase, current| Ledger {
        phase,
        current,
        last_healthy: Some(render("good")),
        quarantined: vec![bad.clone()],
        ..Ledger::default()
    };
    let rolling = ledger(Phase::RollingBack, Some(run("good", RunKind::Rollback)));
    let finish = Resume::FinishRollback { to: render("good"), because: Some(bad.clone()) };
    let refuse = Resume::Refuse { quarantined: bad.clone() };
    let table = [
        (Ledger::default(), "new", Resume::Fresh),
        (ledger(Phase::Idle, None), "new", Resume::Fresh),
        (ledger(Phase::Syncing, Some(run("new", RunKind::Sync))), "new", Resume::Continue),
        (ledger(Phase::Syncing, Some(run("old", RunKind::Sync))), "new", Resume::Fresh),
        (rolling.clone(), "new", finish.clone()),
        (rolling, "bad", finish),
        (ledger(Phase::Idle, None), "bad", refuse.clone()),
        (ledger(Phase::Held, Some(run("bad", RunKind::Sync))), "bad", refuse),
        (ledger(Phase::Held, Some(run("bad", RunKind::Sync))), "new", Resume::Fresh),
        (ledger(Phase::Held, Some(run("good", RunKind::Rollback))), "good", Resume::Fresh),
    ];
    for (ledger, wanted, expected) in table {
        assert_eq!(ledger.resume(digest(wanted)), expected, "{:?} {wanted}", ledger.phase);
    }
}

#[test]
fn history_and_quarantine_stay_bounded() {
    let mut ledger = Ledger { current: Some(run("a", RunKind::Sync)), ..Ledger::default() };
    for number in 0..50 {
        ledger.quarantine(render(&number.to_string()), "bad".to_owned(), at(number));
        ledger.conclude(Ended::Held, None, at(number));
    }
    assert_eq!(ledger.history.len(), HISTORY_LIMIT);
    assert_eq!(ledger.quarantined.len(), HISTORY_LIMIT);
    assert!(ledger.quarantine_of(digest("49")).is_some());
    assert!(ledger.quarantine_of(digest("0")).is_none());
    ledger.release(digest("49"));
    assert!(ledger.quarantine_of(digest("49")).is_none());
}
