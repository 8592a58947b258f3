//! The script of a pod: what is to become of its containers, by annotation or by image tag.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use crate::workloads::object;
use crate::workloads::settings::Pace;

const FATE: &str = "sandbox.cleat.dev/fate";
const READY_AFTER: &str = "sandbox.cleat.dev/ready-after";
const FAILS_AFTER: &str = "sandbox.cleat.dev/fails-after";

/// What becomes of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Becomes ready; in a pod that is not restarted always, ends well.
    Ready,
    /// Its image is not found.
    Missing,
    /// Exits with code 1, again and again.
    Crash,
    /// Runs and never becomes ready.
    Stuck,
    /// Becomes ready, then crashes.
    FailsLater,
}

impl Fate {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ready" => Self::Ready,
            "missing" => Self::Missing,
            "crash" => Self::Crash,
            "stuck" => Self::Stuck,
            "fails-later" => Self::FailsLater,
            _ => return None,
        })
    }

    /// By the tag of an image: the tag is a fate, or ends in `-` and one.
    fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next().unwrap_or_default();
        let (_, tag) = name.rsplit('/').next().unwrap_or_default().split_once(':')?;
        ["ready", "missing", "crash", "stuck", "fails-later"]
            .into_iter()
            .find(|fate| {
                tag.strip_suffix(fate).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
            })
            .and_then(Self::named)
    }
}

/// The fate of one container of a pod. The annotation is about the pod's own containers; an init
/// container's fate is in its tag.
pub(super) fn of(pod: &Value, container: &Value, is_init: bool) -> Fate {
    let annotated = object::annotation(pod, FATE).filter(|_| !is_init).and_then(Fate::named);
    annotated.or_else(|| Fate::of_image(object::text(container, "/image"))).unwrap_or(Fate::Ready)
}

/// The pace at which a pod lives: the settings', with what its annotations say.
pub(super) fn pace(pod: &Value, pace: &Pace) -> Pace {
    let annotated = |key: &str, default: Duration| {
        object::annotation(pod, key)
            .and_then(|text| text.parse::<SignedDuration>().ok())
            .and_then(|duration| Duration::try_from(duration).ok())
            .unwrap_or(default)
    };
    Pace {
        ready_after: annotated(READY_AFTER, pace.ready_after),
        fails_after: annotated(FAILS_AFTER, pace.fails_after),
        ..pace.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_is_a_fate_or_ends_in_one() {
        for (image, expected) in [
            ("registry:5000/app", None),
            ("app:crash", Some(Fate::Crash)),
            ("registry:5000/team/app:v2-missing", Some(Fate::Missing)),
            ("app:v1-fails-later", Some(Fate::FailsLater)),
            ("app:notready", None),
            ("app:not-ready", Some(Fate::Ready)),
            ("app:2-stuck@sha256:abc", Some(Fate::Stuck)),
        ] {
            assert_eq!(Fate::of_image(image), expected, "{image}");
        }
    }

    #[test]
    fn an_annotation_wins_over_the_tag_but_not_for_init_containers() {
        let pod = json!({"metadata": {"annotations": {"sandbox.cleat.dev/fate": "stuck",
            "sandbox.cleat.dev/ready-after": "1m30s", "sandbox.cleat.dev/fails-after": "soon"}}});
        let container = json!({"image": "app:crash"});
        assert_eq!(of(&pod, &container, false), Fate::Stuck);
        assert_eq!(of(&pod, &container, true), Fate::Crash);
        let pace = pace(&pod, &Pace::default());
        assert_eq!(pace.ready_after, Duration::from_secs(90));
        assert_eq!(pace.fails_after, Pace::default().fails_after);
    }
}
