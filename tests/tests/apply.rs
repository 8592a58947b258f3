//! One application from its first sync to its last prune, on the sandbox and, where there is one, on a
//! real API server.

#![allow(missing_docs, reason = "an integration test has no public items")]

use std::time::Duration;

use engine::health::TroubleClass;
use engine::plan::RefusalKind;
use engine::sync::{NoteKind, Outcome};
use merge::{Digest, ErrorClass};
use serde_json::json;
use syncer::apply::{ApplyError, Request};
use syncer::{Client, Connection};
use tests::stage::{Stage, request};

/// Three waves: configuration, a database, a web front. `{tag}` is the web's image tag.
fn shop(namespace: &str, tag: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{greeting: hello, tag: '{tag}'}}
---
apiVersion: v1
kind: Secret
metadata: {{name: password}}
stringData: {{password: not-for-logs}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: database, annotations: {{cleat.dev/wave: '1'}}}}
spec:
  serviceName: database
  selector: {{matchLabels: {{app: database}}}}
  template:
    metadata: {{labels: {{app: database}}}}
    spec: {{containers: [{{name: database, image: 'registry.example/database:1'}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, annotations: {{cleat.dev/wave: '2'}}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, annotations: {{cleat.dev/wave: '2'}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'registry.example/web:{tag}'}}]}}
"
    )
}

async fn synced(stage: &Stage, namespace: &str) -> Request {
    let wanted = request(namespace, &shop(namespace, "1"));
    let run = stage.apply(&wanted).await;
    assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
    stage.proxy.clear();
    wanted
}

#[tokio::test]
async fn a_first_sync_goes_wave_by_wave_and_a_second_one_asks_for_lists_only() -> anyhow::Result<()>
{
    for stage in Stage::each("a first sync").await? {
        let wanted = request("first", &shop("first", "1"));
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let healthy: Vec<_> = run
            .notes
            .iter()
            .filter(|note| matches!(note.kind, NoteKind::WaveStarted | NoteKind::WaveHealthy))
            .map(|note| (note.kind, note.wave))
            .collect();
        let expected = [0, 1, 2]
            .map(Some)
            .map(|wave| [(NoteKind::WaveStarted, wave), (NoteKind::WaveHealthy, wave)]);
        assert_eq!(healthy, expected.concat(), "{}", stage.server);
        let web = stage.get("/apis/apps/v1/namespaces/first/deployments/web").await?;
        assert_eq!(web.pointer("/status/readyReplicas"), Some(&json!(2)), "{}", stage.server);
        let writes =
            stage.proxy.seen().into_iter().filter(|it| it.is_write() && !it.is_bookkeeping());
        let writes: Vec<_> = writes.map(|it| it.path).collect();
        assert!(writes.len() <= wanted.desired.len(), "{}: {writes:#?}", stage.server);

        stage.proxy.clear();
        let again = stage.apply(&wanted).await;
        assert_eq!(again.report().outcome, Outcome::NoChange, "{}", stage.server);
        for seen in stage.proxy.seen() {
            assert!(
                seen.from_cleat && !seen.is_write() && !seen.is_dry_run() && !seen.is_get_of_one(),
                "{}: {seen:?}",
                stage.server
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_new_image_rolls_out_and_a_broken_one_is_rolled_back_and_quarantined()
-> anyhow::Result<()> {
    for stage in Stage::each("a rollout and a rollback").await? {
        synced(&stage, "rollout").await;
        let second = request("rollout", &shop("rollout", "2"));
        let run = stage.apply(&second).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());

        let broken = request("rollout", &shop("rollout", "3-missing"));
        let run = stage.apply(&broken).await;
        let Outcome::RolledBack { because, to, .. } = &run.report().outcome else {
            panic!("{}: {:#?}", stage.server, run.report());
        };
        assert_eq!(to.digest, second.digest);
        let trouble = because.trouble.as_ref().expect("a pod says why");
        assert_eq!(trouble.class, TroubleClass::ImageNotFound, "{}", stage.server);
        assert!(because.message.contains("registry.example/web:3-missing"), "{because}");
        let web = stage.get("/apis/apps/v1/namespaces/rollout/deployments/web").await?;
        let image = web.pointer("/spec/template/spec/containers/0/image");
        assert_eq!(image, Some(&json!("registry.example/web:2")), "{}", stage.server);

        stage.proxy.clear();
        let again = stage.apply(&broken).await;
        let refused = again.result.expect_err("a quarantined render is refused");
        assert!(
            matches!(&refused, ApplyError::Quarantined(it) if it.render.digest == broken.digest)
        );
        assert!(refused.hint().is_some_and(|hint| hint.contains("--allow-quarantined")));
        assert!(stage.proxy.seen().iter().all(|seen| !seen.is_write()), "{}", stage.server);

        // A source that came to nothing is no wish to have nothing.
        let nothing =
            Request { desired: Vec::new(), digest: Digest::of_bytes(b""), ..second.clone() };
        let refused = stage.apply(&nothing).await.result.expect_err("nothing is refused");
        assert!(matches!(refused, ApplyError::Empty), "{refused}");
        assert!(stage.proxy.seen().iter().all(|seen| !seen.is_write()), "{}", stage.server);

        let back = stage.apply(&second).await;
        assert_eq!(back.report().outcome, Outcome::NoChange, "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn a_first_revision_that_fails_is_held() -> anyhow::Result<()> {
    for stage in Stage::each("a first revision that fails").await? {
        let broken = request("held", &shop("held", "1-missing"));
        let run = stage.apply(&broken).await;
        assert!(matches!(run.report().outcome, Outcome::Held { .. }), "{:#?}", run.report());
    }
    Ok(())
}

#[tokio::test]
async fn drift_is_healed_with_one_write() -> anyhow::Result<()> {
    for stage in Stage::each("drift").await? {
        let wanted = synced(&stage, "drift").await;
        let path = "/api/v1/namespaces/drift/configmaps/settings";
        stage.patch(path, "kubectl-edit", &json!({"data": {"greeting": "bye"}})).await?;
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let settings = stage.get(path).await?;
        assert_eq!(settings.pointer("/data/greeting"), Some(&json!("hello")), "{}", stage.server);
        let writes =
            stage.proxy.seen().into_iter().filter(|it| it.is_write() && !it.is_bookkeeping());
        assert_eq!(writes.map(|it| it.path).collect::<Vec<_>>(), [path], "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn what_git_no_longer_has_is_pruned_only_when_told() -> anyhow::Result<()> {
    for stage in Stage::each("a prune").await? {
        synced(&stage, "prune").await;
        let yaml = shop("prune", "1");
        let less: Vec<&str> =
            yaml.split("---\n").filter(|it| !it.contains("kind: Service\n")).collect();
        let mut wanted = request("prune", &less.join("---\n"));
        let path = "/api/v1/namespaces/prune/services/web";
        let kept = stage.apply(&wanted).await;
        kept.report();
        stage.get(path).await?;
        wanted.policy.prune = true;
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        assert!(run.notes.iter().any(|note| note.kind == NoteKind::Pruned), "{:#?}", run.notes);
        assert!(stage.get(path).await.is_err(), "{}: the Service is still there", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn an_object_of_somebody_else_is_not_taken_over_unasked() -> anyhow::Result<()> {
    for stage in Stage::each("an adoption").await? {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "adoption"}});
        stage.create("/api/v1/namespaces", &namespace).await?;
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings"}, "data": {"greeting": "mine"}});
        let path = "/api/v1/namespaces/adoption/configmaps";
        stage.create(path, &settings).await?;
        let mut wanted = request("adoption", &shop("adoption", "1"));
        let run = stage.apply(&wanted).await;
        let Err(ApplyError::Plan(refusals)) = &run.result else {
            panic!("{}: {:#?}", stage.server, run.result);
        };
        assert!(refusals.iter().all(|refusal| refusal.kind == RefusalKind::Adoption));
        let named: Vec<_> = refusals.iter().map(|refusal| refusal.id.name.as_str()).collect();
        assert_eq!(named, ["adoption", "settings"], "{}", stage.server);
        assert!(stage.proxy.seen().iter().all(|seen| !seen.is_write()), "{}", stage.server);

        wanted.policy.adoption = engine::policy::Adoption::Adopt;
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let settings = stage.get(&format!("{path}/settings")).await?;
        assert_eq!(settings.pointer("/data/greeting"), Some(&json!("hello")), "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn an_interrupted_sync_says_what_is_applied_and_completes_when_run_again()
-> anyhow::Result<()> {
    for stage in Stage::each("an interruption").await? {
        let wanted = request("interrupt", &shop("interrupt", "1"));
        let run = stage
            .apply_until(&wanted, |note| note.kind == NoteKind::WaveStarted && note.wave == Some(1))
            .await;
        let Outcome::Interrupted { applied, not_applied } = &run.report().outcome else {
            panic!("{}: {:#?}", stage.server, run.report());
        };
        assert!(applied.iter().any(|id| id.name == "settings"), "{applied:?}");
        assert!(not_applied.iter().any(|id| id.kind == "Deployment"), "{not_applied:?}");
        assert_eq!(applied.len() + not_applied.len(), wanted.desired.len());
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
    }
    Ok(())
}

#[tokio::test]
async fn every_problem_of_a_plan_is_told_and_nothing_is_applied() -> anyhow::Result<()> {
    for stage in Stage::each("bad input").await? {
        let yaml = "
apiVersion: shop.example/v1
kind: Nonsense
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {number: 1}
";
        let run = stage.apply(&request("default", yaml)).await;
        let error = run.result.expect_err("it cannot be applied");
        assert_eq!(error.class(), ErrorClass::User);
        let problems: Vec<String> = error.problems().into_iter().map(|(text, _)| text).collect();
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(problems[0].starts_with("shop.yaml:2: "), "{problems:#?}");
        assert!(problems[1].starts_with("shop.yaml:6: "), "{problems:#?}");
        assert!(stage.proxy.seen().iter().all(|seen| !seen.is_write()), "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_is_named() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    drop(listener);
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(
        &kubeconfig,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             clusters: [{{name: a, cluster: {{server: 'http://{address}'}}}}]\n\
             contexts: [{{name: a, context: {{cluster: a}}}}]\n"
        ),
    )?;
    let connection = Connection { kubeconfig: Some(kubeconfig), ..Connection::default() };
    let client = Client::connect(&connection).await?;
    let began = tokio::time::Instant::now();
    let error = syncer::discovery::Discovery::read(&client).await.expect_err("nobody listens");
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(error.to_string().contains(&format!("http://{address} cannot be reached")), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "a wrong address is told at once");
    Ok(())
}
