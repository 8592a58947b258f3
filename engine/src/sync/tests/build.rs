//! Plans, contexts and observations in a few letters.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use merge::{Digest, Manifest, ObjectId, Origin};
use serde_json::{Value, json};

use super::super::{AppliedObject, Context, Observation};
use crate::diff::ObjectDiff;
use crate::health::{Health, Status, Trouble, TroubleClass};
use crate::plan::{Action, Plan, Prune, Rank, Step, Wave};
use crate::record::{Entry, Inventory, Ledger, Render, Run, RunKind};
use crate::vouch::Settled;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::of_bytes(name.as_bytes())
}

pub(super) fn render(name: &str) -> Render {
    Render { digest: digest(name), revision: Some(name.to_owned()) }
}

/// `web` is a Deployment, `ns:web` a Namespace.
fn body(name: &str) -> Value {
    if name.starts_with("ns:") {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    } else {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop"}})
    }
}

pub(super) fn manifest(name: &str) -> Manifest {
    Manifest::new(body(name), Origin { file: "a.yaml".to_owned(), line: 1 }).unwrap()
}

pub(super) fn id(name: &str) -> ObjectId {
    manifest(name).id
}

pub(super) fn uid(name: &str) -> String {
    format!("uid-{name}")
}

fn step(name: &str, action: Action) -> Step {
    let manifest = manifest(name);
    let live = (action != Action::Create).then(|| (uid(name), "1".to_owned()));
    Step {
        outgoing: Arc::clone(&manifest.body),
        manifest,
        action,
        diff: ObjectDiff::unchanged(),
        settled: None,
        live_uid: live.as_ref().map(|(uid, _)| uid.clone()),
        live_version: live.map(|(_, version)| version),
    }
}

/// Waves of ranks of steps; wave numbers are positions.
pub(super) fn plan(waves: &[&[&[(&str, Action)]]], prunes: &[&str]) -> Plan {
    let waves = (0..).zip(waves).map(|(number, ranks)| {
        let ranks = ranks.iter().map(|steps| Rank {
            steps: steps.iter().map(|(name, action)| step(name, *action)).collect(),
        });
        Wave { number, ranks: ranks.collect() }
    });
    let prunes = prunes.iter().map(|name| Prune {
        id: id(name),
        api_version: manifest(name).gvk.api_version(),
        uid: uid(name),
        resource_version: "1".to_owned(),
    });
    Plan {
        waves: waves.collect(),
        prunes: prunes.collect(),
        withheld: Vec::new(),
        irreversible: Vec::new(),
    }
}

pub(super) fn context(wanted: &str, last_healthy: Option<&str>) -> Context {
    let ledger = Ledger {
        epoch: 7,
        current: last_healthy.map(|name| Run {
            render: render(name),
            kind: RunKind::Sync,
            started: at(-100),
            requested_by: "ada".to_owned(),
        }),
        last_healthy: last_healthy.map(render),
        ..Ledger::default()
    };
    Context {
        application: "default/shop".parse().unwrap(),
        render: render(wanted),
        requested_by: "ada".to_owned(),
        ledger,
        inventory: Inventory::default(),
        is_stored: true,
        baseline: BTreeMap::new(),
    }
}

pub(super) fn entry(name: &str) -> Entry {
    let manifest = manifest(name);
    Entry {
        api_version: manifest.gvk.api_version(),
        uid: Some(uid(name)),
        desired: manifest.digest,
        settled: Some(Settled::new(digest("settled"))),
        tentative: false,
        adopted: false,
    }
}

pub(super) fn answer(name: &str, version: u32) -> AppliedObject {
    AppliedObject {
        uid: uid(name),
        resource_version: version.to_string(),
        generation: Some(1),
        settled: Some(Settled::new(digest("settled"))),
    }
}

pub(super) fn observation(name: &str, version: u32, health: Health) -> Observation {
    Observation {
        uid: uid(name),
        resource_version: version.to_string(),
        generation: Some(1),
        observed_generation: Some(1),
        health,
    }
}

fn plain(status: Status, message: &str) -> Health {
    Health { status, message: message.to_owned(), trouble: Vec::new() }
}

pub(super) fn healthy() -> Health {
    plain(Status::Healthy, "ready")
}

pub(super) fn progressing() -> Health {
    plain(Status::Progressing, "on its way")
}

pub(super) fn sick() -> Health {
    plain(Status::Degraded, "in trouble")
}

/// A trouble of a pod.
pub(super) fn trouble(pod: &str, class: TroubleClass) -> Trouble {
    Trouble {
        class,
        object: ObjectId {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: Some("shop".to_owned()),
            name: pod.to_owned(),
        },
        uid: Some(uid(pod)),
        container: Some("app".to_owned()),
        image: Some("app:2".to_owned()),
        message: "it says so".to_owned(),
        since: None,
    }
}

pub(super) fn image_not_found(name: &str) -> Health {
    let found = trouble(&format!("{name}-1"), TroubleClass::ImageNotFound);
    let message = "ErrImagePull: app:2: not found".to_owned();
    Health { trouble: vec![Trouble { message, ..found }], ..sick() }
}

pub(super) fn back_off(name: &str) -> Health {
    let found = trouble(&format!("{name}-1"), TroubleClass::ImagePull);
    let message = "ImagePullBackOff: Back-off pulling image \"app:2\"".to_owned();
    Health { trouble: vec![Trouble { message, ..found }], ..sick() }
}

pub(super) fn crash(name: &str, restarts: u32) -> Health {
    let class = TroubleClass::CrashLoop { restarts };
    Health { trouble: vec![trouble(&format!("{name}-1"), class)], ..sick() }
}
