//! What is compared when a recorded answer is held against ours.

use serde_json::Value;

/// Stands for a value that a server gives out by itself.
const GIVEN: &str = "given by the server";

/// Our answer and the recorded one, fit to be compared for equality. Everything counts, except:
///
/// 1. `resourceVersion` and `generation`, which a server counts;
/// 2. the order and the times of managedFields: they are a set, and whether there is a time is what
///    matters;
/// 3. what a server gives out by chance (uid, creation time, cluster address, node ports): where it has to
///    and our answer has none, the recorded one must have one, whichever it is.
pub fn comparable(ours: &Value, recorded: &Value) -> (Value, Value) {
    let (mut ours, mut recorded) = (ours.clone(), recorded.clone());
    for pointer in given(&ours) {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        if ours.pointer(&pointer).is_none()
            && let Some(fields) = ours.pointer_mut(above).and_then(Value::as_object_mut)
        {
            fields.insert(name.to_owned(), GIVEN.into());
            if let Some(value) = recorded.pointer_mut(&pointer).filter(|value| !value.is_null()) {
                *value = GIVEN.into();
            }
        }
    }
    for object in [&mut ours, &mut recorded] {
        let owners = owners(object);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
            metadata.insert("managedFields".to_owned(), owners.into());
        }
    }
    (ours, recorded)
}

/// The places where a server gives an object a value of its own.
fn given(object: &Value) -> Vec<String> {
    let mut places = vec!["/metadata/uid".to_owned(), "/metadata/creationTimestamp".to_owned()];
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if text("/kind") != "Service" || text("/spec/type") == "ExternalName" {
        return places;
    }
    if text("/spec/clusterIP").is_empty() {
        places.extend(["/spec/clusterIP", "/spec/clusterIPs"].map(str::to_owned));
    }
    let has_ports = matches!(text("/spec/type"), "NodePort" | "LoadBalancer");
    let ports = object.pointer("/spec/ports").and_then(Value::as_array).filter(|_| has_ports);
    let ports = 0..ports.map_or(0, Vec::len);
    places.extend(ports.map(|place| format!("/spec/ports/{place}/nodePort")));
    if text("/spec/type") == "LoadBalancer" && text("/spec/externalTrafficPolicy") == "Local" {
        places.push("/spec/healthCheckNodePort".to_owned());
    }
    places
}

/// An object's managedFields, sorted, their times reduced to whether there is one.
pub fn owners(object: &Value) -> Vec<Value> {
    let listed = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut entries: Vec<Value> = listed.cloned().unwrap_or_default();
    for time in entries.iter_mut().filter_map(|entry| entry.get_mut("time")) {
        *time = (!time.is_null()).into();
    }
    entries.sort_by_cached_key(Value::to_string);
    entries
}

/// Where two values differ, for whoever reads a failed test.
pub fn differences(ours: &Value, recorded: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    collect(Some(ours), Some(recorded), "", &mut lines);
    lines
}

fn collect(ours: Option<&Value>, recorded: Option<&Value>, path: &str, lines: &mut Vec<String>) {
    match (ours, recorded) {
        (Some(Value::Object(one)), Some(Value::Object(two))) => {
            let names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                collect(one.get(name), two.get(name), &format!("{path}/{name}"), lines);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(two))) => {
            for place in 0..one.len().max(two.len()) {
                collect(one.get(place), two.get(place), &format!("{path}/{place}"), lines);
            }
        }
        (ours, recorded) if ours != recorded => {
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            lines.push(format!("{path}: {}, recorded {}", text(ours), text(recorded)));
        }
        _ => {}
    }
}
