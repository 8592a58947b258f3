//! `cleat diff` and `cleat plan` say the same of every object, whatever has happened to it.

use serde_json::{Value, json};
use tests::stage::Write;

use super::scene::Scene;
use super::shop;

const LAST_APPLIED: &str = "last-applied-configuration";
const MARK: &str = "cleat.dev/owned-by";

/// What a verb says of an object: the object, what is done, and each field with both values.
type Said = (String, String, Vec<[String; 4]>);

fn said(id: &Value, action: &Value, diff: &Value) -> Said {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let changes = diff["changes"].as_array().into_iter().flatten();
    let changes = changes.map(|it| ["path", "kind", "before", "after"].map(|part| text(&it[part])));
    let name = format!("{}/{}", text(&id["kind"]), text(&id["name"]));
    (name, text(action), changes.collect())
}

/// What both say, which must be the same, and end with this code.
async fn agreed(
    scene: &Scene,
    flags: &str,
    objects: &[Value],
    code: i32,
    told: &str,
) -> anyhow::Result<Vec<Said>> {
    let told = format!("{}, {told}", scene.stage.server);
    let diff = scene.cleat(&format!("diff -o json {flags}"), objects).await?;
    let plan = scene.cleat(&format!("plan -o json {flags}"), objects).await?;
    assert_eq!(diff.code, Some(code), "{told}: {}", diff.said());
    assert_eq!(plan.code, Some(code), "{told}: {}", plan.said());
    let diff: Value = serde_json::from_str(&diff.stdout)?;
    let plan: Value = serde_json::from_str(&plan.stdout)?;
    let compared = diff["objects"].as_array().unwrap().iter();
    let mut compared: Vec<Said> = compared.map(|it| said(&it["id"], &it["action"], it)).collect();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let ranks = list(&plan["waves"]).into_iter().flat_map(|wave| list(&wave["ranks"]));
    let steps = ranks.flat_map(|rank| list(&rank["steps"]));
    let mut planned: Vec<Said> =
        steps.map(|it| said(&it["object"], &it["action"], &it["diff"])).collect();
    for (field, action) in [("prunes", "prune"), ("withheld", "kept")] {
        let left = list(&plan[field]);
        planned.extend(left.iter().map(|it| said(&it["id"], &json!(action), &Value::Null)));
    }
    compared.sort();
    planned.sort();
    assert_eq!(compared, planned, "{told}");
    Ok(compared)
}

fn actions(said: &[Said]) -> Vec<(&str, &str)> {
    said.iter().map(|(name, action, _)| (name.as_str(), action.as_str())).collect()
}

fn autoscaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"minReplicas": 1, "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happened_diff_and_plan_say_the_same() -> anyhow::Result<()> {
    for scene in Scene::each("diff and plan", "agreement").await? {
        let mut objects = shop::wanted().to_vec();
        objects.push(autoscaler());
        agreed(&scene, "", &objects, 1, "before the first apply").await?;
        scene.apply("", &objects).await?;
        agreed(&scene, "", &objects, 0, "after it").await?;

        scene.kubectl("scale deployment/web --replicas=3", "");
        let scaled = agreed(&scene, "", &objects, 0, "scaled, as an autoscaler does").await?;
        assert!(scaled.iter().all(|(_, action, _)| action == "unchanged"), "{scaled:?}");

        scene.kubectl("set image deployment/web web=registry.example/web:drift", "");
        scene.kubectl(&format!("annotate service/web {MARK}-"), "");
        scene.kubectl("label configmap/settings app-", "");
        let drifted = agreed(&scene, "", &objects, 1, "drifted").await?;
        let expected = [
            ("ConfigMap/settings", "update"),
            ("Deployment/web", "update"),
            ("HorizontalPodAutoscaler/web", "unchanged"),
            ("Service/web", "update"),
        ];
        assert_eq!(actions(&drifted), expected);

        // An autoscaler of somebody else's decides as well, and what goes from Git is kept or pruned.
        scene.apply("", &objects).await?;
        let rest = [objects[0].clone(), objects[1].clone()];
        let kept = agreed(&scene, "", &rest, 0, "without pruning").await?;
        assert_eq!(kept.iter().filter(|(_, action, _)| action == "kept").count(), 2);
        let pruned = agreed(&scene, "--prune", &rest, 1, "with pruning").await?;
        assert_eq!(pruned.iter().filter(|(_, action, _)| action == "prune").count(), 2);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_yet_is_said_to_be_and_only_what_it_holds_differs() -> anyhow::Result<()> {
    for scene in Scene::each("pending adoption", "pending").await? {
        let told = scene.stage.server;
        let objects = shop::before();
        scene.kubectl("apply -f -", &shop::stream(&objects));

        // As the source has it: what adoption would change of who it belongs to is no difference.
        let diff = scene.cleat("diff", &objects).await?.expect(0)?;
        assert_eq!(diff.stdout, "", "{told}: {}", diff.said());
        assert!(diff.stderr.contains("3 objects are as the source has them, but not ours yet"));
        assert!(diff.stderr.contains("--adopt"), "{told}: {}", diff.said());

        let wanted = shop::wanted();
        let diff = scene.cleat("diff", &wanted).await?.expect(1)?;
        for word in ["~ adopt configmap/settings", "not ours yet", "--adopt", "-  old: \"1\""] {
            assert!(diff.stdout.contains(word), "{told}: no `{word}`: {}", diff.said());
        }
        let summary = scene.cleat("diff --summary", &wanted).await?.expect(1)?;
        assert!(summary.stdout.contains("3 objects: 3 to adopt"), "{told}: {}", summary.said());

        // But for the marks of whose it is, it is what the plan of the adoption says.
        let diff = scene.cleat("diff -o json", &wanted).await?.expect(1)?;
        let plan = scene.cleat("plan --adopt -o json", &wanted).await?.expect(1)?;
        let paths = |text: &str| -> Vec<String> {
            let mut found = Vec::new();
            for line in text.lines().map(str::trim).filter(|it| it.starts_with("\"path\":")) {
                let is_mark = line.contains(MARK) || line.contains(LAST_APPLIED);
                if !is_mark {
                    found.push(line.to_owned());
                }
            }
            found.sort();
            found
        };
        assert_eq!(paths(&diff.stdout), paths(&plan.stdout), "{told}");

        // Another application's is said to be.
        scene.apply("--adopt", &wanted).await?;
        let mut other = wanted.clone();
        other[2]["data"]["a"] = json!("3");
        scene
            .stage
            .write(
                Write::Merge,
                &shop::paths(&scene.namespace)[2],
                "somebody",
                &json!({"metadata": {"annotations":
                    {MARK: format!("{0}/rival:ConfigMap/{0}/settings", scene.namespace)}}}),
            )
            .await?;
        let diff = scene.cleat("diff", &other).await?.expect(1)?;
        let rival = format!("application {}/rival has it", scene.namespace);
        assert!(diff.stdout.contains(&rival), "{told}: {}", diff.said());
    }
    Ok(())
}
