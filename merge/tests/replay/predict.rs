//! A forced dry run predicted: the recorded `live` and `desired` in, the recorded answer out.

use std::collections::BTreeMap;

use merge::apply::{Apply, ApplyError, apply};
use merge::{Schemas, defaults};
use serde_json::Value;

use crate::normal::{comparable, differences};
use crate::recorded::files;

/// How many of a hundred bodies must be the server's.
const BAR: f64 = 99.5;

pub fn schemas() -> Schemas {
    let documents: Vec<Value> = files("predict/openapi")
        .iter()
        .map(|(_, text)| serde_json::from_str(text).unwrap())
        .collect();
    Schemas::builtin().extended(&Schemas::from_documents(&documents).unwrap())
}

/// The recorded cases, with the number of those a server refused for their values: that is not the
/// merge's to know.
pub fn cases() -> (Vec<Value>, usize) {
    let files = files("predict");
    let lines = files.iter().filter(|(name, _)| name != "definitions");
    let cases: Vec<Value> = lines
        .flat_map(|(_, text)| text.lines().map(|line| serde_json::from_str(line).unwrap()))
        .collect();
    let all = cases.len();
    let answered: Vec<Value> = cases.into_iter().filter(|case| case["code"] == 200).collect();
    let refused = all - answered.len();
    (answered, refused)
}

/// The cases whose body is known to differ, and why.
fn exceptions() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/predict/body-exceptions.yaml");
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_forced_apply_is_predicted() {
    let (schemas, mut exceptions) = (schemas(), exceptions());
    let (cases, refused) = cases();
    let (mut agreed, mut wrong) = (0_u32, Vec::new());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let known = exceptions.remove(name);
        let lines = predict(&schemas, case).map_or_else(
            |error| vec![error.to_string()],
            |got| {
                let (got, want) = comparable(&got, &case["predicted"]);
                differences(&got, &want)
            },
        );
        match (lines.is_empty(), known) {
            (true, None) => agreed += 1,
            (true, Some(why)) => wrong.push(format!("{name} agrees, but is listed: {why}")),
            (false, Some(why)) => println!("{name} is an exception: {why}\n  {lines:?}"),
            (false, None) => wrong.push(format!("{name}: {}", lines.join("\n  "))),
        }
    }
    let judged = u32::try_from(cases.len()).unwrap();
    let share = f64::from(agreed) * 100.0 / f64::from(judged);
    println!("predicted {agreed} of {judged} bodies, {share:.1} % ({refused} refused)");
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(exceptions, BTreeMap::new(), "listed, but there is no such case");
    assert!(judged >= 500, "only {judged} cases were found");
    assert!(share >= BAR, "{share:.1} % agree");
}

/// What we say the server would answer.
pub fn predict(schemas: &Schemas, case: &Value) -> Result<Value, ApplyError> {
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
    apply(schemas, &request, &finish)
}
