//! Tables of a Job's pods and what follows.

use super::*;

fn job(spec: Value) -> Value {
    let mut job = json!({"metadata": {"name": "migrate", "namespace": "shop", "uid": "j"},
        "spec": {"completions": 1, "parallelism": 1, "backoffLimit": 6,
            "template": {"metadata": {}, "spec": {"containers": [{"name": "job"}]}}},
        "status": {"startTime": "2024-01-01T00:00:00Z"}});
    for (field, value) in spec.as_object().unwrap() {
        job["spec"][field] = value.clone();
    }
    job
}

fn pod(name: &str, phase: &str) -> Arc<Value> {
    Arc::new(json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
        "status": {"phase": phase, "containerStatuses": [{"restartCount": 0, "state":
            {"terminated": {"finishedAt": "2024-01-01T00:00:00Z"}}}]}}))
}

/// Pods created, pods deleted, and the types of true conditions.
fn look(job: &Value, phases: &[&str], now: &str) -> (usize, usize, Vec<String>) {
    let pods: Vec<_> =
        phases.iter().enumerate().map(|(n, phase)| pod(&n.to_string(), phase)).collect();
    let back_off = (Duration::from_secs(10), Duration::from_mins(5));
    let plan = reconcile(job, &pods, back_off, now.parse().unwrap());
    let count = |is: fn(&Write) -> bool| plan.writes.iter().filter(|(_, write)| is(write)).count();
    let conditions = plan
        .writes
        .iter()
        .filter_map(|(_, write)| match write {
            Write::ReplaceStatus { body, .. } => Some(object::list(body, "/status/conditions")),
            _ => None,
        })
        .flatten()
        .filter(|condition| object::text(condition, "/status") == "True")
        .map(|condition| object::text(condition, "/type").to_owned())
        .collect();
    (
        count(|write| matches!(write, Write::Create { .. })),
        count(|write| matches!(write, Write::Delete { .. })),
        conditions,
    )
}

#[test]
fn pods_are_made_until_enough_have_succeeded_or_too_many_failed() {
    let (early, late) = ("2024-01-01T00:00:05Z", "2024-01-01T01:00:00Z");
    let wide = json!({"completions": 3, "parallelism": 2});
    for (name, spec, phases, now, expected) in [
        ("the first", json!({}), vec![], early, (1, 0, vec![])),
        ("it runs", json!({}), vec!["Running"], early, (0, 0, vec![])),
        (
            "it is done",
            json!({}),
            vec!["Succeeded"],
            early,
            (0, 0, vec!["SuccessCriteriaMet", "Complete"]),
        ),
        ("side by side", wide.clone(), vec![], early, (2, 0, vec![])),
        ("the last of three", wide.clone(), vec!["Succeeded", "Succeeded"], early, (1, 0, vec![])),
        ("a retry waits", json!({}), vec!["Failed"], early, (0, 0, vec![])),
        ("and comes", json!({}), vec!["Failed"], late, (1, 0, vec![])),
        (
            "no retry left",
            json!({"backoffLimit": 0}),
            vec!["Failed"],
            late,
            (0, 0, vec!["FailureTarget", "Failed"]),
        ),
        (
            "too late",
            json!({"activeDeadlineSeconds": 60}),
            vec!["Running"],
            late,
            (0, 1, vec!["FailureTarget", "Failed"]),
        ),
        ("suspended", json!({"suspend": true}), vec!["Running"], early, (0, 1, vec!["Suspended"])),
    ] {
        let found = look(&job(spec), &phases, now);
        let expected =
            (expected.0, expected.1, expected.2.into_iter().map(str::to_owned).collect());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_was_counted_is_not_run_again() {
    let mut job = job(json!({"completions": 2, "parallelism": 1}));
    job["status"]["succeeded"] = json!(1);
    assert_eq!(look(&job, &[], "2024-01-01T00:00:05Z").0, 1);
    job["status"]["succeeded"] = json!(2);
    assert_eq!(look(&job, &[], "2024-01-01T00:00:05Z").0, 0);
}

#[test]
fn a_finished_job_goes_when_its_time_is_over() {
    let mut job = job(json!({"ttlSecondsAfterFinished": 60}));
    job["status"]["conditions"] = json!([{"type": "Complete", "status": "True",
        "lastTransitionTime": "2024-01-01T00:00:00Z"}]);
    assert_eq!(look(&job, &["Succeeded"], "2024-01-01T00:00:59Z"), (0, 0, vec![]));
    assert_eq!(look(&job, &["Succeeded"], "2024-01-01T00:01:00Z"), (0, 1, vec![]));
}
