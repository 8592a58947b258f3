//! What the server itself says of objects about which nothing certain can be told here.

use engine::diff::Verdict;
use engine::plan::Standing;
use syncer::ask::{Answer, Question};

use super::compare::{Compared, action};
use crate::world::{Ask, World};

/// Asks about objects, and puts what the server says in place of what was found; returns what is to be
/// said about that. `objects` are what the comparisons of `standings` found, in one order.
pub fn settle(
    standings: &[Standing<'_>],
    world: &World,
    objects: &mut [Compared],
) -> anyhow::Result<Vec<String>> {
    let mut open = Vec::new();
    for (standing, found) in standings.iter().zip(objects) {
        let Standing { comparison, .. } = standing;
        let is_open = match (world.asking, &found.diff.verdict) {
            (Ask::Never, _) => false,
            (_, Verdict::AskServer(_)) => true,
            (Ask::Differs, verdict) => *verdict == Verdict::Differs,
            (Ask::Unsure, _) => false,
        };
        // What is done in two requests no single dry run can show.
        let is_simple = found.diff.handover.is_none();
        if let Some(live) = comparison.live.filter(|_| is_open && is_simple) {
            open.push((standing, live, comparison.outgoing(), found));
        }
    }
    let questions: Vec<Question<'_>> = open
        .iter()
        .map(|(it, live, body, _)| Question { manifest: it.manifest, body, live })
        .collect();
    let Some(answers) = world.ask(&questions)? else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    let mut forbidden = 0;
    for (answer, (standing, live, _, found)) in answers.into_iter().zip(open) {
        let Standing { manifest, comparison, foreign, .. } = standing;
        match answer {
            Answer::Object(object) => {
                found.diff = comparison.answered(&object);
                found.action = action(&found.diff.verdict, *foreign);
            }
            Answer::Refused(error) => {
                // The server may quote what it stumbled over.
                let why = error.why.to_string();
                let why = comparison.redaction.message(&why, [live, manifest.body.as_ref()]);
                told.push(format!("{}: the server would refuse this: {why}", manifest.origin));
            }
            Answer::Forbidden(_) => forbidden += 1,
        }
    }
    if forbidden > 0 {
        let objects = if forbidden == 1 { "object" } else { "objects" };
        told.push(format!(
            "the server may not be asked about {forbidden} {objects} (a dry run takes the right to \
             patch); what is shown of them was worked out here"
        ));
    }
    Ok(told)
}
