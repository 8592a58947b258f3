//! What others do meanwhile: runs that claim the application, people who delete, rights that go.

use merge::ErrorClass;

use super::super::*;
use super::build::*;
use super::*;

#[test]
fn a_run_that_lost_its_claim_while_it_waited_writes_nothing_more() {
    let taken = || Failure::new(ErrorClass::Conflict, "another run of default/shop is active");
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", Some("old"))));
    play.unrivalled = false;
    play.tell(Event::Recorded);
    play.applied(FIRST, "db", 5);
    let claimed = play.sync().ledger().fence;
    play.take();
    play.seen("db", 6, healthy());
    assert_eq!(play.did(), ["observe 1", "record Resume"]);
    assert!(play.sync().ledger().fence > claimed, "or nothing would be written");
    let mut rival = Play { sync: play.sync.clone(), effects: Vec::new(), ..play };
    rival.tell(Event::RecordFailed(taken()));
    let did = rival.did();
    assert_eq!(did.len(), 1, "{did:?}");
    assert!(did[0].starts_with("failed") && did[0].contains("another run"), "{did:?}");
}

#[test]
fn a_run_that_lost_its_claim_in_its_bake_deletes_nothing() {
    // The last healthy render again: without a renewed claim its ledger would not be written.
    let one = plan(&[&[&[("web", Action::Unchanged)]]], &["old"]);
    let mut play = Play::new(Sync::new(&one, policy(), context("new", Some("new"))));
    play.tell(Event::Recorded);
    play.seen("web", 5, healthy());
    play.wait(30);
    assert_eq!(play.did().last().unwrap(), "record Prune");
    let failure = Failure::new(ErrorClass::Conflict, "another run of default/shop is active");
    play.tell(Event::RecordFailed(failure));
    let did = play.did();
    assert!(did.len() == 1 && did[0].starts_with("failed"), "{did:?}");
}

#[test]
fn what_somebody_deletes_before_its_turn_is_not_the_renders_fault() {
    let two = plan(&[&[&[("db", Action::Create)]], &[&[("web", Action::Unchanged)]]], &[]);
    let mut play = Play::new(Sync::new(&two, policy(), context("new", Some("old"))));
    play.tell(Event::Recorded);
    play.applied(FIRST, "db", 5);
    play.tell(Event::Gone { id: id("web"), uid: Some(uid("web")) });
    play.seen("db", 6, healthy());
    assert_eq!(play.did().last().unwrap(), "record End");
    play.tell(Event::Recorded);
    let did = play.did();
    assert!(did[0].starts_with("failed") && did[0].contains("deleted by somebody else"), "{did:?}");
    assert_eq!(play.sync().ledger().quarantined, []);
}

#[test]
fn an_older_object_of_the_name_that_went_is_no_loss() {
    let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", Some("old"))));
    play.tell(Event::Recorded);
    play.tell(Event::Gone { id: id("db"), uid: Some("uid-before".to_owned()) });
    play.well(FIRST, "db", 5);
    assert_eq!(play.did().last().unwrap(), "apply 1.0.0");
}

#[test]
fn a_run_that_can_no_longer_see_ends_with_an_account_of_what_it_did() {
    let blind = || Event::Blind(Failure::new(ErrorClass::Config, "pods is forbidden"));
    for baking in [false, true] {
        let mut play = Play::new(Sync::new(&two_waves(), policy(), context("new", Some("old"))));
        play.tell(Event::Recorded);
        play.well(FIRST, "db", 5);
        if baking {
            play.well(SECOND, "web", 6);
        } else {
            play.tell(blind());
            assert_ne!(play.did().last().unwrap(), "record End", "an apply is in flight");
            play.applied(SECOND, "web", 6);
        }
        play.tell(blind());
        assert_eq!(play.did().last().unwrap(), "record End");
        play.tell(Event::Recorded);
        let did = play.did();
        assert!(did[0].starts_with("failed") && did[0].contains("pods is forbidden"), "{did:?}");
        assert_eq!(play.sync().ledger().quarantined, []);
    }
}
