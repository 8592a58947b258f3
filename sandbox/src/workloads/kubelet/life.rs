//! The life of a pod's containers as a function of time: which stage each is in, when the next one
//! comes, and what is worth telling about it.
//!
//! ```text
//! Waiting ─► Creating ─► Running ─► Ended
//!              │  ▲         │ ▲
//!              ▼  │         ▼ │
//!          PullFailed    BackOff          each with a back-off that doubles
//!              ▼  ▲
//!          PullBackOff
//! ```

use jiff::Timestamp;
use serde_json::Value;

use super::fate::{self, Fate};
use crate::workloads::object;
use crate::workloads::settings::Pace;

/// Where a container is, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Those before it are not done yet.
    Waiting,
    Creating,
    /// ErrImagePull.
    PullFailed,
    /// ImagePullBackOff.
    PullBackOff,
    Running {
        ready: bool,
    },
    /// CrashLoopBackOff.
    BackOff,
    /// Ended for good, with an exit code.
    Ended {
        code: i64,
    },
}

/// How a container ended before it was started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub code: i64,
    pub started: Timestamp,
    pub finished: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Container {
    pub name: String,
    pub image: String,
    pub is_init: bool,
    /// An init container that is restarted always: it runs beside the others.
    pub is_sidecar: bool,
    has_probe: bool,
    pub fate: Fate,
    pub stage: Stage,
    pub since: Timestamp,
    /// Failed pulls in a row.
    pulls: u32,
    pub restarts: u32,
    pub started: Option<Timestamp>,
    pub last: Option<Ending>,
}

/// Something that happened to a container: a reason and a message of the kubelet's.
pub(super) type Told = (bool, &'static str, String);

#[derive(Debug, Clone)]
pub(super) struct Life {
    pub containers: Vec<Container>,
    /// When the kubelet first saw the pod.
    pub seen: Timestamp,
    /// When it first saw that the pod is to end.
    pub stopping: Option<Timestamp>,
    pub address: Option<String>,
    restart_policy: RestartPolicy,
    full_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

impl Life {
    /// The life of a pod that this kubelet has not seen before; what its status says is taken over.
    pub(super) fn of(pod: &Value, now: Timestamp) -> Self {
        let mut containers = Vec::new();
        for (specs, statuses, is_init) in [
            ("/spec/initContainers", "/status/initContainerStatuses", true),
            ("/spec/containers", "/status/containerStatuses", false),
        ] {
            for spec in object::list(pod, specs) {
                let known = object::list(pod, statuses)
                    .iter()
                    .find(|status| object::text(status, "/name") == object::text(spec, "/name"));
                containers.push(Container::of(pod, spec, is_init, known, now));
            }
        }
        let restart_policy = match object::text(pod, "/spec/restartPolicy") {
            "Never" => RestartPolicy::Never,
            "OnFailure" => RestartPolicy::OnFailure,
            _ => RestartPolicy::Always,
        };
        let address = object::text(pod, "/status/podIP");
        Self {
            containers,
            seen: now,
            stopping: None,
            address: (!address.is_empty()).then(|| address.to_owned()),
            restart_policy,
            full_name: format!(
                "{}_{}({})",
                object::name(pod),
                object::namespace(pod),
                object::uid(pod)
            ),
        }
    }

    /// Brings every container up to `now`; returns when the next stage comes.
    pub(super) fn advance(
        &mut self,
        pod: &Value,
        pace: &Pace,
        now: Timestamp,
        told: &mut Vec<Told>,
    ) -> Option<Timestamp> {
        let pace = fate::pace(pod, pace);
        self.read_fates(pod);
        loop {
            let next = (0..self.containers.len())
                .filter_map(|index| Some((self.due(index, &pace)?, index)))
                .min()?;
            let (at, index) = next;
            if at > now {
                return Some(at);
            }
            self.next(index, at, told);
        }
    }

    /// A fate may be changed while the pod lives: `kubectl annotate` is how one makes trouble.
    fn read_fates(&mut self, pod: &Value) {
        let specs = object::list(pod, "/spec/initContainers")
            .iter()
            .map(|spec| (spec, true))
            .chain(object::list(pod, "/spec/containers").iter().map(|spec| (spec, false)));
        for (container, (spec, is_init)) in self.containers.iter_mut().zip(specs) {
            container.fate = fate::of(pod, spec, is_init);
        }
    }

    /// Whether all containers before one are done.
    fn may_begin(&self, index: usize) -> bool {
        self.containers.iter().take(index).filter(|container| container.is_init).all(|container| {
            match container.stage {
                Stage::Ended { code } => code == 0,
                Stage::Running { .. } => container.is_sidecar,
                _ => false,
            }
        })
    }

    /// Whether a container is to end by itself when all goes well.
    fn completes(&self, container: &Container) -> bool {
        if container.is_init {
            !container.is_sidecar
        } else {
            self.restart_policy != RestartPolicy::Always
        }
    }

    /// When a container's next stage comes; `None` if it stays where it is.
    fn due(&self, index: usize, pace: &Pace) -> Option<Timestamp> {
        let container = self.containers.get(index)?;
        let after = |duration| Some(object::later(container.since, duration));
        let half = pace.ready_after / 2;
        let crashes = container.crashes();
        match container.stage {
            Stage::Waiting => self.may_begin(index).then(|| self.ready_to_begin(index)),
            Stage::Creating => match container.fate {
                Fate::Missing | Fate::Crash => after(pace.runs_before_crash.min(half)),
                Fate::Stuck => after(half),
                _ if container.is_init || container.has_probe || self.completes(container) => {
                    after(if container.is_init { pace.init_runs } else { half })
                }
                _ => after(pace.ready_after),
            },
            Stage::PullFailed => after(pace.first_back_off / 2),
            Stage::PullBackOff => after(pace.back_off(container.pulls.saturating_sub(1))),
            Stage::Running { .. } if crashes => after(pace.runs_before_crash),
            Stage::Running { .. } if container.fate == Fate::Stuck => None,
            Stage::Running { .. } if self.completes(container) => {
                after(if container.is_init { pace.init_runs } else { half })
            }
            Stage::Running { ready: false } => after(half),
            Stage::Running { ready: true } if container.fate == Fate::FailsLater => {
                after(pace.fails_after)
            }
            Stage::BackOff => after(pace.back_off(container.restarts)),
            Stage::Running { ready: true } | Stage::Ended { .. } => None,
        }
    }

    /// When the last of those before it was done.
    fn ready_to_begin(&self, index: usize) -> Timestamp {
        self.containers
            .iter()
            .take(index)
            .filter(|container| container.is_init)
            .map(|container| container.since)
            .fold(self.seen, Timestamp::max)
    }

    fn next(&mut self, index: usize, at: Timestamp, told: &mut Vec<Told>) {
        let Some(container) = self.containers.get(index) else { return };
        let completes = self.completes(container);
        let restarts = self.restart_policy == RestartPolicy::Always
            || self.restart_policy == RestartPolicy::OnFailure
            || container.is_sidecar;
        let full_name = self.full_name.clone();
        let Some(container) = self.containers.get_mut(index) else { return };
        container.since = at;
        let image = container.image.clone();
        container.stage = match container.stage {
            Stage::Waiting => {
                told.push((false, "Pulling", format!("Pulling image \"{image}\"")));
                Stage::Creating
            }
            Stage::Creating | Stage::PullBackOff if container.fate == Fate::Missing => {
                container.pull_failed(told);
                Stage::PullFailed
            }
            Stage::Creating => container.start(at, told),
            Stage::PullFailed => {
                if container.pulls <= 3 {
                    let message = format!("Back-off pulling image \"{image}\"");
                    told.push((false, "BackOff", message));
                    told.push((true, "Failed", "Error: ImagePullBackOff".to_owned()));
                }
                Stage::PullBackOff
            }
            Stage::PullBackOff => Stage::Creating,
            Stage::Running { .. } if container.crashes() || !completes && container.is_up() => {
                let started = container.started.unwrap_or(at);
                container.last = Some(Ending { code: 1, started, finished: at });
                if restarts {
                    if container.restarts < 4 {
                        let message = format!(
                            "Back-off restarting failed container {} in pod {full_name}",
                            container.name
                        );
                        told.push((true, "BackOff", message));
                    }
                    Stage::BackOff
                } else {
                    Stage::Ended { code: 1 }
                }
            }
            Stage::Running { .. } if completes => {
                let started = container.started.unwrap_or(at);
                container.last = Some(Ending { code: 0, started, finished: at });
                Stage::Ended { code: 0 }
            }
            Stage::Running { .. } => Stage::Running { ready: true },
            Stage::BackOff => {
                container.restarts = container.restarts.saturating_add(1);
                container.start(at, told)
            }
            ended @ Stage::Ended { .. } => ended,
        };
    }

    /// The back-off that a real kubelet would name after so many restarts: 10 s, doubled, 5 min at
    /// most.
    pub(super) fn named_back_off(restarts: u32) -> String {
        match 10_u32.saturating_mul(1 << restarts.min(5)) {
            seconds @ ..60 => format!("{seconds}s"),
            seconds @ 60..300 => format!("{}m{}s", seconds / 60, seconds % 60),
            _ => "5m0s".to_owned(),
        }
    }

    pub(super) fn full_name(&self) -> &str {
        &self.full_name
    }
}

impl Container {
    fn of(pod: &Value, spec: &Value, is_init: bool, known: Option<&Value>, now: Timestamp) -> Self {
        let mut container = Self {
            name: object::text(spec, "/name").to_owned(),
            image: object::text(spec, "/image").to_owned(),
            is_init,
            is_sidecar: is_init && object::text(spec, "/restartPolicy") == "Always",
            has_probe: spec.get("readinessProbe").is_some_and(|probe| !probe.is_null()),
            fate: fate::of(pod, spec, is_init),
            stage: Stage::Waiting,
            since: now,
            pulls: 0,
            restarts: 0,
            started: None,
            last: None,
        };
        let Some(known) = known else { return container };
        let restarts = object::integer(known, "/restartCount").unwrap_or_default();
        container.restarts = u32::try_from(restarts).unwrap_or_default();
        if known.pointer("/state/running").is_some() {
            container.stage = Stage::Running { ready: object::flag(known, "/ready") };
            container.started = object::time(known, "/state/running/startedAt");
        } else if let Some(code) = object::integer(known, "/state/terminated/exitCode") {
            let time = |field: &str| {
                object::time(known, &format!("/state/terminated/{field}")).unwrap_or(now)
            };
            container.stage = Stage::Ended { code };
            container.last =
                Some(Ending { code, started: time("startedAt"), finished: time("finishedAt") });
        } else if object::text(known, "/state/waiting/reason") == "CrashLoopBackOff" {
            container.stage = Stage::BackOff;
        }
        container
    }

    /// Whether it exits with an error as soon as it runs.
    fn crashes(&self) -> bool {
        match self.fate {
            Fate::Crash => true,
            // It was ready once; from then on it crashes at once.
            Fate::FailsLater => self.restarts > 0,
            Fate::Ready | Fate::Missing | Fate::Stuck => false,
        }
    }

    fn is_up(&self) -> bool {
        self.stage == (Stage::Running { ready: true })
    }

    fn start(&mut self, at: Timestamp, told: &mut Vec<Told>) -> Stage {
        self.started = Some(at);
        self.pulls = 0;
        if self.restarts < 4 {
            told.push((false, "Created", format!("Created container {}", self.name)));
            told.push((false, "Started", format!("Started container {}", self.name)));
        }
        if self.fate == Fate::Stuck {
            let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
            told.push((true, "Unhealthy", message.to_owned()));
        }
        let unready = self.crashes() || self.has_probe || self.fate == Fate::Stuck;
        Stage::Running { ready: !unready }
    }

    fn pull_failed(&mut self, told: &mut Vec<Told>) {
        self.pulls = self.pulls.saturating_add(1);
        if self.pulls <= 3 {
            let message = format!("Failed to pull image \"{}\": {}", self.image, self.pull_error());
            told.push((true, "Failed", message));
            told.push((true, "Failed", "Error: ErrImagePull".to_owned()));
        }
    }

    /// What containerd answers when a registry does not have an image.
    pub(super) fn pull_error(&self) -> String {
        let image = &self.image;
        format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed \
             to resolve reference \"{image}\": {image}: not found"
        )
    }
}
