//! What is wrong with an object, in the words of the pod that says so.

use std::fmt;

use jiff::Timestamp;
use merge::ObjectId;
use serde::{Deserialize, Serialize};

use super::Status;

/// The kind of trouble, which decides how long it is tolerated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "class")]
pub enum TroubleClass {
    /// The image's name cannot be parsed.
    InvalidImageName,
    /// The registry has no such image.
    ImageNotFound,
    /// The image cannot be pulled for another reason.
    ImagePull,
    /// A container ends again and again.
    CrashLoop {
        /// How often it was restarted.
        restarts: u32,
    },
    /// A container was killed for its memory.
    OutOfMemory {
        /// How often it was restarted.
        restarts: u32,
    },
    /// A container cannot be created from its configuration.
    CreateContainer,
    /// A container was created and cannot be started.
    RunContainer,
    /// No node takes the pod.
    Unschedulable,
    /// A pod ended and will not be started again.
    PodFailed,
    /// A Job failed.
    JobFailed,
    /// No pod may be created: quota, limits, admission.
    Quota,
    /// A workload's progress deadline passed.
    ProgressDeadline,
    /// The object's own conditions say that it is stalled or degraded.
    Degraded,
    /// A pod of an earlier revision blocks an ordered StatefulSet and does not go by itself.
    StuckPod,
    /// A container runs and is not ready. Only a deadline can tell whether that is trouble.
    NotReady,
}

impl TroubleClass {
    /// Whether two are of the same class, however often something restarted.
    pub fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Its kind.
    #[serde(flatten)]
    pub class: TroubleClass,
    /// The object that says so: often a pod, else the object itself.
    pub object: ObjectId,
    /// That object's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The container, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// That container's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The object's own words.
    pub message: String,
    /// Since when, where the object tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Trouble {
    /// How an object is that has this trouble. A first crash and a probe that does not answer yet are
    /// how many a program starts.
    pub fn status(&self) -> Status {
        match self.class {
            TroubleClass::NotReady
            | TroubleClass::CrashLoop { restarts: 0 }
            | TroubleClass::OutOfMemory { restarts: 0 } => Status::Progressing,
            _ => Status::Degraded,
        }
    }

    /// The words, with container and image, without the object.
    pub(super) fn words(&self) -> String {
        let container = self.container.iter().map(|name| format!("container {name}"));
        let image = self.image.iter().map(|image| format!("image {image}"));
        let place: Vec<String> = container.chain(image).collect();
        if place.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", place.join(", "), self.message)
        }
    }

    /// Whether this is the other trouble seen again: of the same object, not merely of one that
    /// bears its name, in the same container with the same image.
    pub fn is_same(&self, other: &Self) -> bool {
        self.class.is_same_kind(&other.class)
            && self.object == other.object
            && self.uid == other.uid
            && self.container == other.container
            && self.image == other.image
    }
}

/// `pod/web-1 in shop, container app, image app:2: the pod's words`
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.container.is_some() || self.image.is_some() { "," } else { ":" };
        write!(f, "{}{separator} {}", self.object, self.words())
    }
}
