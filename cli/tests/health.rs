//! `cleat health` as its users meet it: files, streams, kubectl's lists, and exit codes.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Exit code, standard output, standard error.
fn health(args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cleat"))
        .arg("health")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may have closed its input already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A Deployment whose one pod cannot pull its image, as `kubectl get -o json` lists it.
fn stuck() -> String {
    let owner = |kind: &str, uid: &str| {
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": uid,
            "controller": true}])
    };
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:2"}]}});
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
        {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "d", "generation": 1,
                "managedFields": [{"manager": "cleat", "operation": "Apply"}]},
            "spec": {"replicas": 1, "template": template},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "web-1", "namespace": "shop", "uid": "r", "generation": 1,
                "ownerReferences": owner("Deployment", "d")},
            "spec": {"replicas": 1, "template": template},
            "status": {"observedGeneration": 1, "replicas": 1}},
        {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-1-a", "namespace": "shop", "uid": "p",
                "ownerReferences": owner("ReplicaSet", "r")},
            "spec": {"containers": [{"name": "app", "image": "registry.example/app:2"}]},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "ready": false,
                "restartCount": 0, "image": "registry.example/app:2",
                "state": {"waiting": {"reason": "ErrImagePull",
                    "message": "registry.example/app:2: not found"}}}]}},
    ]})
    .to_string()
}

const WELL: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\n";

#[test]
fn healthy_objects_end_in_success() {
    let (code, out, err) = health(&["-f", "-"], WELL);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "✓ Healthy      configmap/settings in shop  exists\n");
}

#[test]
fn an_owner_tells_what_its_pod_says() {
    let (code, out, _) = health(&["-f", "-"], &stuck());
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "✗ Degraded     deployment.apps/web in shop  0 of 1 updated pods available; \
         pod/web-1-a in shop, container app, image registry.example/app:2: \
         ErrImagePull: registry.example/app:2: not found\n"
    );
}

#[test]
fn json_lists_every_object_with_these_fields() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("live.json");
    std::fs::write(&file, stuck()).unwrap();
    let files = ["-f", file.to_str().unwrap(), "-f", "-", "-o", "json"];
    let (code, out, _) = health(&files, WELL);
    assert_eq!(code, 1);
    let list: Vec<Value> = serde_json::from_str(&out).unwrap();
    let mut kinds: Vec<_> = list.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["ConfigMap", "Deployment", "Pod", "ReplicaSet"]);
    for entry in &list {
        let fields: Vec<_> = entry.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["apiVersion", "kind", "message", "name", "namespace", "status"];
        assert_eq!(fields, expected, "{entry}");
    }
}

#[test]
fn input_that_cannot_be_read_is_named_with_its_line() {
    let (code, out, err) = health(&["-f", "-"], "apiVersion: v1\nkind: ConfigMap\n\tname: x\n");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("-:3"), "{err}");
    let (code, _, err) = health(&["-f", "/does/not/exist.yaml"], "");
    assert_eq!(code, 2);
    assert!(err.contains("/does/not/exist.yaml"), "{err}");
    let (code, _, _) = health(&[], "");
    assert_eq!(code, 2, "what to read must be said");
}
