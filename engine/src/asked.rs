//! What the server was asked, once a pair of a desired and a live object, and what it answered.
//!
//! Where a comparison cannot be made here ([`crate::diff::Verdict::AskServer`]), or says that something
//! differs and nobody vouches for it, the server is asked by a dry run. Its answer is a function of what
//! is sent and of what is there, so it stands until one of the two changes. "Nothing changes" vouches
//! for the object: its digest goes into the inventory, and outlives the process.

use std::collections::BTreeMap;

use merge::object::{resource_version, uid};
use merge::{Digest, Manifest, ObjectId};
use serde_json::Value;

use crate::diff::{Comparison, ObjectDiff, Verdict};
use crate::vouch::{Settled, Surroundings};

/// What a server is asked: what an apply of this object would make of it.
pub struct Question<'a> {
    /// The object as Git wants it.
    pub manifest: &'a Manifest,
    /// The comparison that stands in doubt.
    pub comparison: Comparison<'a>,
    /// What else has a say in it.
    pub around: Surroundings,
}

impl Question<'_> {
    /// What the server's answer, the object as it would store it, says of this comparison.
    pub fn answer(&self, object: &Value) -> Answer {
        let diff = self.comparison.answered(object);
        match self.comparison.live.filter(|_| diff.verdict == Verdict::InSync) {
            Some(live) => Answer::Unchanged(self.comparison.settled(live).within(self.around)),
            None => Answer::Differs(Box::new(diff)),
        }
    }

    /// What the server said against it, which may quote what it stumbled over, masked.
    pub fn masked(&self, why: &str) -> String {
        let quoted = [self.manifest.body.as_ref()].into_iter().chain(self.comparison.live);
        self.comparison.redaction.message(why, quoted)
    }
}

/// A pair that the server was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The body of the dry run.
    desired: Digest,
    uid: Option<String>,
    version: Option<String>,
}

impl Pair {
    /// Of a body as it would be sent, and the live object; `None` where that does not say which state
    /// of which object it is, as objects of files do not.
    pub fn of(outgoing: &Value, live: &Value) -> Option<Self> {
        Some(Self {
            desired: Digest::of(outgoing),
            uid: Some(uid(live)?.to_owned()),
            version: Some(resource_version(live)?.to_owned()),
        })
    }
}

/// What the server said of a pair.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It would store nothing else: this digest vouches for the object.
    Unchanged(Settled),
    /// What it would change.
    Differs(Box<ObjectDiff>),
    /// It refuses, in its words, masked.
    Refused(String),
}

/// The answers of one application's server: one an object, since an older pair never comes back.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    answers: BTreeMap<ObjectId, (Pair, Surroundings, Answer)>,
}

impl Asked {
    /// Nothing asked yet.
    pub const fn new() -> Self {
        Self { answers: BTreeMap::new() }
    }

    /// What the server said of this very pair, if what else had a say has not changed since.
    pub fn answer(&self, id: &ObjectId, pair: &Pair, around: &Surroundings) -> Option<&Answer> {
        let (asked, then, answer) = self.answers.get(id)?;
        (asked == pair && then.stand_in(around)).then_some(answer)
    }

    /// Remembers an answer, and forgets the one about an older pair.
    pub fn remember(&mut self, id: ObjectId, pair: Pair, around: Surroundings, answer: Answer) {
        self.answers.insert(id, (pair, around, answer));
    }

    /// Forgets an object that is gone or no longer wanted.
    pub fn forget(&mut self, id: &ObjectId) {
        self.answers.remove(id);
    }

    /// The digests that answers vouch with, for the inventory's next write.
    pub fn vouched(&self) -> impl Iterator<Item = (&ObjectId, Settled)> {
        self.answers.iter().filter_map(|(id, (_, _, answer))| match answer {
            Answer::Unchanged(settled) => Some((id, *settled)),
            Answer::Differs(_) | Answer::Refused(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vouch::surroundings;
    use serde_json::json;

    fn live(uid: &str, version: &str) -> Value {
        json!({"metadata": {"name": "a", "uid": uid, "resourceVersion": version}})
    }

    #[test]
    fn a_pair_is_asked_once() {
        let id = ObjectId {
            group: String::new(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "a".to_owned(),
        };
        let body = json!({"data": {"a": "1"}});
        let pair = |body: &Value, uid, version| Pair::of(body, &live(uid, version)).unwrap();
        let around = surroundings(Some("v1.28.7"), None, None);
        let settled = Settled::new(Digest::of(&json!(1)));
        let mut asked = Asked::new();
        asked.remember(id.clone(), pair(&body, "u", "7"), around, Answer::Unchanged(settled));
        let newer = surroundings(Some("v1.29.0"), None, None);
        let other = json!({"data": {"a": "2"}});
        for (pair, around, known, what) in [
            (pair(&body, "u", "7"), around, true, "the same"),
            (pair(&other, "u", "7"), around, false, "another body"),
            (pair(&body, "u", "8"), around, false, "the object was written"),
            (pair(&body, "v", "7"), around, false, "another object of the name"),
            (pair(&body, "u", "7"), newer, false, "another server"),
        ] {
            assert_eq!(asked.answer(&id, &pair, &around).is_some(), known, "{what}");
        }
        assert_eq!(asked.vouched().collect::<Vec<_>>(), [(&id, settled)]);
        let refused = Answer::Refused("no".to_owned());
        asked.remember(id.clone(), pair(&other, "u", "7"), around, refused);
        assert!(asked.answer(&id, &pair(&body, "u", "7"), &around).is_none(), "the older pair");
        assert_eq!(asked.vouched().count(), 0);
        asked.forget(&id);
        assert!(asked.answer(&id, &pair(&other, "u", "7"), &around).is_none());
        assert_eq!(Pair::of(&body, &json!({"metadata": {"name": "a"}})), None);
    }
}
