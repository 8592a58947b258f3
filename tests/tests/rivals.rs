//! What others do to an application while it is being synced: other runs, other people, other
//! applications. None of it is overwritten or deleted unseen.

#![allow(missing_docs, reason = "an integration test has no public items")]

use std::sync::Arc;

use engine::policy::Adoption;
use engine::sync::Outcome;
use http::Method;
use merge::ErrorClass;
use serde_json::{Value, json};
use syncer::apply::Request;
use tests::proxy::{Moment, Seen, Then};
use tests::stage::{Run, Stage, request};
use tokio::sync::Notify;

/// A first wave that takes a second to become ready, and a second one with a ConfigMap. There is time
/// for others between the two.
fn slow(namespace: &str, tag: &str, greeting: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata:
      labels: {{app: web}}
      annotations: {{sandbox.cleat.dev/ready-after: 1s}}
    spec: {{containers: [{{name: web, image: 'registry.example/web:{tag}'}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, annotations: {{cleat.dev/wave: '1'}}}}
data: {{greeting: {greeting}}}
"
    )
}

const SERVICE: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: extra}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// Applies, and does something else as soon as the Deployment of the first wave has been written.
async fn meanwhile<T>(
    stage: &Stage,
    wanted: &Request,
    other: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(Run, T)> {
    let written = Arc::new(Notify::new());
    let writing = Arc::clone(&written);
    stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
        let rolls_out = seen.method == Method::PATCH && seen.path.ends_with("/deployments/web");
        if moment == Moment::After && rolls_out && !seen.is_dry_run() {
            writing.notify_one();
        }
        Then::Go
    })));
    let other = async {
        written.notified().await;
        other.await
    };
    let (run, done) = tokio::join!(stage.apply(wanted), other);
    stage.proxy.on_request(None);
    Ok((run, done?))
}

fn greeting(settings: &Value) -> Option<&str> {
    settings.pointer("/data/greeting")?.as_str()
}

#[tokio::test]
async fn a_run_that_was_overtaken_does_not_overwrite_what_its_successor_decided()
-> anyhow::Result<()> {
    for stage in Stage::each("an overtaken run").await? {
        let older = request("overtaken", &slow("overtaken", "1", "older"));
        let newer = request("overtaken", &slow("overtaken", "1", "newer"));
        let (overtaken, newest) =
            meanwhile(&stage, &older, async { Ok(Box::pin(stage.apply(&newer)).await) }).await?;
        let Outcome::Failed { because, .. } = &overtaken.report().outcome else {
            panic!("{}: {:#?}", stage.server, overtaken.report());
        };
        assert!(because.message.contains("another run"), "{because}");
        let outcome = &newest.report().outcome;
        assert!(matches!(outcome, Outcome::Healthy { .. }), "{}: {outcome:#?}", stage.server);
        let settings = stage.get("/api/v1/namespaces/overtaken/configmaps/settings").await?;
        assert_eq!(greeting(&settings), Some("newer"), "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn what_somebody_made_after_the_plan_is_left_as_it_is() -> anyhow::Result<()> {
    for stage in Stage::each("a creation").await? {
        let wanted = request("latecomer", &slow("latecomer", "1", "ours"));
        // It shares no field with ours, so that an apply would not even be a conflict.
        let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings"}, "data": {"theirs": "yes"}});
        let path = "/api/v1/namespaces/latecomer/configmaps";
        let (run, _) = meanwhile(&stage, &wanted, stage.create(path, &theirs)).await?;
        let Outcome::Failed { because, .. } = &run.report().outcome else {
            panic!("{}: {:#?}", stage.server, run.report());
        };
        assert_eq!(because.class, ErrorClass::Conflict, "{}: {because}", stage.server);
        assert!(because.message.contains("somebody else has made it"), "{because}");
        let settings = stage.get(&format!("{path}/settings")).await?;
        assert_eq!(settings["data"], theirs["data"], "{}", stage.server);
        assert_eq!(settings.pointer("/metadata/annotations"), None, "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn what_another_application_took_over_meanwhile_is_not_deleted() -> anyhow::Result<()> {
    for stage in Stage::each("a takeover").await? {
        let before = slow("takeover", "1", "hello") + SERVICE;
        stage.apply(&request("takeover", &before)).await.report();
        let mut less = request("takeover", &slow("takeover", "2", "hello"));
        less.policy.prune = true;
        let path = "/api/v1/namespaces/takeover/services/extra";
        let mark = json!({"metadata": {"annotations": {
            "cleat.dev/owned-by": "takeover/blog:Service/takeover/extra"}}});
        let (run, _) = meanwhile(&stage, &less, stage.patch(path, "cleat-blog", &mark)).await?;
        let Outcome::Healthy { not_pruned } = &run.report().outcome else {
            panic!("{}: {:#?}", stage.server, run.report());
        };
        assert_eq!(not_pruned.len(), 1, "{}: {not_pruned:#?}", stage.server);
        let extra = stage.get(path).await?;
        assert_eq!(extra.pointer("/metadata/deletionTimestamp"), None, "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn a_rollback_does_not_delete_what_the_failed_revision_adopted() -> anyhow::Result<()> {
    for stage in Stage::each("an adoption that is rolled back").await? {
        let good = slow("legacy", "1", "hello");
        stage.apply(&request("legacy", &good)).await.report();
        let theirs = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "extra"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]}});
        let path = "/api/v1/namespaces/legacy/services";
        stage.create(path, &theirs).await?;
        let mut bad = request("legacy", &(slow("legacy", "2-missing", "hello") + SERVICE));
        bad.policy.adoption = Adoption::Adopt;
        bad.policy.prune = true;
        let run = stage.apply(&bad).await;
        let outcome = &run.report().outcome;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{}: {outcome:#?}", stage.server);
        assert!(stage.find(&format!("{path}/extra")).await?.is_some(), "{}", stage.server);
        // Nor does the next sync, which never had it either.
        let mut next = request("legacy", &slow("legacy", "3", "hello"));
        next.policy.prune = true;
        stage.apply(&next).await.report();
        assert!(stage.find(&format!("{path}/extra")).await?.is_some(), "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn a_bundle_that_was_deleted_is_stored_again_and_there_is_a_way_back() -> anyhow::Result<()> {
    for stage in Stage::each("a deleted bundle").await? {
        let good = request("bundle", &slow("bundle", "1", "hello"));
        stage.apply(&good).await.report();
        let path = "/api/v1/namespaces/bundle/secrets";
        let secrets = stage.get(path).await?;
        let names = secrets["items"].as_array().into_iter().flatten();
        let bundles = names
            .filter_map(|secret| secret.pointer("/metadata/name")?.as_str())
            .filter(|name| name.starts_with("cleat.shop.bundle-"));
        for name in bundles {
            let request = http::Request::delete(format!("{path}/{name}")).body(Vec::new())?;
            let _: Value = stage.direct.request(request).await?;
        }
        stage.apply(&good).await.report();
        let bad = request("bundle", &slow("bundle", "2-missing", "hello"));
        let run = stage.apply(&bad).await;
        let outcome = &run.report().outcome;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{}: {outcome:#?}", stage.server);
    }
    Ok(())
}
