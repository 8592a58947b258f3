//! Drift: others change what cleat applied, then Git drops it.

use serde_json::{Value, json};

use super::scene::{Scene, entries_of_others};
use super::shop;

/// Others take every field that Git is about to drop, by the commands people use.
fn others_take(scene: &Scene) {
    scene
        .kubectl("label deployment/web service/web configmap/settings chart=drift --overwrite", "");
    let line =
        "annotate deployment/web service/web configmap/settings example.com/note=drift --overwrite";
    scene.kubectl(line, "");
    scene.kubectl("set env deployment/web -c web OLD=drift", "");
    scene.kubectl("set image deployment/web old-helper=registry.example/helper:drift", "");
    let patch = json!({"spec": {"minReadySeconds": 0, "template": {
        "metadata": {"annotations": {"example.com/old": "drift"}}}}});
    scene.kubectl(&format!("patch deployment web -p {patch}"), "");
    let patch = json!({"spec": {"ports": [{"port": 90, "name": "drift"}]}});
    scene.kubectl(&format!("patch service web -p {patch}"), "");
    let namespace = &scene.namespace;
    scene.kubectl.edit(
        &format!("configmap settings -n {namespace}"),
        "old: \"1\"",
        "old: \"drift\"",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_and_git_then_drops_goes() -> anyhow::Result<()> {
    for scene in Scene::each("drift, then a drop", "drift").await? {
        scene.apply("", &shop::before()).await?;
        scene.others_add().await?;
        others_take(&scene);
        let before = scene.live().await?;
        let others: Vec<Vec<Value>> = before.iter().map(entries_of_others).collect();
        let wanted = shop::wanted();
        let plan = scene.cleat("plan", &wanted).await?.expect(1)?;
        let told = format!("{}: {}", scene.stage.server, plan.said());
        assert!(plan.stdout.contains(".data.old is no longer ours: it is taken back"), "{told}");
        assert!(plan.stdout.contains("kubectl-edit"), "{told}");
        assert!(plan.stdout.contains(".data.bystander is left alone: held by bystander"), "{told}");
        scene.apply("", &wanted).await?;
        scene.is_settled(&wanted, &others, "after the drop").await?;
        // The old values never came back: there was one change of what is wanted, not two.
        let generation = |object: &Value| object["metadata"]["generation"].as_i64().unwrap();
        let after = scene.live().await?;
        assert_eq!(generation(&after[0]), generation(&before[0]) + 1, "{}", scene.stage.server);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_drops_goes_although_managed_fields_were_cleared() -> anyhow::Result<()> {
    for scene in Scene::each("cleared managedFields, then a drop", "cleared").await? {
        scene.apply("", &shop::before()).await?;
        for path in shop::paths(&scene.namespace) {
            let cleared = json!({"metadata": {"managedFields": [{}]}});
            scene.stage.patch(&path, "somebody", &cleared).await?;
            let live = scene.stage.get(&path).await?;
            assert_eq!(live.pointer("/metadata/managedFields"), None, "{live:#}");
        }
        let wanted = shop::wanted();
        scene.apply("", &wanted).await?;
        scene.is_settled(&wanted, &[], "after the drop").await?;
    }
    Ok(())
}
