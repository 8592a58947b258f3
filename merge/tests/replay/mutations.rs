//! The comparison compares: an answer that differs anywhere from the recorded one is told.

use serde_json::{Value, json};

use crate::normal::comparable;
use crate::predict::{cases, predict, schemas};

/// Every so-manieth case is taken.
const EVERY: usize = 11;

/// What is not compared, as `comparable` says: at these places another value is the same answer.
fn is_free(pointer: &str, recorded: &Value) -> bool {
    let time = pointer.starts_with("/metadata/managedFields/") && pointer.ends_with("/time");
    let counted = matches!(pointer, "/metadata/resourceVersion" | "/metadata/generation");
    counted || (time && recorded.is_string())
}

/// The places of all values inside, the value itself apart.
fn places(value: &Value, pointer: &str, out: &mut Vec<String>) {
    let mut visit = |name: &str, inner: &Value| {
        let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(inner, &below, out);
        out.push(below);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| visit(name, inner)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, inner)| visit(&place.to_string(), inner));
        }
        _ => {}
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!("x"),
        Value::Bool(set) => json!(!set),
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(_) | Value::Object(_) => json!(["x"]),
    }
}

fn removed(object: &mut Value, pointer: &str) {
    let (above, name) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(above).unwrap() {
        Value::Object(fields) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~")).unwrap();
        }
        Value::Array(items) => {
            items.remove(name.parse().unwrap());
        }
        _ => unreachable!("{pointer} has something above it"),
    }
}

fn added(object: &mut Value, pointer: &str) -> bool {
    match object.pointer_mut(pointer).unwrap() {
        Value::Object(fields) => {
            fields.insert("added".to_owned(), json!("x"));
        }
        Value::Array(items) => items.push(json!("x")),
        _ => return false,
    }
    true
}

fn is_same(ours: &Value, recorded: &Value) -> bool {
    let (ours, recorded) = comparable(ours, recorded);
    ours == recorded
}

#[test]
fn an_answer_that_is_changed_anywhere_is_told() {
    let schemas = schemas();
    let (mut taken, mut mutated) = (0, 0);
    for case in cases().0.iter().step_by(EVERY) {
        let (Ok(ours), recorded) = (predict(&schemas, case), &case["predicted"]) else {
            continue;
        };
        assert!(is_same(&ours, recorded), "{}", case["name"]);
        taken += 1;
        let (normal, _) = comparable(&ours, recorded);
        let mut all = Vec::new();
        places(recorded, "", &mut all);
        for pointer in &all {
            let mut tell = |how: &str, mutant: &Value| {
                mutated += 1;
                assert!(!is_same(&ours, mutant), "{}: {pointer} {how}", case["name"]);
            };
            let value = recorded.pointer(pointer).unwrap();
            let given = ours.pointer(pointer).is_none() && normal.pointer(pointer).is_some();
            if !is_free(pointer, value) && !given {
                let mut mutant = recorded.clone();
                *mutant.pointer_mut(pointer).unwrap() = changed(value);
                tell("changed", &mutant);
            }
            let mut mutant = recorded.clone();
            if !matches!(pointer.as_str(), "/metadata/resourceVersion" | "/metadata/generation") {
                removed(&mut mutant, pointer);
                tell("removed", &mutant);
            }
            let mut mutant = recorded.clone();
            if added(&mut mutant, pointer) {
                tell("added to", &mutant);
            }
        }
    }
    println!("{mutated} mutations of {taken} answers, all told");
    assert!(taken >= 40 && mutated > 10_000, "{mutated} mutations of {taken} answers");
}
