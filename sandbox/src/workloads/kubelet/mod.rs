//! The kubelets of all nodes: what becomes of a pod once a node is chosen for it, until it is gone.
//!
//! The only controller with a memory: the API keeps whole seconds, a pod's life here runs in
//! milliseconds. What is lost with the process is read back from the pod's status.

mod fate;
mod life;
mod status;

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::kind::{Key, Kind};
use super::object;
use super::plan::{Plan, Write, Writer};
use super::pods;
use super::settings::Pace;
use life::{Life, Stage};

const WRITER: Writer = Writer::Kubelet;

/// The lives of the pods that have a node, by uid.
#[derive(Debug, Default)]
pub(super) struct Kubelet {
    lives: HashMap<String, Life>,
    addresses: u32,
}

impl Kubelet {
    /// Forgets a pod that is gone.
    pub(super) fn forget(&mut self, uid: &str) {
        self.lives.remove(uid);
    }

    /// One look at a pod that has a node.
    pub(super) fn tend(&mut self, pod: &Value, host: &str, pace: &Pace, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if object::is_deleted(pod) {
            self.stop(pod, pace, now, &mut plan);
            return plan;
        }
        if pods::is_finished(pod) {
            self.lives.remove(object::uid(pod));
            return plan;
        }
        let addresses = &mut self.addresses;
        let life =
            self.lives.entry(object::uid(pod).to_owned()).or_insert_with(|| Life::of(pod, now));
        if let Some(address) = &life.address {
            *addresses = (*addresses).max(number(address));
        }
        let mut told = Vec::new();
        if let Some(at) = life.advance(pod, pace, now, &mut told) {
            plan.wake(at);
        }
        for (warning, reason, message) in told {
            if warning {
                plan.warn(WRITER, reason, message);
            } else {
                plan.note(WRITER, reason, message);
            }
        }
        let is_up = life.containers.iter().any(|container| container.started.is_some());
        if is_up && life.address.is_none() {
            *addresses = (*addresses + 1) % (1 << 16);
            life.address = Some(address(*addresses));
        }
        plan.status(WRITER, Kind::Pod, pod, status::status(pod, life, host, now));
        plan
    }

    /// A deleted pod stops after a moment; then its kubelet deletes it for good.
    fn stop(&mut self, pod: &Value, pace: &Pace, now: Timestamp, plan: &mut Plan) {
        if object::integer(pod, "/metadata/deletionGracePeriodSeconds") == Some(0) {
            // Only finalizers hold it: nothing is left for a kubelet to do.
            self.lives.remove(object::uid(pod));
            return;
        }
        let life =
            self.lives.entry(object::uid(pod).to_owned()).or_insert_with(|| Life::of(pod, now));
        let runs = life
            .containers
            .iter()
            .any(|container| matches!(container.stage, Stage::Running { .. }));
        let first = life.stopping.is_none();
        let since = *life.stopping.get_or_insert(now);
        let gone = if runs { object::later(since, pace.stops_after) } else { since };
        if first && runs {
            for container in &life.containers {
                plan.note(WRITER, "Killing", format!("Stopping container {}", container.name));
            }
        }
        if gone > now {
            plan.wake(gone);
        } else {
            plan.write(
                WRITER,
                Write::Delete {
                    key: Key::of(Kind::Pod, pod),
                    uid: object::uid(pod).to_owned(),
                    grace: Some(0),
                },
            );
        }
    }
}

/// Addresses are given out one after the other from 10.244.0.0/16.
fn address(number: u32) -> String {
    format!("10.244.{}.{}", (number >> 8) & 0xff, number & 0xff)
}

fn number(address: &str) -> u32 {
    let mut parts = address.rsplit('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let (low, high) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (high << 8) | low
}

#[cfg(test)]
mod tests;
