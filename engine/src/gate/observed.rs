//! What an object looked like at one moment, and which version of it a run expects to see.

use jiff::Timestamp;
use serde_json::Value;

use crate::health::Health;

/// An object at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
    /// Its generation, if its kind has one.
    pub generation: Option<i64>,
    /// The generation its controller has seen, if it says so.
    pub observed_generation: Option<i64>,
    /// Its health.
    pub health: Health,
}

impl Observation {
    /// An observation of a live object whose health was read with what it owns.
    pub fn new(object: &Value, health: Health) -> Self {
        let observed = object.get("status").and_then(|status| status.get("observedGeneration"));
        Self {
            uid: merge::object::uid(object).unwrap_or_default().to_owned(),
            resource_version: merge::object::resource_version(object)
                .unwrap_or_default()
                .to_owned(),
            generation: merge::object::generation(object),
            observed_generation: observed.and_then(Value::as_i64),
            health,
        }
    }
}

/// What an apply returned, or what a plan found that needs none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The object's uid. What bears its name with another uid is another object.
    pub uid: String,
    /// The resourceVersion from which on its health counts.
    pub resource_version: String,
    /// The generation, for servers whose resourceVersions are no numbers.
    pub generation: Option<i64>,
    /// Whether this run wrote it.
    pub written: bool,
    /// Since when it is expected. No grace began before.
    pub since: Timestamp,
}

impl Expected {
    /// Whether an observation is of this object at this version, or a later one.
    ///
    /// A resourceVersion is compared as an integer, as every Kubernetes server gives them out
    /// (KEP-5504 makes that a promise). Where one is not an integer, the generations decide: the
    /// object's must have been reached, and seen by its controller where that says what it has seen.
    pub fn is_met_by(&self, observation: &Observation) -> bool {
        if observation.uid != self.uid {
            return false;
        }
        let ours = self.resource_version.parse::<u128>();
        let seen = observation.resource_version.parse::<u128>();
        if let (Ok(ours), Ok(seen)) = (ours, seen) {
            return seen >= ours;
        }
        let Some(generation) = self.generation else { return true };
        observation
            .observed_generation
            .or(observation.generation)
            .is_some_and(|it| it >= generation)
    }
}

/// What was unhealthy before the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ailing {
    /// The uid of the object that was.
    pub uid: String,
    /// How it was.
    pub health: Health,
}
