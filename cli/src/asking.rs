//! When the server is asked, by dry run, what an apply would make of objects, and what is said about
//! that. `plan` and `diff` ask alike.

use engine::asked::{Answer, Question};
use engine::diff::Verdict;
use syncer::ask::Said;

use crate::world::World;

/// When the server is asked about an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Ask {
    /// Where it cannot be told here with certainty
    #[default]
    Unsure,
    /// Wherever something differs
    Differs,
    /// Never
    Never,
}

impl Ask {
    /// Whether the server is asked about an object that was judged so here.
    pub const fn is_open(self, verdict: &Verdict) -> bool {
        match self {
            Self::Never => false,
            Self::Unsure => matches!(verdict, Verdict::AskServer(_)),
            Self::Differs => matches!(verdict, Verdict::AskServer(_) | Verdict::Differs),
        }
    }
}

/// The server's answers, in the order of the questions: `None` where there is no server, or it may not
/// be asked, which is put into `told`.
pub fn answers(
    world: &World,
    questions: &[Question<'_>],
    told: &mut Vec<String>,
) -> anyhow::Result<Vec<Option<Answer>>> {
    let mut forbidden = Vec::new();
    let answers = world.ask(questions)?.into_iter().map(|said| match said? {
        Said::Answer(answer) => Some(answer),
        Said::Forbidden(why) => {
            forbidden.push(why);
            None
        }
    });
    let answers = answers.collect();
    if let Some(why) = forbidden.first() {
        let objects = match forbidden.len() {
            1 => "1 object".to_owned(),
            count => format!("{count} objects"),
        };
        told.push(format!(
            "the server may not be asked about {objects}, and what is shown was worked out here: {why}"
        ));
    }
    Ok(answers)
}
