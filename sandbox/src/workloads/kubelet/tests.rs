//! Lives of pods, followed by a clock that jumps from one change to the next.

use serde_json::json;

use super::*;

fn pod(image: &str, spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"},
        "spec": {"nodeName": "n1", "restartPolicy": "Always",
            "containers": [{"name": "app", "image": image}]}});
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    pod
}

/// The states a pod passes through in so many looks: phase, each container's waiting reason or
/// state, whether it is ready, its restarts.
fn life(mut pod: Value, looks: usize) -> Vec<String> {
    let mut kubelet = Kubelet::default();
    let mut now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let mut states: Vec<String> = Vec::new();
    for _ in 0..looks {
        let plan = kubelet.tend(&pod, "192.0.2.1", &Pace::default(), now);
        for (_, write) in plan.writes {
            if let Write::ReplaceStatus { body, .. } = write {
                pod = body;
            }
        }
        let state = describe(&pod);
        if states.last() != Some(&state) {
            states.push(state);
        }
        let Some(at) = plan.wake_at else { break };
        assert!(at > now, "time goes on");
        now = at;
    }
    states
}

fn describe(pod: &Value) -> String {
    let mut text = object::text(pod, "/status/phase").to_owned();
    for status in object::list(pod, "/status/initContainerStatuses")
        .iter()
        .chain(object::list(pod, "/status/containerStatuses"))
    {
        let state = match object::text(status, "/state/waiting/reason") {
            "" if status.pointer("/state/running").is_some() => "up",
            "" => object::text(status, "/state/terminated/reason"),
            reason => reason,
        };
        let restarts = object::integer(status, "/restartCount").unwrap();
        text.push(' ');
        text.push_str(state);
        if restarts > 0 {
            text.push_str(&restarts.to_string());
        }
    }
    if pods::is_ready(pod) {
        text.push_str(" ready");
    }
    text
}

#[test]
fn each_fate_has_its_life() {
    for (name, pod, expected) in [
        ("ready", pod("app:1", json!({})), vec!["Pending ContainerCreating", "Running up ready"]),
        (
            "ready by a probe",
            pod(
                "app:1",
                json!({"containers": [{"name": "app", "image": "app:1", "readinessProbe": {}}]}),
            ),
            vec!["Pending ContainerCreating", "Running up", "Running up ready"],
        ),
        (
            "missing",
            pod("app:missing", json!({})),
            vec![
                "Pending ContainerCreating",
                "Pending ErrImagePull",
                "Pending ImagePullBackOff",
                "Pending ErrImagePull",
                "Pending ImagePullBackOff",
                "Pending ErrImagePull",
            ],
        ),
        (
            "crash",
            pod("app:crash", json!({})),
            vec![
                "Pending ContainerCreating",
                "Running up",
                "Running CrashLoopBackOff",
                "Running up1",
                "Running CrashLoopBackOff1",
                "Running up2",
            ],
        ),
        ("stuck", pod("app:stuck", json!({})), vec!["Pending ContainerCreating", "Running up"]),
        (
            "fails later",
            pod("app:fails-later", json!({})),
            vec![
                "Pending ContainerCreating",
                "Running up ready",
                "Running CrashLoopBackOff",
                "Running up1",
                "Running CrashLoopBackOff1",
                "Running up2",
            ],
        ),
        (
            "completes",
            pod("app:1", json!({"restartPolicy": "Never"})),
            vec!["Pending ContainerCreating", "Running up ready", "Succeeded Completed"],
        ),
        (
            "fails",
            pod("app:crash", json!({"restartPolicy": "Never"})),
            vec!["Pending ContainerCreating", "Running up", "Failed Error"],
        ),
        (
            "init first",
            pod("app:1", json!({"initContainers": [{"name": "init", "image": "init:1"}]})),
            vec![
                "Pending PodInitializing PodInitializing",
                "Pending up PodInitializing",
                "Pending Completed PodInitializing",
                "Running Completed up ready",
            ],
        ),
        (
            "a sidecar runs beside",
            pod(
                "app:1",
                json!({"initContainers": [
                {"name": "side", "image": "side:1", "restartPolicy": "Always"}]}),
            ),
            vec![
                "Pending PodInitializing PodInitializing",
                "Pending up PodInitializing",
                "Running up up ready",
            ],
        ),
    ] {
        let states = life(pod, 6);
        assert_eq!(states, expected, "{name}");
    }
}

#[test]
fn messages_name_the_image_and_the_container() {
    let mut kubelet = Kubelet::default();
    let mut now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let mut missing = pod("registry.example/app:2-missing", json!({}));
    let mut told = Vec::new();
    for _ in 0..3 {
        let plan = kubelet.tend(&missing, "192.0.2.1", &Pace::default(), now);
        told.extend(plan.notes.into_iter().map(|note| (note.reason, note.message)));
        let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.into_iter().next() else {
            panic!()
        };
        missing = body;
        now = plan.wake_at.unwrap();
    }
    let message = object::text(&missing, "/status/containerStatuses/0/state/waiting/message");
    assert!(message.starts_with("Back-off pulling image \"registry.example/app:2-missing\""));
    assert!(message.ends_with("registry.example/app:2-missing: not found"), "{message}");
    assert!(told.iter().any(|(reason, message)| {
        *reason == "Failed"
            && message
                .starts_with("Failed to pull image \"registry.example/app:2-missing\": rpc error")
    }));
    for (restarts, expected) in [(0, "10s"), (1, "20s"), (3, "1m20s"), (4, "2m40s"), (9, "5m0s")] {
        assert_eq!(Life::named_back_off(restarts), expected);
    }
}

#[test]
fn a_restarted_kubelet_takes_over_what_runs() {
    let mut running = pod("app:1", json!({}));
    running["status"] = json!({"phase": "Running", "podIP": "10.244.1.9", "containerStatuses": [
        {"name": "app", "ready": true, "restartCount": 2,
         "state": {"running": {"startedAt": "2024-01-01T00:00:00Z"}}}]});
    let mut kubelet = Kubelet::default();
    let now = "2024-01-01T01:00:00Z".parse().unwrap();
    let plan = kubelet.tend(&running, "192.0.2.1", &Pace::default(), now);
    assert_eq!(plan.wake_at, None);
    let Some((_, Write::ReplaceStatus { body, .. })) = plan.writes.first() else { panic!() };
    assert_eq!(describe(body), "Running up2 ready");
    assert_eq!(object::text(body, "/status/podIP"), "10.244.1.9");
    let next = kubelet.tend(
        &json!({"metadata": {"name": "x", "namespace": "shop", "uid": "x"}, "spec": {"containers":
            [{"name": "app", "image": "app:1"}]}, "status": {"containerStatuses": [{"name": "app",
            "state": {"running": {}}, "ready": true}]}}),
        "192.0.2.1",
        &Pace::default(),
        now,
    );
    let Some((_, Write::ReplaceStatus { body, .. })) = next.writes.first() else { panic!() };
    assert_eq!(describe(body), "Running up ready");
}

#[test]
fn a_deleted_pod_stops_and_goes() {
    let mut deleted = pod("app:1", json!({}));
    deleted["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:30Z");
    deleted["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    deleted["status"] = json!({"phase": "Running", "containerStatuses": [
        {"name": "app", "ready": true, "state": {"running": {}}}]});
    let mut kubelet = Kubelet::default();
    let now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let plan = kubelet.tend(&deleted, "192.0.2.1", &Pace::default(), now);
    assert_eq!(plan.writes, []);
    assert_eq!(plan.notes.first().map(|note| note.reason), Some("Killing"));
    let plan = kubelet.tend(&deleted, "192.0.2.1", &Pace::default(), plan.wake_at.unwrap());
    assert!(matches!(plan.writes.as_slice(), [(_, Write::Delete { grace: Some(0), .. })]));
    deleted["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    assert_eq!(kubelet.tend(&deleted, "192.0.2.1", &Pace::default(), now), Plan::default());
}
