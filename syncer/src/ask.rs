//! The server's own word on what an apply would make of an object, where it cannot be told here.
//!
//! One dry run a pair of live object and body, which stores nothing. The answer is remembered for as long
//! as both are the same ([`engine::asked`]), so a standing difference is asked about once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::asked::{Answer, Asked, Pair, Question};
use merge::ErrorClass;

use crate::client::{Client, RequestError, Why};
use crate::discovery::Discovery;
use crate::requests::Apply;

/// What became of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The server answered, now or before.
    Answer(Answer),
    /// It may not be asked, as a dry run takes the right to write, or its admission forbids what was
    /// asked: its words, masked. Rights and quotas change at any time, so this is not remembered.
    Forbidden(String),
}

/// Asks, and remembers.
#[derive(Debug)]
pub struct Asker {
    client: Client,
    discovery: Discovery,
    known: Mutex<Asked>,
}

impl Asker {
    /// One that has asked nothing yet.
    pub const fn new(client: Client, discovery: Discovery) -> Self {
        Self { client, discovery, known: Mutex::new(Asked::new()) }
    }

    /// The server's answers, in the order of the questions. A server that cannot be asked at all is the
    /// error.
    pub async fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Said>, RequestError> {
        let asked = questions.iter().map(|question| self.one(question));
        futures::future::try_join_all(asked).await
    }

    async fn one(&self, question: &Question<'_>) -> Result<Said, RequestError> {
        let id = &question.manifest.id;
        let body = question.comparison.outgoing();
        let live = question.comparison.live;
        let pair = live.and_then(|live| Pair::of(&body, live));
        if let Some(pair) = &pair {
            let known = self.known();
            if let Some(answer) = known.answer(id, pair, &question.around) {
                return Ok(Said::Answer(answer.clone()));
            }
        }
        let resource = self.discovery.resource(&question.manifest.gvk).ok_or_else(|| {
            let why = Why::Garbled("the server does not serve its kind".to_owned());
            RequestError::new(format!("dry-run {id}"), why)
        })?;
        let uid = live.and_then(merge::object::uid);
        let apply = Apply { id, body: &body, uid, version: None, dry_run: true };
        let answer = match apply.send(&self.client, resource).await {
            Ok(object) => question.answer(&object),
            Err(error) if error.is(403) => {
                return Ok(Said::Forbidden(question.masked(&error.why.to_string())));
            }
            Err(error) if is_final(&error) => {
                Answer::Refused(question.masked(&error.why.to_string()))
            }
            Err(error) => return Err(error),
        };
        if let Some(pair) = pair {
            self.known().remember(id.clone(), pair, question.around, answer.clone());
        }
        Ok(Said::Answer(answer))
    }

    fn known(&self) -> MutexGuard<'_, Asked> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server has judged the object. A 500 that names typed conversion is such a judgement:
/// that is how it answers unknown fields and wrong types in an apply.
fn is_final(error: &RequestError) -> bool {
    matches!(error.class(), ErrorClass::User | ErrorClass::Conflict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Status;

    #[test]
    fn what_the_server_judged_is_final_and_what_it_could_not_judge_is_not() {
        for (code, message, last) in [
            (422, "spec.selector: Invalid value", true),
            (
                500,
                "failed to create typed patch object (shop/web): field not declared in schema",
                true,
            ),
            (500, "etcdserver: leader changed", false),
            (503, "the server is currently unable to handle the request", false),
            (409, "the object has been modified", true),
        ] {
            let status = Status { code, message: message.to_owned(), ..Status::default() };
            let error = RequestError::new("dry-run web", Why::Answered(Box::new(status)));
            assert_eq!(is_final(&error), last, "{code} {message}");
        }
    }
}
