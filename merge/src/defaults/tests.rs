//! Every recorded creation, and every live object of `predict`, against what [`fill`] makes of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{fill, identify_job};
use crate::{builtin, recorded};

/// Takes out what a server allocates: identity, times, ownership, addresses and node ports.
fn without_allocated(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"]
        {
            metadata.remove(field);
        }
    }
    if object["kind"] == "Service"
        && let Some(spec) = object["spec"].as_object_mut()
    {
        let headless = spec.get("clusterIP") == Some(&json!("None"));
        if !headless {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            port.as_object_mut().unwrap().remove("nodePort");
        }
    }
}

fn first_difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys());
            names.filter(|name| left.get(*name) != right.get(*name)).find_map(|name| {
                match (left.get(name), right.get(name)) {
                    (Some(one), Some(other)) => {
                        first_difference(&format!("{path}.{name}"), one, other)
                    }
                    (one, other) => Some(format!("{path}.{name}: {one:?} against {other:?}")),
                }
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().find_map(|(index, (one, other))| {
                first_difference(&format!("{path}[{index}]"), one, other)
            })
        }
        _ => (ours != theirs).then(|| format!("{path}: {ours} against {theirs}")),
    }
}

/// What is not filled in as recorded, and why.
const EXCEPTIONS: [(&str, &str); 13] = [
    ("apply/validation-default-unknown", UNKNOWN_FIELD),
    ("apply/validation-ignore-unknown", UNKNOWN_FIELD),
    ("apply/validation-strict-case", UNKNOWN_FIELD),
    ("apply/validation-warn-unknown", UNKNOWN_FIELD),
    ("lists/kubectl-1-28-apply-dry-run", UNKNOWN_FIELD),
    ("lists/kubectl-1-33-apply-dry-run", UNKNOWN_FIELD),
    ("lists/table-jobs", UNKNOWN_FIELD),
    ("lists/table-resourcequotas", UNKNOWN_FIELD),
    ("lists/table-statefulsets", UNKNOWN_FIELD),
    ("lifecycle/pvc-protection", SERVICE_ACCOUNT),
    ("lifecycle/quota-status", SERVICE_ACCOUNT),
    ("lifecycle/service-endpoints", SERVICE_ACCOUNT),
    ("lifecycle/status-isolation", SERVICE_ACCOUNT),
];
const UNKNOWN_FIELD: &str =
    "a field the server does not know and drops; a newer one may know it, so it stays";
const SERVICE_ACCOUNT: &str = "the ServiceAccount plugin mounts a token under a random name";

#[test]
fn recorded_creations_are_filled_in_as_the_server_did() {
    let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut excepted = BTreeMap::new();
    for (name, case) in
        ["apply", "lifecycle", "errors", "watch", "lists"].into_iter().flat_map(recorded::cases)
    {
        for step in case["steps"].as_array().unwrap() {
            let (request, response) = (&step["request"], &step["response"]);
            if response["code"] != 201 || !request["body"].is_object() {
                continue;
            }
            if let Some(problem) = creation(&request["body"], &response["body"], &mut seen) {
                if let Some((case, reason)) = EXCEPTIONS.iter().find(|(case, _)| *case == name) {
                    excepted.insert(*case, reason);
                } else {
                    failures.push(format!("{name}: {problem}"));
                }
            }
        }
    }
    let good: usize = seen.values().map(|(good, _)| good).sum();
    let all: usize = seen.values().map(|(_, all)| all).sum();
    println!(
        "{good} of {all} recorded creations are filled in as the server did, by kind {seen:?}"
    );
    println!("excepted: {excepted:#?}");
    assert!(all > 600, "only {all} creations were found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(excepted.len(), EXCEPTIONS.len(), "an exception is no longer one");
}

fn creation(
    body: &Value,
    answer: &Value,
    seen: &mut BTreeMap<String, (usize, usize)>,
) -> Option<String> {
    builtin::type_of(answer)?;
    let kind = answer["kind"].as_str().unwrap_or_default().to_owned();
    let mut ours = body.clone();
    // The path names what a body may leave out.
    for field in ["name", "namespace"] {
        if let Some(value) = answer["metadata"].get(field) {
            ours["metadata"][field] = value.clone();
        }
    }
    for field in ["apiVersion", "kind"] {
        ours[field] = answer[field].clone();
    }
    fill(&mut ours);
    if kind == "Job" {
        identify_job(&mut ours, answer["metadata"]["uid"].as_str().unwrap());
        fill(&mut ours);
    }
    let mut theirs = answer.clone();
    without_allocated(&mut ours);
    without_allocated(&mut theirs);
    let difference = first_difference("", &ours, &theirs);
    let counts = seen.entry(kind.clone()).or_default();
    counts.1 += 1;
    counts.0 += usize::from(difference.is_none());
    difference.map(|difference| format!("{kind} {difference}"))
}

#[test]
fn what_is_filled_in_stays_as_it_is() {
    let mut all = 0;
    for (name, case) in recorded::predictions() {
        for object in [&case["live"], &case["predicted"]] {
            if builtin::type_of(object).is_none() {
                continue;
            }
            let mut filled = object.clone();
            fill(&mut filled);
            assert_eq!(first_difference("", &filled, object), None, "{name}");
            all += 1;
        }
    }
    println!("{all} stored objects are left as they are");
    assert!(all > 900, "only {all} objects were found");
}
