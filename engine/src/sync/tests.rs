//! Runs told as sequences of events, and what they must lead to. Random runs are in [`properties`],
//! on the little cluster of [`world`].

mod build;
mod properties;
mod world;

use std::sync::Arc;
use std::time::Duration;

use merge::ErrorClass;

use super::*;
use crate::health::{Health, TroubleClass};
use crate::plan::{Action, StepId};
use crate::policy::{FreePods, OnFailure, Policy};
use crate::record::{Phase, RunKind};
use build::*;

/// A run, the effects that were not looked at yet, and its clock.
struct Play {
    sync: Option<Sync>,
    effects: Vec<Effect>,
    second: i64,
}

impl Play {
    fn new(sync: Sync) -> Self {
        let mut play = Self { sync: Some(sync), effects: Vec::new(), second: 0 };
        play.tell(Event::Start);
        play
    }

    fn tell(&mut self, event: Event) {
        let (sync, effects) = decide(self.sync.take().unwrap(), at(self.second), event);
        self.sync = Some(sync);
        self.effects.extend(effects);
    }

    fn wait(&mut self, seconds: i64) {
        self.second += seconds;
        self.tell(Event::Tick);
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The effects that are neither notes nor alarms, in short.
    fn did(&mut self) -> Vec<String> {
        self.take().iter().filter_map(in_short).collect()
    }

    fn applied(&mut self, step: StepId, name: &str, version: u32) {
        let result = Ok(answer(name, version));
        self.tell(Event::Applied { step, result });
    }

    fn seen(&mut self, name: &str, version: u32, health: Health) {
        self.tell(Event::Observed {
            id: id(name),
            observation: observation(name, version, health),
        });
    }

    /// Applied and healthy.
    fn well(&mut self, step: StepId, name: &str, version: u32) {
        self.applied(step, name, version);
        self.seen(name, version, healthy());
    }

    fn sync(&self) -> &Sync {
        self.sync.as_ref().unwrap()
    }
}

fn in_short(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Record(checkpoint) => format!("record {:?}", checkpoint.moment),
        Effect::Apply(step) => format!("apply {}.{}.{}", step.wave, step.rank, step.step),
        Effect::Observe { wave } => format!("observe {wave}"),
        Effect::Prune(prune) => format!("prune {}", prune.id.name),
        Effect::FreePod { uid, .. } => format!("free {uid}"),
        Effect::PrepareRollback { .. } => "prepare rollback".to_owned(),
        Effect::WakeAt(_) | Effect::Note(_) => return None,
        Effect::Finish(outcome) => match &**outcome {
            Outcome::Healthy { .. } => "healthy".to_owned(),
            Outcome::NoChange => "no change".to_owned(),
            Outcome::RolledBack { because, .. } => format!("rolled back: {because}"),
            Outcome::Held { because, hold } => format!("held: {because}; {hold}"),
            Outcome::Interrupted { applied, not_applied } => {
                format!("interrupted {}/{}", applied.len(), not_applied.len())
            }
            Outcome::Failed { because, .. } => format!("failed: {because}"),
        },
    })
}

fn policy() -> Policy {
    Policy { bake: Duration::from_secs(30), ..Policy::default() }
}

const FIRST: StepId = StepId { wave: 0, rank: 0, step: 0 };
const SECOND: StepId = StepId { wave: 1, rank: 0, step: 0 };

fn two_waves() -> crate::plan::Plan {
    plan(&[&[&[("db", Action::Create)]], &[&[("web", Action::Create)]]], &[])
}

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
    assert_eq!((entry.uid.as_deref(), entry.tentative), (None, true));
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
fn a_missing_image_is_rolled_back_when_its_grace_ends() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    play.applied(SECOND, "web", 9);
    play.second = 7;
    play.seen("web", 10, image_not_found("web"));
    assert!(play.effects.contains(&Effect::WakeAt(at(27))), "{:?}", play.effects);
    play.take();
    // The kubelet's back-off says less, and does not begin a grace anew.
    play.second = 20;
    play.seen("web", 11, back_off("web"));
    assert_eq!(play.did(), Vec::<String>::new());
    play.second = 26;
    play.wait(1);
    let effects = play.take();
    let Some(Effect::Record(checkpoint)) =
        effects.iter().find(|effect| matches!(effect, Effect::Record(_)))
    else {
        panic!("{effects:?}");
    };
    assert_eq!(checkpoint.moment, Moment::RollBack);
    assert_eq!(checkpoint.ledger.phase, Phase::RollingBack);
    let quarantined = checkpoint.ledger.quarantine_of(digest("bad")).unwrap();
    assert!(quarantined.reason.contains("app:2: not found"), "{}", quarantined.reason);
    assert!(quarantined.reason.contains("image app:2"), "{}", quarantined.reason);
    play.tell(Event::Recorded);
    let effects = play.take();
    assert_eq!(
        effects.iter().find(|it| matches!(it, Effect::PrepareRollback { .. })),
        Some(&Effect::PrepareRollback {
            to: render("good"),
            revoked: [id("db"), id("web")].into_iter().collect()
        })
    );
    let back = plan(&[&[&[("db", Action::Unchanged), ("web", Action::Update)]]], &["extra"]);
    play.tell(Event::RollbackReady { plan: Arc::new(back) });
    assert_eq!(play.did(), ["record BeginRollback"]);
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["observe 0", "apply 0.0.1"]);
    // The old pods' trouble is still shown, and is given the time to pass.
    play.applied(StepId { step: 1, ..FIRST }, "web", 20);
    play.seen("web", 20, image_not_found("web"));
    play.wait(60);
    assert_eq!(play.did(), Vec::<String>::new());
    play.seen("db", 21, healthy());
    play.seen("web", 21, healthy());
    assert_eq!(play.did(), ["record Prune"], "a rollback has no bake");
    play.tell(Event::Recorded);
    assert_eq!(play.did(), ["prune extra"]);
    play.tell(Event::Pruned { id: id("extra"), result: Ok(()) });
    assert_eq!(play.did(), ["record End"]);
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did[0].starts_with("rolled back: deployment.apps/web in shop: pod/web-1"), "{did:?}");
    assert_eq!(play.sync().ledger().last_healthy, Some(render("good")));
}

#[test]
fn failures_lead_where_the_policy_and_the_ledger_say() {
    let hold = Policy { on_failure: OnFailure::Hold, ..policy() };
    let table = [
        (policy(), Some("good"), "rollback", true),
        (policy(), None, "no revision has been healthy yet", true),
        (policy(), Some("bad"), "this is the last healthy revision itself", false),
        (hold, Some("good"), "the policy is to hold", true),
    ];
    for (policy, last, expected, quarantined) in table {
        let one = plan(&[&[&[("web", Action::Update)]]], &[]);
        let mut play = Play::new(Sync::new(&one, policy, context("bad", last)));
        play.tell(Event::Recorded);
        play.applied(FIRST, "web", 5);
        play.seen("web", 6, crash("web", 3));
        play.tell(Event::Recorded);
        let did = play.did();
        let end = did.last().unwrap();
        if expected == "rollback" {
            assert_eq!(end, "prepare rollback");
        } else {
            assert!(end.starts_with("held") && end.ends_with(expected), "{end}");
            assert_eq!(play.sync().ledger().phase, Phase::Held);
        }
        assert_eq!(play.sync().ledger().quarantine_of(digest("bad")).is_some(), quarantined);
    }
}

#[test]
fn a_failed_rollback_is_held_and_never_rolled_back_again() {
    let one = plan(&[&[&[("web", Action::Update)]]], &[]);
    let mut play = Play::new(Sync::new(&one, policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.applied(FIRST, "web", 5);
    play.seen("web", 6, crash("web", 3));
    play.tell(Event::Recorded);
    play.tell(Event::RollbackReady { plan: Arc::new(one.clone()) });
    play.tell(Event::Recorded);
    play.applied(FIRST, "web", 7);
    play.take();
    let fresh =
        Health { trouble: vec![trouble("web-2", TroubleClass::InvalidImageName)], ..sick() };
    play.seen("web", 8, fresh);
    assert_eq!(play.did(), ["record End"]);
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did[0].starts_with("held") && did[0].contains("the rollback failed too"), "{did:?}");
    assert!(play.sync().ledger().quarantine_of(digest("good")).is_none());
}

#[test]
fn a_deadline_ends_what_no_grace_does() {
    let one = plan(&[&[&[("web", Action::Update)]]], &[]);
    let mut play = Play::new(Sync::new(&one, policy(), context("bad", None)));
    play.tell(Event::Recorded);
    play.applied(FIRST, "web", 5);
    play.seen("web", 6, progressing());
    play.take();
    play.wait(299);
    assert_eq!(play.did(), Vec::<String>::new());
    play.wait(1);
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did[1].contains("not healthy within 300 s: Progressing: on its way"), "{did:?}");
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
fn a_refused_object_undoes_only_what_was_done() {
    let refused = || Failure::new(ErrorClass::User, "spec.replicas: must not be negative");
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.tell(Event::Applied { step: FIRST, result: Err(refused()) });
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did.last().unwrap().starts_with("failed: deployment.apps/db"), "{did:?}");
    assert_eq!(play.sync().ledger().quarantined, []);

    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    play.tell(Event::Applied { step: SECOND, result: Err(refused()) });
    play.tell(Event::Recorded);
    assert_eq!(play.did().last().unwrap(), "prepare rollback");

    for class in [ErrorClass::Transient, ErrorClass::Config, ErrorClass::Conflict] {
        let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
        play.tell(Event::Recorded);
        play.well(FIRST, "db", 5);
        let result = Err(Failure::new(class, "no"));
        play.tell(Event::Applied { step: SECOND, result });
        play.tell(Event::Recorded);
        assert!(play.did().last().unwrap().starts_with("failed"), "{class}");
        assert_eq!(play.sync().ledger().phase, Phase::Syncing, "{class}: it can be continued");
    }
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
fn a_record_that_cannot_be_written_stops_everything() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", None)));
    play.tell(Event::RecordFailed(Failure::new(ErrorClass::Config, "secrets is forbidden")));
    let did = play.did();
    assert_eq!(did.len(), 2);
    assert!(did[1].starts_with("failed") && did[1].contains("forbidden"), "{did:?}");
}

#[test]
fn an_object_deleted_by_somebody_else_is_no_fault_of_the_render() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", Some("old"))));
    play.tell(Event::Recorded);
    play.applied(FIRST, "db", 5);
    play.take();
    play.tell(Event::Gone { id: id("db"), uid: Some("an earlier one".to_owned()) });
    assert_eq!(play.did(), Vec::<String>::new());
    play.tell(Event::Gone { id: id("db"), uid: Some(uid("db")) });
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did[1].starts_with("failed") && did[1].contains("deleted by somebody else"), "{did:?}");
    assert_eq!(play.sync().ledger().quarantined, []);
}

#[test]
fn a_failure_in_the_bake_is_a_gate_failure() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    play.well(SECOND, "web", 6);
    play.take();
    play.wait(10);
    play.seen("db", 8, crash("db", 3));
    assert_eq!(play.did(), ["record RollBack"]);
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
fn a_blocking_pod_is_freed_once_and_only_where_allowed() {
    let stuck = Health { trouble: vec![trouble("db-1", TroubleClass::StuckPod)], ..sick() };
    let one = plan(&[&[&[("db", Action::Update)]]], &[]);
    for (free_pods, in_sync, in_rollback) in
        [(FreePods::Never, 0, 0), (FreePods::InRollback, 0, 1), (FreePods::Always, 1, 0)]
    {
        let policy = Policy { free_pods, ..policy() };
        let mut play = Play::new(Sync::new(&one, policy, context("bad", Some("good"))));
        let freed =
            |play: &mut Play| play.did().iter().filter(|effect| effect.starts_with("free")).count();
        play.tell(Event::Recorded);
        play.applied(FIRST, "db", 5);
        play.seen("db", 6, stuck.clone());
        play.seen("db", 7, stuck.clone());
        assert_eq!(freed(&mut play), in_sync, "{free_pods:?}");
        play.seen("db", 8, crash("db", 3));
        play.tell(Event::Recorded);
        play.tell(Event::RollbackReady { plan: Arc::new(one.clone()) });
        play.tell(Event::Recorded);
        play.applied(FIRST, "db", 9);
        play.seen("db", 10, stuck.clone());
        play.seen("db", 11, stuck.clone());
        assert_eq!(freed(&mut play), in_rollback, "{free_pods:?}");
    }
}

#[test]
fn a_rollback_that_was_begun_before_is_finished() {
    let mut context = context("whatever", Some("good"));
    context.ledger.phase = Phase::RollingBack;
    context.ledger.quarantine(render("bad"), "pod/web-1: no such image".to_owned(), at(-50));
    context.inventory.entries.insert(id("extra"), entry("extra"));
    context.inventory.entries.get_mut(&id("extra")).unwrap().tentative = true;
    let mut play = Play::new(Sync::resume_rollback(policy(), context));
    assert_eq!(play.did(), ["record RollBack"]);
    play.tell(Event::Recorded);
    let effects = play.take();
    let revoked = [id("extra")].into_iter().collect();
    assert!(effects.contains(&Effect::PrepareRollback { to: render("good"), revoked }));
    let back = plan(&[&[&[("web", Action::Unchanged)]]], &["extra"]);
    play.tell(Event::RollbackReady { plan: Arc::new(back) });
    play.tell(Event::Recorded);
    play.seen("web", 9, healthy());
    play.tell(Event::Pruned { id: id("extra"), result: Ok(()) });
    play.tell(Event::Recorded);
    let did = play.did();
    assert_eq!(did.last().unwrap(), "rolled back: pod/web-1: no such image");
    assert_eq!(play.sync().run().kind, RunKind::Rollback);
    assert_eq!(play.sync().ledger().phase, Phase::Idle);
}

#[test]
fn a_rollback_that_cannot_be_planned_is_held_unless_the_server_is_away() {
    for (class, expected) in [
        (ErrorClass::Config, "held"),
        (ErrorClass::Conflict, "held"),
        (ErrorClass::Transient, "failed"),
    ] {
        let one = plan(&[&[&[("web", Action::Update)]]], &[]);
        let mut play = Play::new(Sync::new(&one, policy(), context("bad", Some("good"))));
        play.tell(Event::Recorded);
        play.applied(FIRST, "web", 5);
        play.seen("web", 6, crash("web", 3));
        play.tell(Event::Recorded);
        play.tell(Event::RollbackImpossible(Failure::new(class, "the bundle is gone")));
        play.tell(Event::Recorded);
        let did = play.did();
        let end = did.last().unwrap();
        assert!(end.starts_with(expected) && end.contains("bundle is gone"), "{class}: {end}");
    }
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
