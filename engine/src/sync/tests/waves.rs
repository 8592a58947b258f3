//! Runs that go well, wait, are interrupted, or have nothing to do.

use merge::ErrorClass;

use super::super::*;
use super::build::*;
use super::*;

#[test]
fn a_sync_goes_wave_by_wave_and_bakes() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", Some("old"))));
    assert_eq!(play.did(), ["record Begin"]);
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["observe 0", "apply 0.0.0"]);
    play.applied(FIRST, "db", 5);
    play.seen("db", 5, progressing());
    assert_eq!(play.did(), Vec::<String>::new());
    play.seen("db", 6, healthy());
    assert_eq!(play.did(), ["observe 1", "apply 1.0.0"]);
    // The watch is faster than the answer.
    play.seen("web", 9, healthy());
    assert_eq!(play.did(), Vec::<String>::new());
    play.applied(SECOND, "web", 9);
    let alarms: Vec<_> = play.effects.iter().filter(|it| **it == Effect::WakeAt(at(30))).collect();
    assert_eq!(alarms.len(), 1, "{:?}", play.effects);
    assert_eq!(play.did(), Vec::<String>::new());
    play.wait(29);
    assert_eq!(play.did(), Vec::<String>::new());
    play.wait(1);
    assert_eq!(play.did(), ["record End"]);
    let ledger = play.sync().ledger();
    assert_eq!(ledger.phase, Phase::Idle);
    assert_eq!(ledger.last_healthy, Some(render("new")));
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["healthy"]);
    play.tell(Event::Recorded);
    play.wait(1000);
    assert!(play.take().is_empty());
}

#[test]
fn what_is_announced_is_what_is_recorded() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    let effects = play.take();
    let Some(Effect::Record(begin)) =
        effects.iter().find(|effect| matches!(effect, Effect::Record(_)))
    else {
        panic!("{effects:?}");
    };
    assert_eq!(begin.bundle, Some(digest("new")));
    assert_eq!(begin.ledger.phase, Phase::Syncing);
    let inventory = begin.inventory.as_ref().unwrap();
    let entry = &inventory.entries[&id("db")];
    assert_eq!((entry.uid.as_deref(), entry.tentative, entry.adopted), (None, true, false));
}

#[test]
fn what_a_run_adopts_is_marked_so_until_it_is_healthy() {
    let one = plan(&[&[&[("db", Action::Adopt)]]], &[]);
    let policy = Policy { bake: Duration::ZERO, ..policy() };
    let mut play = Play::new(Sync::new(&one, policy, context("new", None)));
    let adopted = |play: &mut Play| {
        let recorded = play.take().into_iter().find_map(|effect| match effect {
            Effect::Record(checkpoint) => checkpoint.inventory,
            _ => None,
        });
        let entry = recorded.unwrap().entries[&id("db")].clone();
        (entry.adopted, entry.tentative)
    };
    assert_eq!(adopted(&mut play), (true, false));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    assert_eq!(adopted(&mut play), (false, false));
}

#[test]
fn an_older_version_or_another_object_does_not_open_the_gate() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::Recorded);
    play.applied(FIRST, "db", 50);
    play.take();
    play.seen("db", 49, healthy());
    assert_eq!(play.did(), Vec::<String>::new());
    let other = Observation { uid: "another".to_owned(), ..observation("db", 60, healthy()) };
    play.tell(Event::Observed { id: id("db"), observation: other });
    assert_eq!(play.did(), Vec::<String>::new());
    play.seen("db", 50, healthy());
    assert_eq!(play.did(), ["observe 1", "apply 1.0.0"]);
}

#[test]
fn what_was_ill_before_is_ignored_unless_it_was_changed() {
    let two = plan(&[&[&[("web", Action::Unchanged), ("api", Action::Update)]]], &[]);
    let mut ill = context("new", Some("old"));
    for name in ["web", "api"] {
        let ailing = Ailing { uid: uid(name), health: crash(name, 50) };
        ill.baseline.insert(id(name), ailing);
    }
    let mut play = Play::new(Sync::new(&two, policy(), ill));
    play.tell(Event::Recorded);
    play.seen("web", 3, crash("web", 51));
    play.applied(StepId { step: 1, ..FIRST }, "api", 5);
    play.seen("api", 5, crash("api", 51));
    play.take();
    play.wait(100);
    assert_eq!(play.did(), Vec::<String>::new(), "its old trouble ends no grace, and blocks");
    play.seen("api", 6, healthy());
    let notes: Vec<_> = play
        .take()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Note(note) if note.kind == NoteKind::Ignored => note.object,
            _ => None,
        })
        .collect();
    assert_eq!(notes, [id("web")]);
    play.wait(30);
    assert_eq!(play.did(), ["record End"]);
}

#[test]
fn ranks_wait_for_what_opens_a_way() {
    let shape: &[&[&[(&str, Action)]]] =
        &[&[&[("ns:shop", Action::Create)], &[("db", Action::Create)], &[("web", Action::Create)]]];
    let mut play = Play::new(Sync::new(&plan(shape, &[]), policy(), context("new", None)));
    play.tell(Event::Recorded);
    assert_eq!(play.did()[2..], ["apply 0.0.0"]);
    play.applied(FIRST, "ns:shop", 5);
    assert_eq!(play.did(), Vec::<String>::new(), "the namespace is not seen to be active yet");
    play.seen("ns:shop", 5, healthy());
    assert_eq!(play.did(), ["apply 0.1.0"]);
    play.applied(StepId { rank: 1, ..FIRST }, "db", 6);
    assert_eq!(play.did(), ["apply 0.2.0"], "other kinds need only exist");
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let shape: &[&[&[(&str, Action)]]] = &[&[&[("web", Action::Unchanged)]]];
    let mut settled = context("same", Some("same"));
    settled.inventory.entries.insert(id("web"), entry("web"));
    let mut play = Play::new(Sync::new(&plan(shape, &[]), policy(), settled.clone()));
    assert_eq!(play.did(), ["no change"]);
    let mut bare = settled.clone();
    bare.is_stored = false;
    let mut play = Play::new(Sync::new(&plan(shape, &[]), policy(), bare));
    let begun = play.take();
    let stores =
        |effect: &Effect| matches!(effect, Effect::Record(it) if it.bundle == Some(digest("same")));
    assert!(begun.iter().any(stores), "without its bundle there would be no way back to it");
    // A process that died while it baked left the phase: the gate and the bake are gone through.
    settled.ledger.phase = Phase::Syncing;
    let mut play = Play::new(Sync::new(&plan(shape, &[]), policy(), settled));
    assert_eq!(play.did(), ["record Begin"]);
    play.tell(Event::Recorded);
    play.seen("web", 3, healthy());
    assert_eq!(play.did(), ["observe 0"]);
    play.wait(30);
    assert_eq!(play.did(), ["record End"]);
}

#[test]
fn pruning_comes_last_in_batches_and_its_failure_is_told() {
    let one = plan(&[&[&[("web", Action::Update)]]], &["ns:a", "ns:b", "old"]);
    let mut play = Play::new(Sync::new(&one, policy(), context("new", Some("old"))));
    play.tell(Event::Recorded);
    play.well(FIRST, "web", 5);
    play.take();
    play.wait(30);
    assert_eq!(play.did(), ["record Prune"]);
    assert_eq!(play.sync().ledger().last_healthy, Some(render("new")));
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["prune ns:a", "prune ns:b"]);
    play.tell(Event::Pruned { id: id("ns:b"), result: Ok(()) });
    let result = Err(Failure::new(ErrorClass::Conflict, "it changed"));
    play.tell(Event::Pruned { id: id("ns:a"), result });
    assert_eq!(play.did(), ["prune old"]);
    play.tell(Event::Pruned { id: id("old"), result: Ok(()) });
    assert_eq!(play.did(), ["record End"]);
    play.tell(Event::Recorded);
    let effects = play.take();
    let outcome = Outcome::Healthy { not_pruned: vec![id("ns:a")] };
    assert!(effects.contains(&Effect::Finish(Box::new(outcome))), "{effects:?}");
}

#[test]
fn an_interrupt_waits_for_what_is_in_flight() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::Interrupt);
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["record Begin", "record End"], "not a single apply");

    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::Recorded);
    play.take();
    play.tell(Event::Interrupt);
    assert_eq!(play.did(), Vec::<String>::new());
    play.well(FIRST, "db", 5);
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["record End", "interrupted 1/1"]);
    assert_eq!(play.sync().ledger().phase, Phase::Syncing);
}

#[test]
fn a_bake_ends_only_when_all_are_healthy() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    play.well(SECOND, "web", 6);
    play.seen("db", 7, crash("db", 1));
    play.take();
    play.wait(31);
    assert_eq!(play.did(), Vec::<String>::new());
    play.seen("db", 8, healthy());
    assert_eq!(play.did(), ["record End"]);
}

#[test]
fn a_note_is_one_line_and_one_object() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::Recorded);
    play.second = 2;
    play.applied(FIRST, "db", 5);
    let notes: Vec<Note> = play
        .take()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Note(note) => Some(*note),
            _ => None,
        })
        .collect();
    let last = notes.last().unwrap();
    assert_eq!(last.to_string(), "wave 0  applied  deployment.apps/db in shop: created (2.0 s)");
    let json = serde_json::to_value(last).unwrap();
    assert_eq!(json["kind"], "applied");
    assert_eq!(json["application"], "default/shop");
    assert_eq!(json["revision"], "new");
    assert_eq!(json["progress"], serde_json::json!({"applied": 1, "healthy": 0, "total": 1}));
    assert_eq!(serde_json::from_value::<Note>(json).unwrap(), *last);
}
