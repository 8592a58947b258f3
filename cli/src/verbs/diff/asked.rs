//! What the server itself says of objects about which nothing certain can be told here.

use engine::asked::{Answer, Question};
use engine::diff::ObjectDiff;
use engine::plan::Standing;

use super::compare::{Compared, action};
use crate::asking;
use crate::world::World;

/// Asks about objects, and puts what the server says in place of what was found; returns what is to be
/// said about that. `objects` are what the comparisons of `standings` found, in one order.
pub fn settle(
    standings: &[Standing<'_>],
    world: &World,
    objects: &mut [Compared],
) -> anyhow::Result<Vec<String>> {
    let mut questions = Vec::new();
    let mut open = Vec::new();
    for (standing, found) in standings.iter().zip(objects) {
        let Standing { manifest, comparison, foreign, .. } = *standing;
        // What is done in two requests no single dry run can show.
        let is_simple = comparison.live.is_some() && found.diff.handover.is_none();
        if is_simple && world.asking.is_open(&found.diff.verdict) {
            let around = world.cluster.server.around(&manifest.gvk);
            questions.push(Question { manifest, comparison, around });
            open.push((found, foreign));
        }
    }
    let mut told = Vec::new();
    let answers = asking::answers(world, &questions, &mut told)?;
    for (answer, (found, foreign)) in answers.into_iter().zip(open) {
        match answer {
            Some(Answer::Unchanged(_)) => found.diff = ObjectDiff::unchanged(),
            Some(Answer::Differs(diff)) => found.diff = *diff,
            Some(Answer::Refused(why)) => {
                let origin = found.origin.as_deref().unwrap_or_default();
                told.push(format!("{origin}: {}: the server would refuse this: {why}", found.id));
            }
            None => {}
        }
        found.action = action(&found.diff.verdict, foreign);
    }
    Ok(told)
}
