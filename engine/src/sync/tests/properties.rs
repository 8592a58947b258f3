//! Random plans, random failures, random orders of events; the invariants are asserted in
//! [`super::world`] as a run goes.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::build::*;
use super::world::{Fate, Script, World};
use crate::plan::{Action, Plan};
use crate::policy::{OnFailure, Policy};

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Create),
        3 => Just(Action::Update),
        2 => Just(Action::Unchanged),
    ]
}

/// Waves of ranks of actions; the steps are named by their places.
fn shape() -> impl Strategy<Value = Vec<Vec<Vec<Action>>>> {
    let rank = proptest::collection::vec(action(), 1..4);
    let wave = proptest::collection::vec(rank, 1..3);
    proptest::collection::vec(wave, 0..4)
}

fn built(shape: &[Vec<Vec<Action>>], prunes: usize) -> (Plan, Vec<String>) {
    let mut names = Vec::new();
    let mut plan = plan(&[], &[]);
    for (wave, ranks) in shape.iter().enumerate() {
        for (rank, actions) in ranks.iter().enumerate() {
            for step in 0..actions.len() {
                // The first of a rank opens a way now and then.
                let namespace = step == 0 && (wave + rank) % 3 == 0;
                let prefix = if namespace { "ns:" } else { "" };
                names.push(format!("{prefix}o{wave}{rank}{step}"));
            }
        }
    }
    let mut next = names.iter();
    for ranks in shape {
        let mut rows = Vec::new();
        for actions in ranks {
            let row: Vec<(&str, Action)> =
                actions.iter().map(|action| (next.next().unwrap().as_str(), *action)).collect();
            rows.push(row);
        }
        let ranks: Vec<&[(&str, Action)]> = rows.iter().map(Vec::as_slice).collect();
        plan.waves.extend(super::build::plan(&[&ranks], &[]).waves);
    }
    for (number, wave) in (0..).zip(&mut plan.waves) {
        wave.number = number;
    }
    let gone: Vec<String> = (0..prunes).map(|it| format!("gone{it}")).collect();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    plan.prunes = super::build::plan(&[], &gone).prunes;
    (plan, names)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        30 => Just(Fate::Healthy),
        6 => Just(Fate::Slow),
        1 => Just(Fate::Never),
        1 => Just(Fate::MissingImage),
        1 => Just(Fate::FailsLater),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Unreachable),
        1 => Just(Fate::Vanishes),
    ];
    proptest::collection::vec(fate, 24)
}

#[derive(Debug)]
struct Case {
    plan: Plan,
    last_healthy: Option<&'static str>,
    hold: bool,
    bake: u64,
    script: Script,
}

fn case() -> impl Strategy<Value = Case> {
    let plans = (shape(), shape(), 0..4usize, 0..3usize);
    let last = prop_oneof![
        4 => Just(Some("good")),
        1 => Just(None),
        1 => Just(Some("bad")),
    ];
    let script = (
        fates(),
        fates(),
        proptest::option::weighted(0.1, 1..6usize),
        proptest::option::weighted(0.2, 1..40usize),
        prop::bool::weighted(0.9),
        proptest::collection::vec(any::<u8>(), 32),
    );
    let policy = (prop::bool::weighted(0.2), prop_oneof![Just(0u64), Just(30)]);
    (plans, last, policy, script).prop_map(|(plans, last_healthy, (hold, bake), script)| {
        let (there, back, prunes, revoked) = plans;
        let (plan, names) = built(&there, prunes);
        let (back, back_names) = built(&back, revoked);
        let (fates, rollback_fates, record_fails, interrupt, possible, choices) = script;
        let of = |names: Vec<String>, fates: Vec<Fate>| -> BTreeMap<String, Fate> {
            names.into_iter().zip(fates.into_iter().cycle()).collect()
        };
        let script = Script {
            fates: of(names, fates),
            rollback_fates: of(back_names, rollback_fates),
            record_fails,
            interrupt,
            back: possible.then_some(back),
            choices,
        };
        Case { plan, last_healthy, hold, bake, script }
    })
}

fn run(case: &Case) -> super::world::Log {
    let policy = Policy {
        bake: Duration::from_secs(case.bake),
        on_failure: if case.hold { OnFailure::Hold } else { OnFailure::Rollback },
        ..Policy::default()
    };
    let sync = Sync::new(&case.plan, policy, context("bad", case.last_healthy));
    World::run(sync, case.plan.clone(), &case.script)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_keeps_the_invariants_and_ends(case in case()) {
        let log = run(&case);
        let outcome = log.outcome.unwrap();
        let ill = |fates: &BTreeMap<String, Fate>| {
            fates.values().any(|fate| !matches!(fate, Fate::Healthy | Fate::Slow))
        };
        let undisturbed = case.script.record_fails.is_none() && case.script.interrupt.is_none();
        if undisturbed && !ill(&case.script.fates) {
            let noop = case.plan.is_noop() && case.last_healthy == Some("bad");
            let well = matches!(outcome, Outcome::Healthy { .. })
                || (noop && outcome == Outcome::NoChange);
            prop_assert!(well, "{:?}", outcome);
        }
        if case.hold || case.last_healthy != Some("good") {
            let rolled_back = matches!(outcome, Outcome::RolledBack { .. });
            prop_assert!(!rolled_back, "{:?}", outcome);
        }
    }

    #[test]
    fn no_order_of_events_makes_it_panic(
        case in case(),
        events in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..120),
    ) {
        let (plan, script) = (&case.plan, &case.script);
        let mut sync = Sync::new(plan, Policy::default(), context("bad", case.last_healthy));
        let names: Vec<&String> = script.fates.keys().collect();
        let mut finished = 0;
        for (second, (what, which)) in (0i64..).zip(events) {
            let name = names.get(usize::from(which) % names.len().max(1)).map_or("x", |it| it.as_str());
            let places: Vec<_> = plan.steps().map(|(place, _)| place).collect();
            let step = places.get(usize::from(which) % places.len().max(1)).copied();
            let step = step.unwrap_or(crate::plan::StepId { wave: 9, rank: 9, step: 9 });
            let version = u32::from(which);
            let failure = Failure::new(merge::ErrorClass::User, "no");
            let event = match what % 14 {
                0 => Event::Start,
                1 => Event::Recorded,
                2 => Event::RecordFailed(failure),
                3 | 4 => Event::Applied { step, result: Ok(answer(name, version)) },
                5 => Event::Applied { step, result: Err(failure) },
                6 | 7 => Event::Observed {
                    id: id(name),
                    observation: observation(name, version, healthy()),
                },
                8 => Event::Observed {
                    id: id(name),
                    observation: observation(name, version, crash(name, 9)),
                },
                9 => Event::Gone { id: id(name), uid: (which % 2 == 0).then(|| uid(name)) },
                10 => Event::Pruned { id: id(name), result: Ok(()) },
                11 => Event::RollbackReady { plan: std::sync::Arc::new(plan.clone()) },
                12 => Event::RollbackImpossible(failure),
                _ => if which > 240 { Event::Interrupt } else { Event::Tick },
            };
            let (next, effects) = decide(sync, at(second * 7), event);
            sync = next;
            super::is_counted_right(&sync, at(second * 7));
            finished += effects.iter().filter(|it| matches!(it, Effect::Finish(_))).count();
        }
        prop_assert!(finished <= 1);
        prop_assert_eq!(finished == 1, sync.is_finished());
    }
}
