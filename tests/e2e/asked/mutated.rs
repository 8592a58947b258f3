//! Admission that changes what is applied: it is no drift while the record vouches for it, and that
//! ends when admission is configured otherwise.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::scene::Scene;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// What the server's admission makes of the value that is sent.
const MADE: &str = "by the server";

fn map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
        "data": {"k": "ours", "other": "as it is"}})
}

/// Lets admission change the map: by a policy of the server's own where it serves such, else by the
/// proxy, beside a configuration that calls nothing. Returns the path of what configures it, and a
/// patch that means nothing new.
async fn configure(scene: &Scene) -> anyhow::Result<(String, Value)> {
    let served = scene.stage.get(ADMISSION).await?;
    let served = served["resources"].as_array().context("no resources")?;
    let name = "asked-mutated.cleat.dev";
    if !served.iter().any(|it| it["name"] == "mutatingadmissionpolicies") {
        let webhooks = json!({"apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration", "metadata": {"name": name}, "webhooks": []});
        scene
            .stage
            .create(&format!("{ADMISSION}/mutatingwebhookconfigurations"), &webhooks)
            .await?;
        scene.stage.proxy.on_body(Some(Arc::new(|seen, body| {
            if seen.path.ends_with("/configmaps/m")
                && let Some(value) = body.pointer_mut("/data/k")
            {
                *value = json!(MADE);
            }
        })));
        let changed = json!({"webhooks": [{"name": "nothing.cleat.dev", "rules": [],
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://127.0.0.1:1"}}]});
        return Ok((format!("{ADMISSION}/mutatingwebhookconfigurations/{name}"), changed));
    }
    let expression = format!("Object{{data: {{\"k\": \"{MADE}\"}}}}");
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]},
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration",
                "applyConfiguration": {"expression": expression}}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name}});
    scene.stage.create(&format!("{ADMISSION}/mutatingadmissionpolicies"), &policy).await?;
    scene.stage.create(&format!("{ADMISSION}/mutatingadmissionpolicybindings"), &binding).await?;
    // The server takes a policy up a moment after it has it.
    let taken_up = async {
        let all = format!("/api/v1/namespaces/{}/configmaps?dryRun=All", scene.namespace);
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let request = http::Request::post(&all)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(map().to_string().into_bytes())?;
            let made: Value = scene.stage.direct.request(request).await?;
            if made["data"]["k"] == MADE {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken_up)
        .await
        .context("the policy is not taken up")??;
    let changed = json!({"spec": {"failurePolicy": "Ignore"}});
    Ok((format!("{ADMISSION}/mutatingadmissionpolicies/{name}"), changed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_admission_makes_of_ours_is_vouched_for_until_admission_changes() {
    for scene in Scene::each("a mutating policy", "asked-mutated").await.unwrap() {
        let run = async {
            let (configuration, changed) = configure(&scene).await?;
            tests::say(&format!("{}: {configuration}", scene.stage.server));
            scene.apply(&[map()]).await?;
            let path = format!("/api/v1/namespaces/{}/configmaps/m", scene.namespace);
            let live = scene.stage.get(&path).await?;
            ensure!(live["data"]["k"] == MADE, "{live}");

            let found = scene.compare("--ask never", &[map()], 0, 0, "m").await?;
            let aside = json!([{"path": ".data.k", "ours": "ours", "servers": MADE}]);
            ensure!(found["serverMutated"] == aside, "{found}");
            let told = scene.cleat("diff", &[map()], 0).await?;
            let said = &told.ended.stdout;
            ensure!(said.contains(".data.k is what the server makes of ours"), "{said:?}");

            // Another generation: nobody vouches any more, and the server says that it is as it was.
            let now = scene.stage.patch(&configuration, "somebody", &changed).await?;
            ensure!(now["metadata"]["generation"] == 2, "{now}");
            let found = scene.compare("--ask never", &[map()], 1, 0, "m").await?;
            ensure!(found["action"] == "update", "{found}");
            let found = scene.compare("--ask differs", &[map()], 0, 1, "m").await?;
            ensure!(found["action"] == "unchanged", "{found}");
            scene.apply(&[map()]).await?;
            scene.compare("--ask never", &[map()], 0, 0, "m").await?;
            anyhow::Ok(())
        };
        run.await.unwrap_or_else(|error| panic!("{}: {error:?}", scene.stage.server));
    }
}
