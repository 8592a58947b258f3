//! ignoreDifferences, from end to end: what the rules name is not shown, not reverted, not taken, and
//! left where it is when an object is adopted, rolled back, or Git drops the field.

use merge::managed::{self, Operation};
use serde_json::{Value, json};
use tests::proxy::Seen;
use tests::stage::Write;

use super::scene::Scene;
use super::shop;

/// Who scales, as an autoscaler's controller does.
const SCALER: &str = "scaler";
/// What a person set on the sidecar, on an annotation, and in another field that no rule names.
const CPU: &str = "750m";
const NOTE: &str = "by hand";

/// A rule by manager, one by a path of jq, one by a pointer; the fourth can be heeded nowhere.
const RULES: &str = r#"ignoreDifferences:
- group: apps
  kind: Deployment
  managedFieldsManagers: [scaler]
- group: apps
  kind: Deployment
  jqPathExpressions:
  - .spec.template.spec.containers[] | select(.name == "sidecar") | .resources
- kind: "*"
  group: "*"
  jsonPointers: [/metadata/annotations/example.com~1note]
- kind: ConfigMap
  jsonPointers: [/metadata/name]
"#;

/// What Git wants: the shop, and all that the rules name.
fn wanted(image: &str) -> [Value; 3] {
    let mut objects = shop::wanted();
    for object in &mut objects {
        object["metadata"]["annotations"] = json!({"example.com/note": "of git"});
    }
    let containers = &mut objects[0]["spec"]["template"]["spec"]["containers"];
    containers[0]["image"] = json!(format!("registry.example/{image}"));
    let sidecar = json!({"name": "sidecar", "image": "registry.example/sidecar:1",
        "resources": {"limits": {"cpu": "250m"}}});
    containers.as_array_mut().unwrap().push(sidecar);
    objects
}

/// The same without anything that the rules name.
fn dropped(image: &str) -> [Value; 3] {
    let mut objects = wanted(image);
    for object in &mut objects {
        object["metadata"].as_object_mut().unwrap().remove("annotations");
    }
    objects[0]["spec"].as_object_mut().unwrap().remove("replicas");
    objects[0]["spec"]["template"]["spec"]["containers"][1]
        .as_object_mut()
        .unwrap()
        .remove("resources");
    objects
}

/// Where the rules are. The flag comes last, so that it can be left out.
fn rules(scene: &Scene) -> anyhow::Result<String> {
    let file = scene.stage.folder().join("rules.yaml");
    std::fs::write(&file, RULES)?;
    Ok(format!("--ignore-differences {}", file.display()))
}

/// Others change what the rules name.
async fn others_change(scene: &Scene) -> anyhow::Result<()> {
    let paths = shop::paths(&scene.namespace);
    let scaled = json!({"spec": {"replicas": 2}});
    scene.stage.write(Write::Merge, &paths[0], SCALER, &scaled).await?;
    scene.kubectl(&format!("set resources deployment/web -c sidecar --limits=cpu={CPU}"), "");
    let note = json!({"metadata": {"annotations": {"example.com/note": NOTE}}});
    for path in &paths {
        scene.stage.patch(path, "somebody", &note).await?;
    }
    Ok(())
}

/// All of it is as others left it.
async fn is_left(scene: &Scene, told: &str) -> anyhow::Result<Vec<Value>> {
    let live = scene.live().await?;
    let told = format!("{}, {told}", scene.stage.server);
    assert_eq!(live[0]["spec"]["replicas"], 2, "{told}: {:#}", live[0]);
    let sidecar = &live[0]["spec"]["template"]["spec"]["containers"][1];
    assert_eq!(sidecar["resources"]["limits"]["cpu"], CPU, "{told}: {sidecar:#}");
    for object in &live {
        let note = &object["metadata"]["annotations"]["example.com/note"];
        assert_eq!(note, NOTE, "{told}: {object:#}");
    }
    Ok(live)
}

fn image(live: &[Value]) -> &Value {
    &live[0]["spec"]["template"]["spec"]["containers"][0]["image"]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_name_is_not_shown_nor_reverted_and_git_may_drop_it() -> anyhow::Result<()> {
    for scene in Scene::each("ignoreDifferences", "ignored").await? {
        let told = scene.stage.server;
        let rules = rules(&scene)?;
        scene.apply(&rules, &wanted("web:1")).await?;
        others_change(&scene).await?;

        // Without the rules it is drift, with them there is none.
        let diff = scene.cleat("diff", &wanted("web:1")).await?.expect(1)?;
        for field in [".spec.replicas", "resources", "example.com/note"] {
            assert!(diff.stdout.contains(field), "{told}: no {field}: {}", diff.said());
        }
        // A rule that cannot be heeded is told by whoever compares.
        for verb in ["diff", "plan"] {
            let ended = scene.cleat(&format!("{verb} {rules}"), &wanted("web:1")).await?;
            assert_eq!(ended.code, Some(0), "{told}: {}", ended.said());
            let heard = "rule 4: `/metadata/name`";
            assert!(ended.stderr.contains(heard), "{told}: {}", ended.said());
        }
        // What vouches for the objects is renewed once; they themselves are never written.
        let records = format!("/api/v1/namespaces/{}/secrets/cleat.", scene.namespace);
        for (run, allowed) in [("the first run", records.as_str()), ("the second", "nothing")] {
            scene.stage.proxy.clear();
            let apply = scene.apply(&rules, &wanted("web:1")).await?;
            assert!(apply.stderr.contains("rule 4: `/metadata/name`"), "{told}: {}", apply.said());
            let seen = scene.stage.proxy.seen();
            let is_write = |it: &&Seen| it.from_cleat && it.is_write();
            for write in seen.iter().filter(is_write) {
                assert!(write.path.starts_with(allowed), "{told}, {run}: {write:#?}");
            }
        }
        is_left(&scene, "nothing to do").await?;

        // What no rule names is put right beside it, and Git goes on.
        scene.kubectl("set image deployment/web web=registry.example/web:drift", "");
        scene.apply(&rules, &wanted("web:2")).await?;
        let live = is_left(&scene, "the next revision").await?;
        assert_eq!(image(&live), "registry.example/web:2", "{told}");

        // Git drops the fields; they are whoever's they are.
        scene.apply(&rules, &dropped("web:3")).await?;
        let live = is_left(&scene, "dropped by Git").await?;
        assert_eq!(image(&live), "registry.example/web:3", "{told}");
        let diff = scene.cleat(&format!("diff {rules}"), &dropped("web:3")).await?;
        assert_eq!(diff.code, Some(0), "{told}: {}", diff.said());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_name_outlives_an_adoption() -> anyhow::Result<()> {
    for scene in Scene::each("ignoreDifferences and adoption", "ignored-adoption").await? {
        let told = scene.stage.server;
        let rules = rules(&scene)?;
        scene.kubectl("apply -f -", &shop::stream(&wanted("web:1")));
        others_change(&scene).await?;
        scene.apply(&format!("--adopt {rules}"), &wanted("web:2")).await?;
        let live = is_left(&scene, "adopted").await?;
        assert_eq!(image(&live), "registry.example/web:2", "{told}");
        // Neither is it ours by that: whoever scales goes on.
        let ours = managed::owned_by(&live[0], "cleat", Operation::Apply);
        let text = ours.to_v1().to_string();
        assert!(!text.contains("f:replicas"), "{told}: {text}");
        let diff = scene.cleat(&format!("diff {rules}"), &wanted("web:2")).await?;
        assert_eq!(diff.code, Some(0), "{told}: {}", diff.said());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_name_outlives_a_rollback() -> anyhow::Result<()> {
    for scene in Scene::each("ignoreDifferences and rollback", "ignored-rollback").await? {
        let told = scene.stage.server;
        let rules = rules(&scene)?;
        scene.apply(&rules, &wanted("web:1")).await?;
        others_change(&scene).await?;
        let bad = wanted("web:2-missing");
        let line = "apply --timeout 30s --bake 0s --grace image-not-found=300ms -o json";
        let ended = scene.cleat(&format!("{line} {rules}"), &bad).await?;
        assert_eq!(ended.code, Some(1), "{told}: {}", ended.said());
        assert!(ended.stdout.contains("rolledBack"), "{told}: {}", ended.said());
        let live = is_left(&scene, "rolled back").await?;
        assert_eq!(image(&live), "registry.example/web:1", "{told}");
        let diff = scene.cleat(&format!("diff {rules}"), &wanted("web:1")).await?;
        assert_eq!(diff.code, Some(0), "{told}: {}", diff.said());
    }
    Ok(())
}
