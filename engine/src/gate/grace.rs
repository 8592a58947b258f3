//! How long each kind of trouble is tolerated before a gate fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::health::TroubleClass;

/// The grace of each reason. A wave's deadline ends what is not named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GraceTable {
    /// The image's name is not one: nothing but Git can mend that.
    #[serde(with = "seconds")]
    pub invalid_image_name: Duration,
    /// The registry says there is no such image. It may still be on its way there.
    #[serde(with = "seconds")]
    pub image_not_found: Duration,
    /// The image could not be pulled for another reason: a registry that is away, a credential.
    #[serde(with = "seconds")]
    pub image_pull: Duration,
    /// How many restarts of one container end the patience, init containers too.
    pub crash_loop_restarts: u32,
    /// A container cannot be made from its configuration: a Secret, a key that is not there (yet).
    #[serde(with = "seconds")]
    pub create_container: Duration,
    /// A container was made and cannot start: a command that is not in the image.
    #[serde(with = "seconds")]
    pub run_container: Duration,
    /// No node takes the pod; an autoscaler may be adding one.
    #[serde(with = "seconds")]
    pub unschedulable: Duration,
    /// A pod can never run: a Job failed, a node refused it.
    #[serde(with = "seconds")]
    pub failed: Duration,
    /// A quota, a limit or an admission rule lets no pod be created.
    #[serde(with = "seconds")]
    pub quota: Duration,
    /// The workload's own progress deadline passed.
    #[serde(with = "seconds")]
    pub progress_deadline: Duration,
    /// A custom object says that it is stalled or degraded.
    #[serde(with = "seconds")]
    pub degraded: Duration,
}

impl Default for GraceTable {
    fn default() -> Self {
        Self {
            invalid_image_name: Duration::ZERO,
            image_not_found: Duration::from_secs(20),
            image_pull: Duration::from_secs(120),
            crash_loop_restarts: 3,
            create_container: Duration::from_secs(60),
            run_container: Duration::from_secs(20),
            unschedulable: Duration::from_secs(300),
            failed: Duration::ZERO,
            quota: Duration::ZERO,
            progress_deadline: Duration::ZERO,
            degraded: Duration::from_secs(60),
        }
    }
}

impl GraceTable {
    /// How long trouble of this class is tolerated; `None` if only the wave's deadline ends it.
    pub fn of(&self, class: &TroubleClass) -> Option<Duration> {
        match class {
            TroubleClass::InvalidImageName => Some(self.invalid_image_name),
            TroubleClass::ImageNotFound => Some(self.image_not_found),
            TroubleClass::ImagePull => Some(self.image_pull),
            TroubleClass::CrashLoop { restarts } | TroubleClass::OutOfMemory { restarts } => {
                (*restarts >= self.crash_loop_restarts).then_some(Duration::ZERO)
            }
            TroubleClass::CreateContainer => Some(self.create_container),
            TroubleClass::RunContainer => Some(self.run_container),
            TroubleClass::Unschedulable => Some(self.unschedulable),
            TroubleClass::PodFailed | TroubleClass::JobFailed => Some(self.failed),
            TroubleClass::Quota => Some(self.quota),
            TroubleClass::ProgressDeadline => Some(self.progress_deadline),
            TroubleClass::Degraded => Some(self.degraded),
            TroubleClass::StuckPod | TroubleClass::NotReady => None,
        }
    }
}

/// Seconds as a number, as Kubernetes writes durations (`progressDeadlineSeconds`).
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
    }
}
