//! The server's own word on what an apply would make of an object, where it cannot be told here.
//!
//! One dry run a pair of live object and body, which stores nothing. The answer is remembered for as long
//! as both are the same, so a standing difference is asked about once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use merge::{Digest, ErrorClass, Manifest, ObjectId};
use serde_json::Value;

use crate::client::{Client, RequestError};
use crate::discovery::Discovery;
use crate::requests::Apply;

/// What the server is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The object as Git wants it.
    pub manifest: &'a Manifest,
    /// The body that an apply would send.
    pub body: &'a Value,
    /// The object as the cluster has it.
    pub live: &'a Value,
}

/// What the server said.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The object as it would be.
    Object(Value),
    /// It would refuse the apply; asking again changes nothing.
    Refused(RequestError),
    /// It may not be asked: a dry run takes the right to write.
    Forbidden(RequestError),
}

/// Asks, and remembers.
#[derive(Debug)]
pub struct Asker {
    client: Client,
    discovery: Discovery,
    known: Mutex<BTreeMap<ObjectId, (Pair, Answer)>>,
}

/// The resourceVersion of the live object, and the digest of the body.
type Pair = (String, Digest);

impl Asker {
    /// One that has asked nothing yet.
    pub fn new(client: Client, discovery: Discovery) -> Self {
        Self { client, discovery, known: Mutex::default() }
    }

    /// The server's answers, in the order of the questions. A server that cannot be asked at all is the
    /// error.
    pub async fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Answer>, RequestError> {
        let asked = questions.iter().map(|question| self.one(question));
        futures::future::try_join_all(asked).await
    }

    async fn one(&self, question: &Question<'_>) -> Result<Answer, RequestError> {
        let id = &question.manifest.id;
        let version = merge::object::resource_version(question.live).unwrap_or_default();
        let pair = (version.to_owned(), Digest::of(question.body));
        let known = self.lock().get(id).filter(|(known, _)| *known == pair).cloned();
        if let Some((_, answer)) = known {
            return Ok(answer);
        }
        let resource = self.discovery.resource(&question.manifest.gvk).ok_or_else(|| {
            let why = crate::client::Why::Garbled("the server does not serve its kind".to_owned());
            RequestError::new(format!("dry-run {id}"), why)
        })?;
        let apply = Apply {
            id,
            body: question.body,
            uid: merge::object::uid(question.live),
            version: None,
            dry_run: true,
        };
        let answer = match apply.send(&self.client, resource).await {
            Ok(object) => Answer::Object(object),
            Err(error) if error.is(403) => Answer::Forbidden(error),
            Err(error) if is_final(&error) => Answer::Refused(error),
            Err(error) => return Err(error),
        };
        self.lock().insert(id.clone(), (pair, answer.clone()));
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectId, (Pair, Answer)>> {
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
    use crate::client::{Status, Why};

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
