//! What an observation means for the gate.

use jiff::Timestamp;

use super::{Ailing, Expected, GraceTable, Observation};
use crate::health::{Trouble, TroubleClass};

/// The verdict on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It is healthy (or stands still because it was told to) at the version that is expected.
    Open,
    /// It was unhealthy before the run, in the same way, and the run did not touch it: it neither
    /// fails nor blocks.
    Ignored,
    /// It is not there yet.
    Waiting {
        /// When the first grace ends, if one is running.
        wake: Option<Timestamp>,
    },
    /// Its grace has ended.
    Failed {
        /// Which trouble's.
        trouble: Trouble,
    },
}

impl Gate {
    /// Whether it lets the next wave begin.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Ignored)
    }
}

/// The troubles of one object and when each was first seen. Kubernetes tells no time for most of them,
/// so the first sight is when a grace begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    seen: Vec<Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    trouble: Trouble,
    first: Timestamp,
}

impl Memory {
    /// Takes in what is wrong now; what is no longer wrong is forgotten. `not_before` is when the
    /// object began to be expected: trouble that says it is older counts from then.
    pub fn observe(&mut self, troubles: &[Trouble], not_before: Timestamp, now: Timestamp) {
        let before = std::mem::take(&mut self.seen);
        for trouble in troubles {
            let known = before.iter().find(|seen| is_continued(&seen.trouble, trouble));
            let first = match known {
                Some(seen) => seen.first,
                None => trouble.since.map_or(now, |since| since.max(not_before).min(now)),
            };
            let trouble = match known {
                Some(seen) if says_more(&seen.trouble, trouble) => seen.trouble.clone(),
                _ => trouble.clone(),
            };
            self.seen.push(Seen { trouble, first });
        }
    }
}

/// Whether two troubles are one that goes on. A failing pull alternates between its error and "back-off
/// pulling image" (the kubelet's `ErrImagePull` and `ImagePullBackOff`).
fn is_continued(before: &Trouble, now: &Trouble) -> bool {
    let same_place = before.uid == now.uid
        && before.object == now.object
        && before.container == now.container
        && before.image == now.image;
    let pull = |class: &TroubleClass| {
        matches!(class, TroubleClass::ImageNotFound | TroubleClass::ImagePull)
    };
    before.is_same(now) || (same_place && pull(&before.class) && pull(&now.class))
}

/// Whether the words from before say more: the back-off of a pull does not repeat that the image was
/// not found.
fn says_more(before: &Trouble, now: &Trouble) -> bool {
    before.class == TroubleClass::ImageNotFound && now.class == TroubleClass::ImagePull
}

/// Everything a verdict is made from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The version that counts.
    pub expected: &'a Expected,
    /// The object as it was last seen.
    pub observation: Option<&'a Observation>,
    /// Its troubles over time.
    pub memory: &'a Memory,
    /// How it was before the run, if it was unhealthy.
    pub ailing: Option<&'a Ailing>,
    /// Whether it must become healthy even if it was as unhealthy before: a rollback heals what the
    /// failed run made ill, a sync answers only for what it changed.
    pub must_heal: bool,
}

/// The verdict on one object at one time.
pub fn judge(evidence: &Evidence<'_>, grace: &GraceTable, now: Timestamp) -> Gate {
    let current = evidence.observation.filter(|it| evidence.expected.is_met_by(it));
    let Some(observation) = current else { return Gate::Waiting { wake: None } };
    if observation.health.status.is_well() {
        return Gate::Open;
    }
    let ailing = evidence.ailing.filter(|ailing| ailing.uid == observation.uid);
    let known = |trouble: &Trouble| {
        ailing.is_some_and(|it| it.health.trouble.iter().any(|old| is_continued(old, trouble)))
    };
    let mut fresh = evidence.memory.seen.iter().filter(|seen| !known(&seen.trouble)).peekable();
    if ailing.is_some() && !evidence.must_heal && fresh.peek().is_none() {
        return Gate::Ignored;
    }
    let mut wake: Option<Timestamp> = None;
    for seen in fresh {
        let Some(grace) = grace.of(&seen.trouble.class) else { continue };
        let due = later(seen.first, grace);
        if due <= now {
            return Gate::Failed { trouble: seen.trouble.clone() };
        }
        wake = Some(wake.map_or(due, |earliest| earliest.min(due)));
    }
    Gate::Waiting { wake }
}

/// A time so much later; the end of time where that cannot be counted.
pub(crate) fn later(time: Timestamp, duration: std::time::Duration) -> Timestamp {
    let duration = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
