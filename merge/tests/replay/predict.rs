//! A forced dry run predicted: the recorded `live` and `desired` in, the recorded answer out.

use merge::apply::{Apply, apply};
use merge::{Schemas, defaults};
use serde_json::Value;

use crate::recorded::{body, files, managed_fields};

fn schemas() -> Schemas {
    let documents: Vec<Value> = files("predict/openapi")
        .iter()
        .map(|(_, text)| serde_json::from_str(text).unwrap())
        .collect();
    Schemas::builtin().extended(&Schemas::from_documents(&documents).unwrap())
}

#[test]
fn a_forced_apply_is_predicted() {
    let schemas = schemas();
    let (mut cases, mut refused, mut wrong) = (0, 0, Vec::new());
    for (_, text) in files("predict").iter().filter(|(name, _)| name != "definitions") {
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            cases += 1;
            if case["code"] != 200 {
                // What a server refuses for its values is not the merge's to know.
                refused += 1;
                continue;
            }
            if let Err(why) = predict(&schemas, &case) {
                wrong.push(format!("{}: {why}", case["name"]));
            }
        }
    }
    let judged = cases - refused;
    println!("predicted {} of {judged} ({refused} refused)", judged - wrong.len());
    for line in &wrong {
        println!("  {line}");
    }
    assert!(wrong.len() * 100 < judged, "more than 1 in 100 is wrong");
}

fn predict(schemas: &Schemas, case: &Value) -> Result<(), String> {
    let live = &case["live"];
    let request = Apply {
        live: Some(live),
        body: &case["desired"],
        manager: case["manager"].as_str().unwrap(),
        force: true,
        subresource: None,
        time: "2024-01-01T00:00:00Z",
    };
    let finish = |object: &mut Value| {
        defaults::fill(object);
        defaults::update(live, object);
    };
    let got = apply(schemas, &request, &finish).map_err(|error| error.to_string())?;
    let want = &case["predicted"];
    if managed_fields(&got) != managed_fields(want) {
        return Err(format!("owners: {:?} {:?}", managed_fields(&got), managed_fields(want)));
    }
    let (got, mut want) = (body(&got), body(want));
    forget_allocated(&got, &mut want);
    if got == want { Ok(()) } else { Err(format!("body:\n    {got}\n    {want}")) }
}

/// The node port of a new port is given by chance.
fn forget_allocated(got: &Value, want: &mut Value) {
    if let Some(spec) = want.get_mut("spec").and_then(Value::as_object_mut)
        && got["spec"].get("healthCheckNodePort").is_none()
    {
        spec.remove("healthCheckNodePort");
    }
    let Some(ports) = want.pointer_mut("/spec/ports").and_then(Value::as_array_mut) else {
        return;
    };
    for (place, port) in ports.iter_mut().enumerate() {
        let ours = got.pointer(&format!("/spec/ports/{place}"));
        if ours.is_some_and(|ours| ours.get("nodePort").is_none()) {
            port.as_object_mut().unwrap().remove("nodePort");
        }
    }
}
