//! Making two runs of one case comparable.
//!
//! A server gives out values that differ from run to run. Each is replaced by what it *means* in its
//! case, for the recording and for the replay alike:
//!
//! | value | becomes |
//! |---|---|
//! | uids | the order they first appear in |
//! | resourceVersions | their rank among all of the case |
//! | times | one word |
//! | cluster IPs and node ports | the order they first appear in |
//! | random ends of generated names | one word |
//! | `managedFields`, and the causes of a `Status` | sorted: they are sets |
//!
//! Nothing else is touched, nothing is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Response;

/// What a case's values mean.
#[derive(Debug, Default)]
pub struct Normal {
    seen: BTreeMap<&'static str, Vec<String>>,
    versions: BTreeSet<u64>,
}

impl Normal {
    /// Normalises the answers of one whole run.
    pub fn run(responses: &[Response]) -> Vec<Response> {
        let mut normal = Self::default();
        for response in responses {
            if let Some(body) = &response.body {
                normal.collect_versions(body);
            }
        }
        responses
            .iter()
            .map(|response| Response {
                code: response.code,
                body: response.body.clone().map(|mut body| {
                    normal.rewrite(&mut body);
                    body
                }),
                body_text: response.body_text.clone(),
            })
            .collect()
    }

    fn collect_versions(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                let version = map.get("resourceVersion").and_then(Value::as_str);
                self.versions.extend(version.and_then(|text| text.parse::<u64>().ok()));
                map.values().for_each(|value| self.collect_versions(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.collect_versions(value)),
            _ => {}
        }
    }

    fn order(&mut self, what: &'static str, value: &str) -> Value {
        let seen = self.seen.entry(what).or_default();
        let index = seen.iter().position(|one| one == value).unwrap_or_else(|| {
            seen.push(value.to_owned());
            seen.len() - 1
        });
        Value::String(format!("<{what} {index}>"))
    }

    fn rewrite(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                let generated = map.get("generateName").and_then(Value::as_str).map(str::to_owned);
                for (key, value) in map.iter_mut() {
                    match (key.as_str(), &*value) {
                        ("resourceVersion", Value::String(text)) => {
                            if let Ok(version) = text.parse::<u64>() {
                                let rank = self.versions.range(..version).count();
                                *value = Value::String(format!("<version {rank}>"));
                            }
                        }
                        ("name", Value::String(text))
                            if is_generated(text, generated.as_deref()) =>
                        {
                            *value = Value::String("<generated>".to_owned());
                        }
                        ("nodePort" | "healthCheckNodePort", Value::Number(port)) => {
                            let port = port.to_string();
                            *value = self.order("port", &port);
                        }
                        _ => self.rewrite(value),
                    }
                    let sorts = matches!(key.as_str(), "managedFields" | "causes");
                    if let (true, Value::Array(list)) = (sorts, value) {
                        list.sort_by_key(Value::to_string);
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.rewrite(value)),
            Value::String(text) => {
                if is_uid(text) {
                    *value = self.order("uid", &text.clone());
                } else if is_cluster_ip(text) {
                    *value = self.order("address", &text.clone());
                } else if text.parse::<jiff::Timestamp>().is_ok() {
                    *value = Value::String("<time>".to_owned());
                }
            }
            _ => {}
        }
    }
}

fn is_generated(name: &str, base: Option<&str>) -> bool {
    base.and_then(|base| name.strip_prefix(base)).is_some_and(|end| end.len() == 5)
}

fn is_uid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_cluster_ip(text: &str) -> bool {
    text.starts_with("10.96.") && text.parse::<std::net::Ipv4Addr>().is_ok()
}
