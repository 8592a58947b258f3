//! What cannot be told without the server, and what it says.

use std::sync::Arc;

use anyhow::ensure;
use http::Method;
use serde_json::{Value, json};
use tests::proxy::{Hook, Moment, Then};
use tests::stage::Write;

use crate::scene::{Scene, definition, paths, widget};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_of_a_custom_kind_is_no_drift_and_nobody_is_asked() {
    for scene in Scene::each("a custom kind's default", "asked-defaults").await.unwrap() {
        let group = "defaults.example";
        let objects =
            [definition(group), widget(&format!("{group}/v1"), &json!({"colour": "red"}))];
        let run = async {
            scene.apply(&objects).await?;
            let path = format!("/apis/{group}/v1/namespaces/{}/widgets/a", scene.namespace);
            let live = scene.stage.get(&path).await?;
            ensure!(live["spec"]["size"] == 3, "the server fills in: {live}");
            scene.compare("--ask differs", &objects, 0, 0, "a").await?;
            // No record vouches for it: it is compared by the schemas of the server.
            let records = format!("/api/v1/namespaces/{}/secrets", scene.namespace);
            let list = scene.stage.get(&records).await?;
            for secret in list["items"].as_array().into_iter().flatten() {
                let name = secret["metadata"]["name"].as_str().unwrap_or_default();
                let request = http::Request::delete(format!("{records}/{name}")).body(Vec::new())?;
                scene.stage.direct.request::<Value>(request).await?;
            }
            let found = scene.compare("--ask differs", &objects, 0, 0, "a").await?;
            ensure!(paths(&found).is_empty(), "{found}");
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_without_a_schema_is_asked_about_and_the_answer_outlives_the_process() {
    for scene in Scene::each("an unknown schema", "asked-unknown").await.unwrap() {
        let group = "unknown.example";
        let sized = |size: u8| widget(&format!("{group}/v1"), &json!({"size": size}));
        let run = async {
            // Not the application's own definition, of which it would have the schema.
            scene.define(group).await?;
            scene.apply(&[sized(3)]).await?;
            let refusing: Hook = Arc::new(|seen, moment| {
                let is_schema = seen.path.starts_with("/openapi");
                if moment == Moment::Before && is_schema {
                    Then::Refuse(403, "schemas are secret")
                } else {
                    Then::Go
                }
            });
            scene.stage.proxy.on_request(Some(refusing));
            let wanted = [sized(4)];
            let found = scene.compare("", &wanted, 1, 1, "a").await?;
            ensure!(found["verdict"] == "differs" && paths(&found) == [".spec.size"], "{found}");
            let found = scene.compare("--ask never", &wanted, 1, 0, "a").await?;
            ensure!(found["action"] == "update", "{found}");

            // A policy pins the size, so the server makes nothing of the change.
            scene.stage.proxy.on_body(Some(Arc::new(|seen, body| {
                if seen.path.contains("/widgets/")
                    && let Some(size) = body.pointer_mut("/spec/size")
                {
                    *size = json!(3);
                }
            })));
            let found = scene.compare("", &wanted, 0, 1, "a").await?;
            ensure!(found["action"] == "unchanged", "{found}");
            let first = scene.apply(&wanted).await?;
            let writes = first.seen.iter().filter(|it| it.is_write() && !it.is_bookkeeping());
            ensure!(writes.count() == 0, "{:#?}", first.seen);
            // The record vouches from now on.
            let found = scene.compare("", &wanted, 0, 0, "a").await?;
            ensure!(found["serverMutated"].as_array().map(Vec::len) == Some(1), "{found}");
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_ours_in_another_version_of_a_custom_kind_is_asked_about() {
    for scene in Scene::each("another apiVersion", "asked-version").await.unwrap() {
        let group = "versions.example";
        let old = widget(&format!("{group}/v1"), &json!({"colour": "red", "shape": "round"}));
        let new = widget(&format!("{group}/v2"), &json!({"colour": "red"}));
        let run = async {
            scene.apply(&[definition(group), old]).await?;
            let wanted = [definition(group), new];
            let found = scene.compare("", &wanted, 1, 1, "a").await?;
            ensure!(found["verdict"] == "differs" && paths(&found) == [".spec.shape"], "{found}");
            scene.apply(&wanted).await?;
            scene.compare("--ask differs", &wanted, 0, 0, "a").await?;
            let path = format!("/apis/{group}/v2/namespaces/{}/widgets/a", scene.namespace);
            let live = scene.stage.get(&path).await?;
            ensure!(live["spec"]["shape"].is_null(), "{live}");
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_with_its_place_and_asked_for_once() {
    for scene in Scene::each("duplicate keys", "asked-duplicates").await.unwrap() {
        let deployment = |env: &Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": "example/web:1", "env": env}]}}}})
        };
        let run = async {
            let wanted = [deployment(&json!([{"name": "A", "value": "1"}]))];
            scene.apply(&wanted).await?;
            let all = format!("/apis/apps/v1/namespaces/{}/deployments", scene.namespace);
            let one = format!("{all}/web");
            let mark = scene.stage.get(&one).await?["metadata"]["annotations"].clone();
            let request = http::Request::delete(&one).body(Vec::new())?;
            scene.stage.direct.request::<Value>(request).await?;
            let mut twice =
                deployment(&json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]));
            twice["metadata"]["annotations"] = mark;
            while scene.stage.find(&one).await?.is_some() {
                tokio::task::yield_now().await;
            }
            scene.stage.create(&all, &twice).await?;
            let asked = scene.stage.write(Write::Apply, &one, "somebody", &wanted[0]).await;
            if asked.is_ok() {
                tests::say(&format!("{}: takes such keys", scene.stage.server));
                return Ok(());
            }
            for (verb, code) in [("diff", 1), ("plan", 2), ("apply --bake 0s", 2)] {
                let told = scene.cleat(verb, &wanted, code).await?;
                let said = &told.ended.stderr;
                ensure!(
                    said.contains("shop.yaml:") && said.contains("duplicate"),
                    "{verb}: {said}"
                );
                let patches = told.seen.iter().filter(|it| it.method == Method::PATCH).count();
                tests::say(&format!("{}: {verb}: {patches} requests to apply", scene.stage.server));
                ensure!(patches == 1 && told.dry_runs() == 1, "{verb}: {:#?}", told.seen);
            }
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_server_may_not_be_asked_the_local_answer_is_shown_with_a_note() {
    for scene in Scene::each("a forbidden dry run", "asked-forbidden").await.unwrap() {
        let map = |value: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
                "data": {"k": value}})
        };
        let run = async {
            scene.apply(&[map("1")]).await?;
            let refusing: Hook = Arc::new(|seen, moment| {
                if moment == Moment::Before && seen.is_dry_run() {
                    Then::Refuse(403, "nobody may patch configmaps")
                } else {
                    Then::Go
                }
            });
            scene.stage.proxy.on_request(Some(refusing));
            let wanted = [map("2")];
            let found = scene.compare("--ask differs", &wanted, 1, 1, "m").await?;
            ensure!(paths(&found) == [".data.k"], "{found}");
            for verb in ["diff", "plan"] {
                let told = scene.cleat(&format!("{verb} --ask differs"), &wanted, 1).await?;
                let said = &told.ended.stderr;
                let is_told = said.contains("may not be asked about 1 object")
                    && said.contains("nobody may patch configmaps");
                ensure!(is_told, "{verb}: {said}");
            }
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}
