//! Events, which the core group and `events.k8s.io` name differently
//! (`k8s.io/kubernetes/pkg/apis/events/v1/conversion.go`).

use serde_json::{Map, Value};

/// Core name, then the name in `events.k8s.io`.
const FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

pub(super) fn to_events(object: &mut Value) {
    if let Value::Object(map) = object {
        rename(map, FIELDS.iter().map(|(core, events)| (*core, *events)));
    }
}

pub(super) fn to_core(object: &mut Value) {
    if let Value::Object(map) = object {
        rename(map, FIELDS.iter().map(|(core, events)| (*events, *core)));
    }
}

fn rename<'a>(map: &mut Map<String, Value>, names: impl Iterator<Item = (&'a str, &'a str)>) {
    for (from, to) in names {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}
