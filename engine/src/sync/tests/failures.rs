//! Runs that go wrong, and what is done about it.

use std::sync::Arc;

use merge::ErrorClass;

use super::super::*;
use super::build::*;
use super::*;

#[test]
fn a_pull_that_goes_on_failing_is_told_once_and_each_restart_is() {
    let told = |first: Health, second: Health| {
        let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
        play.tell(Event::Recorded);
        play.well(FIRST, "db", 5);
        play.applied(SECOND, "web", 9);
        play.take();
        play.seen("web", 10, first);
        play.seen("web", 11, second);
        let health = |effect: &&Effect| matches!(effect, Effect::Note(note) if note.kind == NoteKind::Health);
        play.take().iter().filter(health).count()
    };
    assert_eq!(told(image_not_found("web"), back_off("web")), 1);
    assert_eq!(told(crash("web", 1), crash("web", 2)), 2);
    assert_eq!(told(progressing(), healthy()), 2);
}

#[test]
fn a_reason_that_names_its_object_is_told_without_naming_it_again() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("bad", Some("good"))));
    play.tell(Event::Recorded);
    play.well(FIRST, "db", 5);
    play.applied(SECOND, "web", 9);
    play.seen("web", 10, image_not_found("web"));
    play.take();
    play.wait(30);
    let effects = play.take();
    let failed = effects.iter().find_map(|effect| match effect {
        Effect::Note(note) if note.kind == NoteKind::Failed => Some(note.to_string()),
        _ => None,
    });
    let failed = failed.unwrap();
    assert_eq!(failed.matches(&id("web").to_string()).count(), 1, "{failed}");
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
    assert_eq!(play.did().last().unwrap(), "record Prune", "no other run has claimed it meanwhile");
    play.tell(Event::Recorded);
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
fn of_two_failures_the_one_git_must_mend_is_told() {
    let one = plan(&[&[&[("api", Action::Update), ("web", Action::Update)]]], &[]);
    let failures = [
        (FIRST, Failure::new(ErrorClass::Transient, "connection reset")),
        (StepId { step: 1, ..FIRST }, Failure::new(ErrorClass::User, "spec.replicas: no")),
    ];
    for order in [[0, 1], [1, 0]] {
        let mut play = Play::new(Sync::new(&one, policy(), context("bad", None)));
        play.tell(Event::Recorded);
        for index in order {
            let (step, failure) = failures[index].clone();
            play.tell(Event::Applied { step, result: Err(failure) });
        }
        play.tell(Event::Recorded);
        let did = play.did();
        assert!(did.last().unwrap().contains("spec.replicas: no"), "{did:?}");
    }
}

#[test]
fn a_continued_run_may_have_written_before() {
    let refused = || Failure::new(ErrorClass::User, "no");
    let mut context = context("bad", Some("good"));
    for (phase, expected) in [(Phase::Syncing, "prepare rollback"), (Phase::Idle, "failed")] {
        context.ledger.phase = phase;
        let mut play = Play::new(Sync::new(&two_waves(), policy(), context.clone()));
        play.tell(Event::Recorded);
        play.tell(Event::Applied { step: FIRST, result: Err(refused()) });
        play.tell(Event::Recorded);
        let did = play.did();
        assert!(did.last().unwrap().starts_with(expected), "{did:?}");
        if phase == Phase::Idle {
            assert_eq!(play.sync().ledger().phase, Phase::Idle, "nothing was begun");
        }
    }
}
