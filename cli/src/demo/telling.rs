//! How the demo speaks: headings, one line an event with the time since the act began, verdicts.

use engine::application::MANAGER;
use engine::diff::{Blame, Change};
use engine::health::TroubleClass;
use engine::plan::{Action, Plan};
use engine::sync::{Note, NoteKind};
use jiff::Timestamp;
use syncer::apply::Sink;
use syncer::clock::Clock;

use crate::shell::Shell;

/// Hears what a sync does, tells it, and keeps it for the act's verdict.
pub struct Telling<'a> {
    shell: &'a mut Shell,
    clock: Clock,
    began: Timestamp,
    /// The wave that something was applied in last.
    applied_in: Option<i32>,
    /// The notes heard, oldest first.
    pub notes: Vec<Note>,
    /// The plans heard: the forward one, and a rollback's.
    pub plans: Vec<Plan>,
}

impl<'a> Telling<'a> {
    /// Begins now.
    pub fn new(shell: &'a mut Shell, clock: &Clock) -> Self {
        let began = clock.now();
        Self {
            shell,
            clock: clock.clone(),
            began,
            applied_in: None,
            notes: Vec::new(),
            plans: Vec::new(),
        }
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> f64 {
        self.clock.now().duration_since(self.began).as_secs_f64()
    }

    /// One line without a time.
    pub fn line(&mut self, text: &str) {
        // A closed pipe is the reader's business, not the story's.
        let _ = self.shell.line(text);
    }

    fn timed(&mut self, at: Timestamp, text: &str) {
        let seconds = at.duration_since(self.began).as_secs_f64();
        self.line(&format!("  {seconds:6.2}s  {text}"));
    }

    /// The drift in a plan, field by field, with who did it.
    fn changes(&mut self, plan: &Plan) {
        let updates = plan.steps().filter(|(_, step)| step.action == Action::Update);
        let mut lines = Vec::new();
        for (_, step) in updates {
            for change in &step.diff.changes {
                lines.push(format!("           {}: {}", step.manifest.id, described(change)));
            }
        }
        for line in lines {
            self.line(&line);
        }
    }
}

fn described(change: &Change) -> String {
    let value = |value: &Option<serde_json::Value>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
    };
    let by = match &change.blame {
        Blame::Nobody => String::new(),
        // What we applied ourselves before is changed by Git, not by drift.
        Blame::Holders(holders) if holders.iter().all(|it| it.manager == MANAGER) => String::new(),
        Blame::Holders(holders) => {
            let names: Vec<_> = holders.iter().map(ToString::to_string).collect();
            format!(", held by {}", names.join(" and "))
        }
        Blame::Removed { .. } => ", removed by somebody".to_owned(),
    };
    format!("{} {} → {}{by}", change.path, value(&change.before), value(&change.after))
}

impl Sink for Telling<'_> {
    fn planned(&mut self, plan: &Plan) {
        let counts: Vec<String> =
            [Action::Create, Action::Adopt, Action::Update, Action::Unchanged]
                .into_iter()
                .map(|action| (plan.count(action), action))
                .filter(|(count, _)| *count > 0)
                .map(|(count, action)| format!("{count} {}", action.as_str()))
                .chain((!plan.prunes.is_empty()).then(|| format!("{} prune", plan.prunes.len())))
                .collect();
        let waves = plan.waves.len();
        let text = format!(
            "plan: {waves} wave{}; {}",
            if waves == 1 { "" } else { "s" },
            counts.join(", ")
        );
        self.timed(self.clock.now(), &text);
        self.changes(plan);
        self.plans.push(plan.clone());
    }

    fn note(&mut self, note: &Note) {
        // A pod that is on its way is no news here, and the act itself says how it ended.
        let ill = note.trouble.as_ref().is_some_and(|it| it.class != TroubleClass::NotReady);
        let told = match note.kind {
            NoteKind::Started | NoteKind::Finished | NoteKind::WaveStarted => false,
            NoteKind::Health => ill,
            // A wave in which nothing was to do is healthy at once, and no event.
            NoteKind::WaveHealthy => self.applied_in == note.wave,
            _ => true,
        };
        if note.kind == NoteKind::Applied {
            self.applied_in = note.wave;
        }
        if told {
            self.timed(note.at, &note.to_string());
        }
        self.notes.push(note.clone());
    }
}
