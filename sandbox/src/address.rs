//! Cluster IPs and node ports of Services: what is taken, and what is free.
//!
//! What a request takes is given back when the request comes to nothing (a dry run, a refusal): a
//! [`Lease`] that is dropped frees it, one that is kept does not.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use merge::validate::Cause;
use serde_json::{Value, json};

use crate::registry::items;

/// The first and last address of 10.96.0.0/16 that a Service may have.
const FIRST_ADDRESS: u32 = 0x0a60_0001;
const LAST_ADDRESS: u32 = 0x0a60_fffe;

/// The node ports a server gives out by default.
const FIRST_PORT: u16 = 30_000;
const LAST_PORT: u16 = 32_767;

/// What is taken.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<u16>,
    next_address: u32,
    next_port: u16,
}

/// What one request has taken; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    from: &'a Addresses,
    addresses: Vec<u32>,
    ports: Vec<u16>,
}

impl Lease<'_> {
    /// The Service that holds them is stored.
    pub(crate) fn keep(mut self) {
        self.addresses.clear();
        self.ports.clear();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut taken = self.from.lock();
        for address in &self.addresses {
            taken.addresses.remove(address);
        }
        for port in &self.ports {
            taken.ports.remove(port);
        }
    }
}

/// What a Service holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<u16>,
}

impl Held {
    fn of(service: &Value) -> Self {
        let addresses = service
            .pointer("/spec/clusterIP")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<Ipv4Addr>().ok())
            .map(u32::from)
            .into_iter()
            .collect();
        let ports = items(service, &["spec", "ports"])
            .filter_map(|port| port.get("nodePort"))
            .chain(service.pointer("/spec/healthCheckNodePort"))
            .filter_map(Value::as_u64)
            .filter_map(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0)
            .collect();
        Self { addresses, ports }
    }
}

impl Addresses {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what `service` states and what it needs beyond that and `old` has not, and writes what
    /// was given out into it.
    pub(crate) fn allocate(
        &self,
        old: Option<&Value>,
        service: &mut Value,
    ) -> Result<Lease<'_>, Cause> {
        let had = old.map(Held::of).unwrap_or_default();
        let wanted = Held::of(service);
        let mut lease = Lease { from: self, addresses: Vec::new(), ports: Vec::new() };
        let mut taken = self.lock();
        for address in wanted.addresses.difference(&had.addresses) {
            if let Err(cause) = taken.claim_address(*address) {
                drop(taken);
                return Err(cause);
            }
            lease.addresses.push(*address);
        }
        for port in wanted.ports.difference(&had.ports) {
            if let Err(message) = taken.claim_port(*port) {
                let field = port_field(service, *port);
                let reason = "FieldValueInvalid";
                let message = format!("Invalid value: {port}: {message}");
                // The lease gives back what it holds, under the same lock.
                drop(taken);
                return Err(Cause { reason, field, message });
            }
            lease.ports.push(*port);
        }
        if needs_address(service)
            && let Some(address) = taken.next_address()
        {
            lease.addresses.push(address);
            write_address(service, &Ipv4Addr::from(address).to_string());
        }
        fill_ports(service, || {
            let free = taken.next_port()?;
            lease.ports.push(free);
            Some(free)
        });
        drop(taken);
        Ok(lease)
    }

    /// Frees what `old` had and `new` (if there is one) has not.
    pub(crate) fn release(&self, old: &Value, new: Option<&Value>) {
        let had = Held::of(old);
        let has = new.map(Held::of).unwrap_or_default();
        let mut taken = self.lock();
        for address in had.addresses.difference(&has.addresses) {
            taken.addresses.remove(address);
        }
        for port in had.ports.difference(&has.ports) {
            taken.ports.remove(port);
        }
    }
}

impl Taken {
    fn claim_address(&mut self, address: u32) -> Result<(), Cause> {
        let shown = Ipv4Addr::from(address);
        let refuse = |why: &str| {
            Err(Cause {
                reason: "FieldValueInvalid",
                field: "spec.clusterIPs".to_owned(),
                message: format!(
                    "Invalid value: []string{{\"{shown}\"}}: failed to allocate IP {shown}: {why}"
                ),
            })
        };
        if !(FIRST_ADDRESS..=LAST_ADDRESS).contains(&address) {
            return refuse(&format!(
                "the provided IP ({shown}) is not in the valid range. The range of valid IPs is \
                 10.96.0.0/16"
            ));
        }
        if !self.addresses.insert(address) {
            return refuse("provided IP is already allocated");
        }
        Ok(())
    }

    fn claim_port(&mut self, port: u16) -> Result<(), String> {
        if !(FIRST_PORT..=LAST_PORT).contains(&port) {
            return Err(format!(
                "provided port is not in the valid range. The range of valid ports is \
                 {FIRST_PORT}-{LAST_PORT}"
            ));
        }
        if self.ports.insert(port) {
            Ok(())
        } else {
            Err("provided port is already allocated".to_owned())
        }
    }

    /// The next free address after the last one given out, round and round.
    fn next_address(&mut self) -> Option<u32> {
        let count = LAST_ADDRESS - FIRST_ADDRESS + 1;
        for step in 0..count {
            let address = FIRST_ADDRESS + (self.next_address + step) % count;
            if self.addresses.insert(address) {
                self.next_address = (self.next_address + step + 1) % count;
                return Some(address);
            }
        }
        None
    }

    fn next_port(&mut self) -> Option<u16> {
        let count = LAST_PORT - FIRST_PORT + 1;
        for step in 0..count {
            let port = FIRST_PORT + (self.next_port + step) % count;
            if self.ports.insert(port) {
                self.next_port = (self.next_port + step + 1) % count;
                return Some(port);
            }
        }
        None
    }
}

fn port_field(service: &Value, port: u16) -> String {
    let index = items(service, &["spec", "ports"])
        .position(|entry| entry.get("nodePort").and_then(Value::as_u64) == Some(u64::from(port)));
    match index {
        Some(index) => format!("spec.ports[{index}].nodePort"),
        None => "spec.healthCheckNodePort".to_owned(),
    }
}

fn service_type(service: &Value) -> &str {
    service.pointer("/spec/type").and_then(Value::as_str).unwrap_or("ClusterIP")
}

fn needs_address(service: &Value) -> bool {
    let stated = service.pointer("/spec/clusterIP").and_then(Value::as_str).unwrap_or_default();
    service_type(service) != "ExternalName" && stated.is_empty()
}

fn write_address(service: &mut Value, address: &str) {
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("clusterIP".to_owned(), json!(address));
        spec.insert("clusterIPs".to_owned(), json!([address]));
    }
}

/// Gives out the node ports that are still missing.
fn fill_ports(service: &mut Value, mut give: impl FnMut() -> Option<u16>) {
    let kind = service_type(service);
    let needs = kind == "NodePort"
        || (kind == "LoadBalancer"
            && service.pointer("/spec/allocateLoadBalancerNodePorts") != Some(&json!(false)));
    let health = kind == "LoadBalancer"
        && service.pointer("/spec/externalTrafficPolicy") == Some(&json!("Local"));
    let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let mut fill = |port: &mut Value| {
        if port.as_u64().unwrap_or_default() == 0
            && let Some(free) = give()
        {
            *port = json!(free);
        }
    };
    if health {
        fill(spec.entry("healthCheckNodePort").or_insert(Value::Null));
    }
    if needs && let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut) {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            fill(port.entry("nodePort").or_insert(Value::Null));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: &str, port: Value) -> Value {
        json!({"spec": {"type": kind, "ports": [port]}})
    }

    #[test]
    fn what_is_not_kept_is_free_again() {
        let addresses = Addresses::default();
        let mut one = service("NodePort", json!({"port": 80, "nodePort": 30_500}));
        drop(addresses.allocate(None, &mut one).unwrap());
        let mut two = service("NodePort", json!({"port": 80, "nodePort": 30_500}));
        addresses.allocate(None, &mut two).unwrap().keep();
        let mut three = service("NodePort", json!({"port": 80, "nodePort": 30_500}));
        let cause = addresses.allocate(None, &mut three).unwrap_err();
        assert_eq!(cause.field, "spec.ports[0].nodePort");
        assert_eq!(cause.message, "Invalid value: 30500: provided port is already allocated");
        addresses.release(&two, None);
        assert!(addresses.allocate(None, &mut three).is_ok());
    }

    #[test]
    fn a_service_gets_what_its_type_needs() {
        let addresses = Addresses::default();
        for (kind, address, port) in
            [("ClusterIP", true, false), ("NodePort", true, true), ("ExternalName", false, false)]
        {
            let mut body = service(kind, json!({"port": 80}));
            addresses.allocate(None, &mut body).unwrap().keep();
            assert_eq!(body.pointer("/spec/clusterIP").is_some(), address, "{kind}");
            assert_eq!(body.pointer("/spec/ports/0/nodePort").is_some(), port, "{kind}");
        }
    }

    #[test]
    fn a_port_out_of_range_is_refused() {
        let mut body = service("NodePort", json!({"port": 80, "nodePort": 80}));
        let cause = Addresses::default().allocate(None, &mut body).unwrap_err();
        assert!(cause.message.contains("30000-32767"), "{}", cause.message);
    }
}
