//! A cluster small enough to be exhausting: it answers effects in any order, objects become healthy,
//! fall ill or vanish as a script says, and everything that happened is written down and checked as
//! it happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use merge::{ErrorClass, ObjectId};

use super::super::*;
use super::build::*;
use crate::health::Status;
use crate::plan::{Action, Plan, StepId};
use crate::record::RunKind;

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Healthy,
    Slow,
    Never,
    MissingImage,
    FailsLater,
    Refused,
    Unreachable,
    Vanishes,
}

/// How a run goes wrong, or does not.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Fates by object, for the sync; whatever is not named is healthy.
    pub(super) fates: BTreeMap<String, Fate>,
    /// Fates by object, for the rollback.
    pub(super) rollback_fates: BTreeMap<String, Fate>,
    /// The checkpoint that cannot be written.
    pub(super) record_fails: Option<usize>,
    /// After how many events the user interrupts.
    pub(super) interrupt: Option<usize>,
    /// The plan back; `None` if there is none to be had.
    pub(super) back: Option<Plan>,
    /// Which of the possible things happens next; used up in turn, over and over.
    pub(super) choices: Vec<u8>,
}

/// Something that will be told to the machine.
#[derive(Debug, Clone)]
enum Coming {
    Event(Box<Event>),
    /// An answer to an apply, and what is seen of the object from then on.
    Applied(StepId),
    /// The next sight of an object; what is seen of one object is seen in order.
    Seen(String),
}

/// What can be seen of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glimpse {
    Progressing,
    Healthy,
    Sick,
    Gone,
}

pub(super) struct World<'a> {
    script: &'a Script,
    plan: Plan,
    kind: RunKind,
    sync: Option<Sync>,
    second: i64,
    alarm: Option<jiff::Timestamp>,
    coming: Vec<Coming>,
    sights: BTreeMap<String, VecDeque<Glimpse>>,
    version: u32,
    step: usize,
    events: usize,
    interrupted: bool,
    log: Log,
}

/// What happened, for the invariants.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) outcome: Option<Outcome>,
    pub(super) effects: Vec<String>,
    records: usize,
    recorded: BTreeSet<(RunKind, Moment)>,
    quarantined: bool,
    rollbacks: usize,
    pruned: BTreeSet<ObjectId>,
    /// At which version each object was last applied, and at which it was last told to be healthy.
    applied: BTreeMap<String, u32>,
    well: BTreeMap<String, u32>,
}

impl<'a> World<'a> {
    pub(super) fn run(sync: Sync, plan: Plan, script: &'a Script) -> Log {
        let mut world = World {
            script,
            plan,
            kind: RunKind::Sync,
            sync: Some(sync),
            second: 0,
            alarm: None,
            coming: Vec::new(),
            sights: BTreeMap::new(),
            version: 10,
            step: 0,
            events: 0,
            interrupted: false,
            log: Log::default(),
        };
        world.tell(Event::Start);
        while world.log.outcome.is_none() {
            assert!(world.events < 2000, "it does not end: {:?}", world.log.effects);
            world.next();
        }
        for event in [Event::Start, Event::Recorded, Event::Tick, Event::Interrupt] {
            let (sync, effects) = decide(world.sync.take().unwrap(), at(world.second), event);
            assert_eq!(effects, [], "nothing follows the end");
            world.sync = Some(sync);
        }
        world.log
    }

    fn choice(&mut self, of: usize) -> usize {
        let choices = &self.script.choices;
        let choice = choices[self.step % choices.len()];
        self.step += 1;
        usize::from(choice) % of
    }

    /// One thing happens: something that is on its way arrives, or time passes.
    fn next(&mut self) {
        if self.script.interrupt == Some(self.events) {
            self.interrupted = true;
            return self.tell(Event::Interrupt);
        }
        // A little time may also pass while much is on its way.
        if !self.coming.is_empty() && self.choice(8) == 0 {
            self.second += 1;
            return self.tell(Event::Tick);
        }
        if let Some(alarm) = self.alarm.filter(|_| self.coming.is_empty()) {
            self.second = self.second.max(alarm.as_second() - at(0).as_second());
            self.alarm = None;
            return self.tell(Event::Tick);
        }
        assert!(!self.coming.is_empty(), "it waits for nothing: {:?}", self.log.effects);
        let index = self.choice(self.coming.len());
        match self.coming.remove(index) {
            Coming::Event(event) => self.tell(*event),
            Coming::Applied(step) => self.answer(step),
            Coming::Seen(name) => self.show(&name),
        }
    }

    fn fate(&self, name: &str) -> Fate {
        let fates = match self.kind {
            RunKind::Sync => &self.script.fates,
            RunKind::Rollback => &self.script.rollback_fates,
        };
        fates.get(name).copied().unwrap_or(Fate::Healthy)
    }

    fn answer(&mut self, step: StepId) {
        let name = self.plan.step(step).unwrap().manifest.id.name.clone();
        let refusal = match self.fate(&name) {
            Fate::Refused => Some(ErrorClass::User),
            Fate::Unreachable => Some(ErrorClass::Transient),
            _ => None,
        };
        if let Some(class) = refusal {
            let result = Err(Failure::new(class, "no"));
            return self.tell(Event::Applied { step, result });
        }
        self.version += 1;
        self.log.applied.insert(name.clone(), self.version);
        let result = Ok(answer(&name, self.version));
        self.foretell(&name);
        self.tell(Event::Applied { step, result });
    }

    /// What will be seen of an object, in this order.
    fn foretell(&mut self, name: &str) {
        let seen: &[Glimpse] = match self.fate(name) {
            Fate::Healthy => &[Glimpse::Healthy],
            Fate::Slow => &[Glimpse::Progressing, Glimpse::Progressing, Glimpse::Healthy],
            Fate::Never | Fate::Refused | Fate::Unreachable => &[Glimpse::Progressing],
            Fate::MissingImage => &[Glimpse::Progressing, Glimpse::Sick],
            Fate::FailsLater => &[Glimpse::Healthy, Glimpse::Sick],
            Fate::Vanishes => &[Glimpse::Progressing, Glimpse::Gone],
        };
        for glimpse in seen {
            self.coming.push(Coming::Seen(name.to_owned()));
            self.sights.entry(name.to_owned()).or_default().push_back(*glimpse);
        }
    }

    fn show(&mut self, name: &str) {
        let glimpse = self.sights.get_mut(name).and_then(VecDeque::pop_front);
        let Some(glimpse) = glimpse else { return };
        self.version += 1;
        let health = match glimpse {
            Glimpse::Progressing => progressing(),
            Glimpse::Healthy => healthy(),
            Glimpse::Sick => image_not_found(name),
            Glimpse::Gone => {
                let uid = Some(uid(name));
                return self.tell(Event::Gone { id: id(name), uid });
            }
        };
        if health.status == Status::Healthy {
            self.log.well.insert(name.to_owned(), self.version);
        }
        let observation = observation(name, self.version, health);
        self.tell(Event::Observed { id: id(name), observation });
    }

    fn tell(&mut self, event: Event) {
        self.events += 1;
        let again = (self.sync.clone().unwrap(), event.clone());
        let (sync, effects) = decide(self.sync.take().unwrap(), at(self.second), event);
        assert_eq!(decide(again.0, at(self.second), again.1), (sync.clone(), effects.clone()));
        super::is_counted_right(&sync, at(self.second));
        self.sync = Some(sync);
        for effect in effects {
            assert_eq!(self.log.outcome, None, "an effect after the end: {effect:?}");
            self.carry_out(effect);
        }
    }

    fn come(&mut self, event: Event) {
        self.coming.push(Coming::Event(Box::new(event)));
    }

    fn busy(&self) -> bool {
        let asked = |coming: &Coming| !matches!(coming, Coming::Seen(..));
        self.coming.iter().any(asked)
    }

    fn carry_out(&mut self, effect: Effect) {
        if !matches!(effect, Effect::Note(_) | Effect::WakeAt(_)) {
            self.log.effects.push(format!("{} {effect:?}", self.second));
        }
        match effect {
            Effect::Record(checkpoint) => {
                assert!(!self.busy(), "something is in flight while a checkpoint is written");
                self.log.records += 1;
                if self.script.record_fails == Some(self.log.records) {
                    let failure = Failure::new(ErrorClass::Config, "secrets is forbidden");
                    return self.come(Event::RecordFailed(failure));
                }
                self.log.recorded.insert((self.kind, checkpoint.moment));
                self.log.quarantined |= checkpoint.ledger.quarantine_of(digest("bad")).is_some();
                self.come(Event::Recorded);
            }
            Effect::Apply(step) => {
                assert!(!self.interrupted, "an apply after the interrupt");
                self.check_apply(step);
                self.coming.push(Coming::Applied(step));
            }
            Effect::Observe { wave } => {
                let steps = self.plan.waves[usize::try_from(wave).unwrap()].ranks.iter();
                let unchanged = steps
                    .flat_map(|rank| &rank.steps)
                    .filter(|step| step.action == Action::Unchanged)
                    .map(|step| step.manifest.id.name.clone())
                    .collect::<Vec<_>>();
                for name in unchanged {
                    self.foretell(&name);
                }
            }
            Effect::Prune(prune) => {
                self.check_prune();
                self.log.pruned.insert(prune.id.clone());
                self.come(Event::Pruned { id: prune.id, result: Ok(()) });
            }
            Effect::FreePod { .. } => panic!("nothing is stuck in this world"),
            Effect::PrepareRollback { .. } => {
                self.log.rollbacks += 1;
                assert_eq!(self.log.rollbacks, 1, "a second rollback");
                assert!(self.log.quarantined, "not in quarantine before the rollback");
                assert!(self.log.pruned.is_empty(), "no way back once something is deleted");
                self.kind = RunKind::Rollback;
                let event = if let Some(plan) = &self.script.back {
                    self.plan = plan.clone();
                    Event::RollbackReady { plan: Arc::new(plan.clone()) }
                } else {
                    let failure = Failure::new(ErrorClass::Config, "the bundle is gone");
                    Event::RollbackImpossible(failure)
                };
                // What was to be seen of the failed run's objects is not seen any more.
                self.coming.retain(|coming| !matches!(coming, Coming::Seen(..)));
                self.sights.clear();
                self.log.applied.clear();
                self.come(event);
            }
            Effect::WakeAt(time) => self.alarm = Some(time),
            Effect::Note(note) => assert!(!note.to_string().contains('\n')),
            Effect::Finish(outcome) => {
                assert!(!self.busy() || self.interrupted, "it ends while something is in flight");
                self.log.outcome = Some(*outcome);
            }
        }
    }

    fn check_apply(&self, step: StepId) {
        let begun = match self.kind {
            RunKind::Sync => self.log.recorded.contains(&(RunKind::Sync, Moment::Begin)),
            RunKind::Rollback => self.log.recorded.contains(&(RunKind::Sync, Moment::RollBack)),
        };
        assert!(begun, "an apply before its announcement");
        assert!(self.log.pruned.is_empty(), "an apply after a deletion");
        let earlier = usize::try_from(step.wave).unwrap();
        self.check_well(earlier, "a wave begins before the one before is healthy");
    }

    fn check_prune(&self) {
        self.check_well(self.plan.waves.len(), "a deletion before the last gate");
        assert!(!self.busy() || !self.log.pruned.is_empty(), "a deletion beside an apply");
    }

    /// That all objects of the waves before this one were told to be healthy at what was applied.
    fn check_well(&self, waves: usize, otherwise: &str) {
        let steps = self.plan.waves.iter().take(waves).flat_map(|wave| &wave.ranks);
        for step in steps.flat_map(|rank| &rank.steps) {
            let name = &step.manifest.id.name;
            let applied = self.log.applied.get(name).copied().unwrap_or(1);
            if step.action != Action::Unchanged {
                assert!(self.log.applied.contains_key(name), "{otherwise}: {name} is not applied");
            }
            assert!(
                self.log.well.get(name).is_some_and(|well| *well >= applied),
                "{otherwise}: {name}"
            );
        }
    }
}
