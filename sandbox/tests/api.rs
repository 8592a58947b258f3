//! The API as a client sees it, in process: requests go to the tower service.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's helpers fail by panicking, and its figures are printed"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use sandbox::{Body, Cluster, Dropped, HookAction, Options, Verb};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn ask(
    cluster: &Cluster,
    method: &str,
    uri: &str,
    content_type: &str,
    body: &Value,
) -> Result<http::Response<Body>, Dropped> {
    let bytes = if body.is_null() { String::new() } else { body.to_string() };
    let request = http::Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type)
        .header("user-agent", "test/1.0")
        .body(Full::new(bytes::Bytes::from(bytes)))
        .unwrap();
    cluster.service().oneshot(request).await
}

async fn send(cluster: &Cluster, method: &str, uri: &str, body: Value) -> (u16, Value) {
    let media = match method {
        "PATCH" if uri.contains("fieldManager") => "application/apply-patch+yaml",
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let response = ask(cluster, method, uri, media, &body).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn ok(cluster: &Cluster, method: &str, uri: &str, body: Value) -> Value {
    let (code, answer) = send(cluster, method, uri, body).await;
    assert!(code < 300, "{method} {uri}: {answer}");
    answer
}

/// The next event of a watch.
async fn event(watch: &mut Body) -> Option<Value> {
    let frame = watch.frame().await?.unwrap();
    Some(serde_json::from_slice(frame.data_ref().unwrap()).unwrap())
}

async fn watch(cluster: &Cluster, uri: &str) -> Body {
    ask(cluster, "GET", uri, "", &Value::Null).await.unwrap().into_body()
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}})
}

fn owned(name: &str, owner: &Value) -> Value {
    let mut body = map(name, json!({}));
    body["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true}]);
    body
}

fn cluster() -> Cluster {
    Cluster::new(&Options { seed: Some(1), ..Options::default() })
}

#[tokio::test]
async fn a_watch_tells_what_enters_changes_and_leaves_its_selection() {
    let cluster = cluster();
    ok(&cluster, "POST", MAPS, map("in", json!({"on": "yes"}))).await;
    let list = ok(&cluster, "GET", &format!("{MAPS}?labelSelector=on%3Dyes"), Value::Null).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let uri = format!("{MAPS}?watch=true&labelSelector=on%3Dyes&resourceVersion={version}");
    let mut watch = watch(&cluster, &uri).await;
    ok(&cluster, "POST", MAPS, map("out", json!({}))).await;
    let one = |name: &str| format!("{MAPS}/{name}");
    ok(&cluster, "PATCH", &one("out"), json!({"metadata": {"labels": {"on": "yes"}}})).await;
    ok(&cluster, "PATCH", &one("out"), json!({"data": {"a": "2"}})).await;
    ok(&cluster, "PATCH", &one("out"), json!({"metadata": {"labels": null}})).await;
    ok(&cluster, "DELETE", &one("in"), Value::Null).await;
    let mut last = version.parse::<u64>().unwrap();
    for (kind, name) in
        [("ADDED", "out"), ("MODIFIED", "out"), ("DELETED", "out"), ("DELETED", "in")]
    {
        let event = event(&mut watch).await.unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["metadata"]["name"]),
            (&json!(kind), &json!(name))
        );
        let version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap();
        let version = version.parse::<u64>().unwrap();
        assert!(version > last, "versions only rise");
        last = version;
    }
}

#[tokio::test]
async fn a_watch_from_before_the_kept_history_is_told_so() {
    let cluster = Cluster::new(&Options { history: 4, ..Options::default() });
    for index in 0..8 {
        ok(&cluster, "POST", MAPS, map(&format!("m{index}"), json!({}))).await;
    }
    let mut watch = watch(&cluster, &format!("{MAPS}?watch=true&resourceVersion=1")).await;
    let event_ = event(&mut watch).await.unwrap();
    assert_eq!((&event_["type"], &event_["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(event(&mut watch).await.is_none(), "the stream ends");
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let cluster = cluster();
    ok(&cluster, "POST", MAPS, map("one", json!({}))).await;
    let uri = format!(
        "{MAPS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
         &resourceVersionMatch=NotOlderThan"
    );
    let mut watch = watch(&cluster, &uri).await;
    assert_eq!(event(&mut watch).await.unwrap()["type"], "ADDED");
    let end = event(&mut watch).await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn pages_hold_every_object_once() {
    let cluster = cluster();
    for index in 0..7 {
        ok(&cluster, "POST", MAPS, map(&format!("m{index}"), json!({}))).await;
    }
    let (mut names, mut next) = (Vec::new(), String::new());
    loop {
        let uri = format!("{MAPS}?limit=3&continue={next}");
        let page = ok(&cluster, "GET", &uri, Value::Null).await;
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["metadata"]["name"].clone()));
        match page["metadata"]["continue"].as_str() {
            Some(token) => token.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(names, (0..7).map(|index| json!(format!("m{index}"))).collect::<Vec<_>>());
}

#[tokio::test]
async fn dependents_go_with_their_owner_in_each_way() {
    for (policy, dependent_stays) in
        [("Background", false), ("Foreground", false), ("Orphan", true)]
    {
        let cluster = cluster();
        let owner = ok(&cluster, "POST", MAPS, map("owner", json!({}))).await;
        ok(&cluster, "POST", MAPS, owned("child", &owner)).await;
        let uri = format!("{MAPS}/owner?propagationPolicy={policy}");
        ok(&cluster, "DELETE", &uri, Value::Null).await;
        let (owner, _) = send(&cluster, "GET", &format!("{MAPS}/owner"), Value::Null).await;
        let (child, body) = send(&cluster, "GET", &format!("{MAPS}/child"), Value::Null).await;
        assert_eq!(owner, 404, "{policy}");
        assert_eq!(child == 200, dependent_stays, "{policy}");
        assert_eq!(body["metadata"]["ownerReferences"], Value::Null, "{policy}");
    }
}

#[tokio::test]
async fn a_foreground_deletion_waits_for_a_dependent_that_is_held() {
    let cluster = cluster();
    let owner = ok(&cluster, "POST", MAPS, map("owner", json!({}))).await;
    let mut child = owned("child", &owner);
    child["metadata"]["finalizers"] = json!(["example.com/hold"]);
    ok(&cluster, "POST", MAPS, child).await;
    let held =
        ok(&cluster, "DELETE", &format!("{MAPS}/owner?propagationPolicy=Foreground"), Value::Null)
            .await;
    assert_eq!(held["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let free = json!({"metadata": {"finalizers": null}});
    ok(&cluster, "PATCH", &format!("{MAPS}/child"), free).await;
    assert_eq!(send(&cluster, "GET", &format!("{MAPS}/owner"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_namespace_is_emptied_and_takes_nothing_new_meanwhile() {
    let cluster = cluster();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    ok(&cluster, "POST", "/api/v1/namespaces", namespace).await;
    let maps = "/api/v1/namespaces/shop/configmaps";
    let mut held = map("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    ok(&cluster, "POST", maps, held).await;
    ok(&cluster, "POST", maps, map("plain", json!({}))).await;
    let gone = ok(&cluster, "DELETE", "/api/v1/namespaces/shop", Value::Null).await;
    assert_eq!(gone["status"]["phase"], "Terminating");
    assert_eq!(send(&cluster, "GET", &format!("{maps}/plain"), Value::Null).await.0, 404);
    let (code, refused) = send(&cluster, "POST", maps, map("late", json!({}))).await;
    assert_eq!(code, 403, "{refused}");
    let free = json!({"metadata": {"finalizers": null}});
    ok(&cluster, "PATCH", &format!("{maps}/held"), free).await;
    assert_eq!(send(&cluster, "GET", "/api/v1/namespaces/shop", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_deletion_keeps_to_its_conditions() {
    let cluster = cluster();
    let live = ok(&cluster, "POST", MAPS, map("one", json!({}))).await;
    for (field, value) in
        [("uid", "11111111-1111-1111-1111-111111111111"), ("resourceVersion", "1")]
    {
        let options = json!({"preconditions": {field: value}});
        let (code, _) = send(&cluster, "DELETE", &format!("{MAPS}/one"), options).await;
        assert_eq!(code, 409, "{field}");
    }
    let options = json!({"preconditions": {"uid": live["metadata"]["uid"],
        "resourceVersion": live["metadata"]["resourceVersion"]}});
    ok(&cluster, "DELETE", &format!("{MAPS}/one"), options).await;
}

#[tokio::test]
async fn what_is_tried_is_not_kept() {
    let cluster = cluster();
    let uri = format!("{MAPS}/one?fieldManager=cleat&dryRun=All");
    let tried = ok(&cluster, "PATCH", &uri, map("one", json!({}))).await;
    assert_eq!(tried["metadata"]["resourceVersion"], Value::Null);
    assert_eq!(send(&cluster, "GET", &format!("{MAPS}/one"), Value::Null).await.0, 404);
    let log = cluster.requests();
    let entry = log.iter().find(|entry| entry.verb == Verb::Apply).unwrap();
    assert!(entry.dry_run && !entry.is_real_write());
    assert_eq!(entry.field_manager.as_deref(), Some("cleat"));
    assert_eq!((entry.resource.as_str(), entry.code), ("configmaps", Some(201)));
    assert_eq!(entry.user_agent, "test/1.0");
}

#[tokio::test]
async fn an_unchanged_apply_is_no_change() {
    let cluster = cluster();
    let uri = format!("{MAPS}/one?fieldManager=cleat");
    let first = ok(&cluster, "PATCH", &uri, map("one", json!({}))).await;
    let second = ok(&cluster, "PATCH", &uri, map("one", json!({}))).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_hook_drops_before_and_after_the_effect() {
    for (drop_at, exists) in [(None, false), (Some(201), true)] {
        let cluster = cluster();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        cluster.on_request(Arc::new(move |request| {
            count.fetch_add(1, Ordering::SeqCst);
            let wanted = request.verb == Verb::Create && request.code == drop_at;
            if wanted { HookAction::Drop } else { HookAction::Continue }
        }));
        let body = map("one", json!({}));
        let answer = ask(&cluster, "POST", MAPS, "application/json", &body).await;
        assert_eq!(answer.err(), Some(Dropped));
        let (code, _) = send(&cluster, "GET", &format!("{MAPS}/one"), Value::Null).await;
        assert_eq!(code == 200, exists, "dropped at {drop_at:?}");
        assert!(seen.load(Ordering::SeqCst) >= 3);
    }
}

#[tokio::test]
async fn two_writers_of_one_object_lose_nothing() {
    let cluster = cluster();
    ok(&cluster, "POST", MAPS, map("one", json!({}))).await;
    let writes = (0..32).map(|index| {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            let patch = json!({"data": {format!("k{index}"): "v"}});
            ok(&cluster, "PATCH", &format!("{MAPS}/one"), patch).await;
        })
    });
    futures::future::join_all(writes).await.into_iter().for_each(Result::unwrap);
    let live = ok(&cluster, "GET", &format!("{MAPS}/one"), Value::Null).await;
    assert_eq!(live["data"].as_object().unwrap().len(), 33);
}
