//! Recorded cases of a real API server, replayed over HTTP against a fresh sandbox each.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, and its figures are printed"
)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use sandbox::{Cluster, Options};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::recorded::replay::{self, Difference};
use tests::recorded::{Case, Response, cases};

/// A case that does not come out equal, and why that is accepted.
#[derive(Debug, Deserialize)]
struct Exception {
    /// The step it first differs at, from 0.
    step: usize,
    /// Why.
    reason: String,
}

fn exceptions(group: &str) -> BTreeMap<String, Exception> {
    let text = include_str!("../cases/replay/exceptions.yaml");
    let mut all: BTreeMap<String, BTreeMap<String, Exception>> =
        serde_yaml::from_str(text).unwrap();
    all.remove(group).unwrap_or_default()
}

/// The recordings were made without a controller manager.
fn bare_cluster() -> Cluster {
    Cluster::new(&Options { controllers: false, ..Options::default() })
}

async fn replay(case: &Case) -> Vec<Difference> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = bare_cluster().serve(loopback).await.unwrap();
    let differences = replay::run(server.addr(), case).await.unwrap();
    server.shutdown().await;
    differences
}

/// Replays a group; each case must be equal or an exception, and each exception must still be one.
async fn check_group(group: &str) {
    let exceptions = exceptions(group);
    let cases = cases(group).unwrap();
    let (mut equal, mut wrong) = (0, Vec::new());
    for case in &cases {
        let differences = replay(case).await;
        match (differences.first(), exceptions.get(&case.name)) {
            (None, None) => equal += 1,
            (None, Some(_)) => {
                equal += 1;
                wrong.push(format!("{}: is equal now; take its exception away", case.name));
            }
            (Some(first), Some(exception)) if first.step == exception.step => {
                assert!(!exception.reason.is_empty(), "{}: an exception needs a reason", case.name);
            }
            (Some(first), _) => wrong.push(format!(
                "{} ({}): step {}\n{}",
                case.name, case.about, first.step, first.what
            )),
        }
    }
    tests::say(&format!("{group}: {equal} of {} cases equal", cases.len()));
    for name in exceptions.keys().filter(|name| !cases.iter().any(|case| case.name == **name)) {
        wrong.push(format!("{name}: there is no such case"));
    }
    assert!(
        wrong.is_empty(),
        "{} cases are not as recorded:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[tokio::test]
async fn server_side_apply_answers_as_recorded() {
    check_group("apply").await;
}

/// The replay can fail: an answer with one value changed anywhere is a difference.
#[tokio::test]
async fn a_mutated_answer_is_noticed() {
    let exceptions = exceptions("apply");
    let mut mutated = 0;
    for case in cases("apply").unwrap().iter().filter(|case| !exceptions.contains_key(&case.name)) {
        let answers: Vec<Response> = case.steps.iter().map(|step| step.response.clone()).collect();
        assert!(replay::compare(case, &answers).is_empty(), "{}: equals itself", case.name);
        for (index, answer) in answers.iter().enumerate() {
            let mut answers = answers.clone();
            answers[index] = mutate(answer);
            let found = replay::compare(case, &answers);
            assert!(
                found.iter().any(|difference| difference.step == index),
                "{}: a change of step {index} went unnoticed",
                case.name
            );
            mutated += 1;
        }
    }
    assert!(mutated > 500, "only {mutated} answers were mutated");
}

/// Changes the last plain value of an answer that is not one a server gives out.
fn mutate(answer: &Response) -> Response {
    let mut answer = answer.clone();
    match &mut answer.body {
        Some(Value::Object(body)) if body.contains_key("message") => {
            body.insert("message".to_owned(), json!("something else"));
        }
        Some(Value::Object(body)) => {
            body.insert("extra".to_owned(), json!(1));
        }
        _ => answer.code += 1,
    }
    answer
}
