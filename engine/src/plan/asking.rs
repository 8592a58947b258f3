//! A draft with the server's own answers in the place of what could not be told here.

use std::collections::BTreeMap;

use merge::ObjectId;

use super::surroundings::Surroundings;
use super::{
    Action, Draft, Inputs, Refusal, RefusalKind, Standing, Step, checks, irreversible, refusal,
};
use crate::asked::{Answer, Question};
use crate::diff::{ObjectDiff, Verdict};

impl Draft {
    /// Asks about the updates whose verdict is open, all at once. `ask` answers in the order of the
    /// questions, with `None` where nobody may or can be asked: there the local answer stays.
    ///
    /// What is done in two requests (a handover) no single dry run can show, and what is not ours is
    /// not asked about.
    pub fn settle<E>(
        &mut self,
        inputs: &Inputs<'_>,
        is_open: impl Fn(&Verdict) -> bool,
        ask: impl FnOnce(&[Question<'_>]) -> Result<Vec<Option<Answer>>, E>,
    ) -> Result<(), E> {
        let steps = self.plan.steps().map(|(_, step)| step).filter(|step| {
            step.action == Action::Update
                && step.diff.handover.is_none()
                && is_open(&step.diff.verdict)
        });
        let open: Vec<&Step> = steps.collect();
        if open.is_empty() {
            return Ok(());
        }
        let around = Surroundings::of(inputs);
        let question = |step: &&'_ Step| {
            let manifest = inputs.desired.iter().find(|it| it.id == step.manifest.id)?;
            Some(Question {
                manifest,
                comparison: Standing::of(inputs, &around, manifest).comparison,
                around: inputs.cluster.server.around(&manifest.gvk),
            })
        };
        let questions: Vec<Question<'_>> = open.iter().filter_map(question).collect();
        let answers = ask(&questions)?;
        let asked = questions.iter().map(|question| question.manifest.id.clone());
        let answers: BTreeMap<ObjectId, Answer> =
            asked.zip(answers).filter_map(|(id, answer)| Some((id, answer?))).collect();
        self.put(inputs, &around, answers);
        Ok(())
    }

    fn put(
        &mut self,
        inputs: &Inputs<'_>,
        around: &Surroundings<'_>,
        mut answers: BTreeMap<ObjectId, Answer>,
    ) {
        // What was said of these steps is said anew.
        self.refusals
            .retain(|it| it.kind == RefusalKind::Duplicate || !answers.contains_key(&it.id));
        self.plan.irreversible.retain(|it| !answers.contains_key(&it.id));
        let ranks = self.plan.waves.iter_mut().flat_map(|wave| &mut wave.ranks);
        for step in ranks.flat_map(|rank| &mut rank.steps) {
            let Some(answer) = answers.remove(&step.manifest.id) else { continue };
            match answer {
                Answer::Unchanged(settled) => {
                    step.action = Action::Unchanged;
                    step.diff = ObjectDiff::unchanged();
                    step.settled = Some(settled);
                }
                Answer::Differs(diff) => step.diff = *diff,
                Answer::Refused(why) => self.refusals.push(Refusal {
                    origin: step.manifest.origin.clone(),
                    id: step.manifest.id.clone(),
                    kind: RefusalKind::Invalid,
                    why: format!("the server would refuse this: {why}"),
                    hint: String::new(),
                }),
            }
            let live = inputs.live.get(&step.manifest.id).map(AsRef::as_ref);
            self.refusals.extend(checks::of_step(inputs, around, step, live));
            self.plan.irreversible.extend(irreversible::of_step(step, live));
        }
        refusal::sort(&mut self.refusals);
    }
}
