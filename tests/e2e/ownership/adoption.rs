//! Adoption: what another tool made is taken over, each tool in the ways it writes.

use serde_json::{Value, json};
use tests::proxy::Seen;
use tests::stage::Write;

use super::scene::{Scene, entries_of_others};
use super::shop;

/// A tool, in a way it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// `kubectl apply`.
    Kubectl,
    /// `kubectl apply --server-side`.
    KubectlServerSide,
    /// `kubectl apply`, and later with `--server-side`: the annotation then has a manager of its own.
    KubectlMoved,
    /// Helm 3: it creates, and patches what it changes.
    Helm3,
    /// Helm 4: it applies.
    Helm4,
    /// Argo CD: `kubectl apply` under a name of its own.
    ArgoCd,
    /// Argo CD with `ServerSideApply=true`.
    ArgoCdServerSide,
}

impl Tool {
    /// The name of the tool's field manager.
    fn manager(self) -> &'static str {
        match self {
            Self::Kubectl => "kubectl-client-side-apply",
            Self::KubectlServerSide | Self::KubectlMoved => "kubectl",
            Self::Helm3 | Self::Helm4 => "helm",
            Self::ArgoCd | Self::ArgoCdServerSide => "argocd-controller",
        }
    }

    /// Brings the objects about.
    async fn writes(self, scene: &Scene, objects: &[Value; 3]) -> anyhow::Result<()> {
        let stream = shop::stream(objects);
        match self {
            Self::Kubectl => drop(scene.kubectl("apply -f -", &stream)),
            Self::KubectlServerSide => drop(scene.kubectl("apply --server-side -f -", &stream)),
            Self::KubectlMoved => {
                scene.kubectl("apply -f -", &stream);
                scene.kubectl("apply --server-side -f -", &stream);
            }
            Self::ArgoCd => {
                drop(scene.kubectl("apply --field-manager=argocd-controller -f -", &stream));
            }
            Self::ArgoCdServerSide | Self::Helm4 => {
                for (path, object) in shop::paths(&scene.namespace).iter().zip(objects) {
                    scene.stage.write(Write::Apply, path, self.manager(), object).await?;
                }
            }
            Self::Helm3 => {
                for (path, object) in shop::paths(&scene.namespace).iter().zip(objects) {
                    let exists = scene.stage.find(path).await?.is_some();
                    let (folder, _) = path.rsplit_once('/').unwrap();
                    let (how, path) = if exists {
                        (Write::Strategic, path.as_str())
                    } else {
                        (Write::Create, folder)
                    };
                    scene.stage.write(how, path, self.manager(), object).await?;
                }
            }
        }
        Ok(())
    }
}

async fn is_adopted(tool: Tool, namespace: &str) -> anyhow::Result<()> {
    for scene in Scene::each(&format!("an adoption from {tool:?}"), namespace).await? {
        let told = format!("{} {tool:?}", scene.stage.server);
        tool.writes(&scene, &shop::earliest()).await?;
        tool.writes(&scene, &shop::before()).await?;
        scene.others_add().await?;
        let before = scene.live().await?;
        let others: Vec<Vec<Value>> = before.iter().map(entries_of_others).collect();
        let wanted = shop::wanted();

        // Nobody asked for it: it is refused, and said what would come of it.
        scene.stage.proxy.clear();
        let refused = scene.cleat("plan", &wanted).await?;
        assert_eq!(refused.code, Some(2), "{told}: {}", refused.said());
        for word in [tool.manager(), "would remove", ".data.old", "--adopt"] {
            assert!(refused.stderr.contains(word), "{told}: no `{word}`: {}", refused.said());
        }
        let refused = scene.cleat("apply", &wanted).await?;
        assert_ne!(refused.code, Some(0), "{told}: {}", refused.said());
        let writes: Vec<Seen> =
            scene.stage.proxy.seen().into_iter().filter(Seen::is_write).collect();
        assert!(writes.is_empty(), "{told}: {writes:#?}");

        // It is shown before it is done.
        let plan = scene.cleat("plan --adopt", &wanted).await?.expect(1)?;
        for word in
            ["adopt deployment.apps/web", tool.manager(), "becomes ours", "would be removed"]
        {
            assert!(plan.stdout.contains(word), "{told}: no `{word}`: {}", plan.said());
        }
        let plan = scene.cleat("plan --adopt -o json", &wanted).await?.expect(1)?;
        let plan: Value = serde_json::from_str(&plan.stdout)?;
        shown_in(&plan, tool, &told);

        scene.apply("--adopt", &wanted).await?;
        scene.is_settled(&wanted, &others, &format!("{tool:?}")).await?;
    }
    Ok(())
}

/// The plan names whose fields become ours, and what goes.
fn shown_in(plan: &Value, tool: Tool, told: &str) {
    let steps: Vec<&Value> = plan["waves"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|wave| wave["ranks"].as_array().into_iter().flatten())
        .flat_map(|rank| rank["steps"].as_array().into_iter().flatten())
        .collect();
    assert_eq!(steps.len(), 3, "{told}: {plan:#}");
    let mut removed = Vec::new();
    for step in steps {
        assert_eq!(step["action"], "adopt", "{told}: {step:#}");
        let migrated = &step["diff"]["handover"]["migrated"];
        let named = migrated.as_array().unwrap().iter().any(|it| it["manager"] == tool.manager());
        assert!(named, "{told}: {step:#}");
        let changes = step["diff"]["changes"].as_array().unwrap();
        let gone = changes.iter().filter(|change| change["kind"] == "remove");
        removed.extend(gone.map(|change| change["path"].as_str().unwrap().to_owned()));
    }
    for path in [".data.old", ".spec.minReadySeconds", ".metadata.labels.chart"] {
        assert!(removed.iter().any(|it| it == path), "{told}: no {path} in {removed:#?}");
    }
    assert!(!removed.iter().any(|it| it.contains("ystander")), "{told}: {removed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kubectl_apply() -> anyhow::Result<()> {
    is_adopted(Tool::Kubectl, "from-kubectl").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kubectl_apply_server_side() -> anyhow::Result<()> {
    is_adopted(Tool::KubectlServerSide, "from-kubectl-server-side").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kubectl_apply_that_became_server_side() -> anyhow::Result<()> {
    is_adopted(Tool::KubectlMoved, "from-kubectl-moved").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_helm_3() -> anyhow::Result<()> {
    is_adopted(Tool::Helm3, "from-helm-3").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_helm_4() -> anyhow::Result<()> {
    is_adopted(Tool::Helm4, "from-helm-4").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_argo_cd() -> anyhow::Result<()> {
    is_adopted(Tool::ArgoCd, "from-argo-cd").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_argo_cd_server_side() -> anyhow::Result<()> {
    is_adopted(Tool::ArgoCdServerSide, "from-argo-cd-server-side").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_observed_is_compared_and_never_written() -> anyhow::Result<()> {
    for scene in Scene::each("an observation", "observed").await? {
        let told = scene.stage.server;
        Tool::Kubectl.writes(&scene, &shop::before()).await?;
        let before = scene.live().await?;
        let plan = scene.cleat("plan --adoption observe", &shop::wanted()).await?.expect(0)?;
        assert!(plan.stdout.contains("observe configmap/settings"), "{told}: {}", plan.said());
        assert!(plan.stdout.contains(r#".data.a: "1" → "2""#), "{told}: {}", plan.said());
        scene.apply("--adoption observe --prune", &shop::wanted()).await?;
        scene.apply("--adoption observe --prune", &shop::wanted()[..1]).await?;
        for (before, after) in before.iter().zip(scene.live().await?) {
            let written = |object: &Value| (object["spec"].clone(), object["data"].clone());
            assert_eq!(written(before), written(&after), "{told}");
            let ours = json!("cleat");
            let entries = after["metadata"]["managedFields"].as_array().unwrap();
            assert!(entries.iter().all(|entry| entry["manager"] != ours), "{told}: {after:#}");
        }
    }
    Ok(())
}
