//! Recorded cases of a real API server, replayed over HTTP against a fresh sandbox each.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, and its figures are printed"
)]

use std::collections::{BTreeMap, BTreeSet};
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

/// What the cases of a group are about, as `subjects.yaml` tells.
#[derive(Debug, Deserialize)]
struct Subjects {
    /// The kinds whose merging is counted, besides custom resources.
    kinds: Vec<String>,
    /// Cases about how a request is read.
    reading: Vec<String>,
    /// Cases about what values are admitted.
    admission: Vec<String>,
}

impl Subjects {
    fn read(group: &str, cases: &[Case]) -> Self {
        let text = include_str!("../cases/replay/subjects.yaml");
        let mut all: BTreeMap<String, Self> = serde_yaml::from_str(text).unwrap();
        let subjects = all.remove(group).unwrap();
        for name in subjects.elsewhere() {
            assert!(cases.iter().any(|case| case.name == *name), "{name}: there is no such case");
        }
        subjects
    }

    fn elsewhere(&self) -> impl Iterator<Item = &String> {
        self.reading.iter().chain(&self.admission)
    }

    /// Whether a case is about merging, ownership or conflicts of the kinds.
    fn is_merging(&self, case: &Case) -> bool {
        let mut kinds = case.steps.iter().filter_map(|step| step.request.body.as_ref());
        kinds.all(|body| self.covers(body)) && !self.elsewhere().any(|name| *name == case.name)
    }

    fn covers(&self, body: &Value) -> bool {
        let (kind, version) = (body["kind"].as_str(), body["apiVersion"].as_str());
        let (Some(kind), Some(version)) = (kind, version) else { return true };
        let is_custom = version.split('/').next().unwrap().ends_with(".example.com");
        is_custom || self.kinds.iter().any(|covered| covered == kind)
    }
}

/// How many cases there are of some sort, and how many of them are equal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    equal: usize,
    of: usize,
}

impl Tally {
    fn count(&mut self, equal: bool) {
        self.equal += usize::from(equal);
        self.of += 1;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.equal, self.of)
    }
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
/// A case about merging may not be an exception.
async fn check_group(group: &str) {
    let exceptions = exceptions(group);
    let cases = cases(group).unwrap();
    let subjects = Subjects::read(group, &cases);
    let (mut merging, mut others, mut all) = (Tally::default(), Tally::default(), Tally::default());
    let mut wrong = Vec::new();
    for case in &cases {
        let differences = replay(case).await;
        let equal = differences.is_empty();
        if subjects.is_merging(case) { &mut merging } else { &mut others }.count(equal);
        all.count(equal);
        match (differences.first(), exceptions.get(&case.name)) {
            (None, None) => {}
            (None, Some(_)) => {
                wrong.push(format!("{}: is equal now; take its exception away", case.name));
            }
            (Some(first), Some(exception))
                if first.step == exception.step && !subjects.is_merging(case) =>
            {
                assert!(!exception.reason.is_empty(), "{}: an exception needs a reason", case.name);
            }
            (Some(first), _) => wrong.push(format!(
                "{} ({}): step {}\n{}",
                case.name, case.about, first.step, first.what
            )),
        }
    }
    tests::say(&format!(
        "{group}: about merging, ownership and conflicts {merging} cases equal; others {others}; all {all}"
    ));
    for name in exceptions.keys().filter(|name| !cases.iter().any(|case| case.name == **name)) {
        wrong.push(format!("{name}: there is no such case"));
    }
    assert!(
        wrong.is_empty(),
        "{} cases are not as recorded:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    assert!(merging.of > 100, "only {} cases are about merging", merging.of);
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

/// Whoever makes a Pod or a Service owns what it said and the defaults, but not what admission and
/// allocation add: as recorded in the groups that are not replayed as a whole.
#[tokio::test]
async fn what_is_posted_is_owned_as_recorded() {
    let mut posted = 0;
    for group in ["errors", "lifecycle", "lists", "watch"] {
        for mut case in cases(group).unwrap() {
            let mut made_before = BTreeSet::new();
            case.steps.retain(|step| {
                let Some(body) = &step.request.body else { return false };
                let kind = body["kind"].as_str().unwrap_or_default();
                let name =
                    step.response.body.as_ref().map(|made| made["metadata"]["name"].to_string());
                // Deletions are left out, so what is made again is not made here.
                made_before.insert((step.request.path.clone(), name))
                    && step.request.method == "POST"
                    && step.response.code == 201
                    && !step.request.query.contains_key("dryRun")
                    && matches!(kind, "Namespace" | "Pod" | "Service")
            });
            let made = |plural: &str| {
                let posts = case.steps.iter();
                posts.filter(|step| step.request.path.ends_with(&format!("/{plural}"))).count()
            };
            // The namespace of some is older than the recording.
            if made("namespaces") == 0 {
                continue;
            }
            posted += made("pods") + made("services");
            for difference in replay(&case).await {
                let owners = difference.what.lines().find(|line| line.contains("managedFields"));
                assert_eq!(owners, None, "{group}/{}: step {}", case.name, difference.step);
            }
        }
    }
    assert!(posted > 10, "only {posted} Pods and Services were made");
}
