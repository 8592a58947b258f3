//! Drift: others change what cleat applied, then Git drops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::proxy::{Moment, Seen, Then};
use tests::stage::{Write, write};

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

/// Whether a request hands an object over: the patch before an apply.
fn hands_over(seen: &Seen) -> bool {
    seen.from_cleat && seen.is_write() && seen.content_type == "application/json-patch+json"
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_between_the_patch_and_the_apply_is_seen() -> anyhow::Result<()> {
    for scene in Scene::each("a write in between", "in-between").await? {
        let told = scene.stage.server;
        scene.apply("", &shop::before()).await?;
        others_take(&scene);
        // Somebody takes the field again right after the patch has given it to us, once for each object.
        let (direct, paths) = (scene.stage.direct.clone(), shop::paths(&scene.namespace));
        let handed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&handed);
        scene.stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
            if moment == Moment::After && hands_over(seen) && seen.path == paths[2] {
                let turn = counted.fetch_add(1, Ordering::SeqCst);
                if turn < 2 {
                    let again = json!({"data": {"old": format!("again {turn}")}});
                    let (client, path) = (direct.clone(), paths[2].clone());
                    let writing = write(client, Write::Merge, path, "somebody".into(), again);
                    let runtime = tokio::runtime::Handle::current();
                    tokio::task::block_in_place(|| runtime.block_on(writing)).unwrap();
                }
            }
            Then::Go
        })));
        scene.apply("", &shop::wanted()).await?;
        scene.stage.proxy.on_request(None);
        assert_eq!(handed.load(Ordering::SeqCst), 3, "{told}: twice in vain");
        scene.is_settled(&shop::wanted(), &[], "after a write in between").await?;
    }
    Ok(())
}

/// Whatever is to be done with objects that are not ours: this one was ours when the plan was made.
async fn what_another_takes_meanwhile_is_left(namespace: &str, policy: &str) -> anyhow::Result<()> {
    for scene in Scene::each("another application in between", namespace).await? {
        let told = format!("{} {policy}", scene.stage.server);
        scene.apply("", &shop::before()).await?;
        others_take(&scene);
        let (direct, path) = (scene.stage.direct.clone(), shop::paths(&scene.namespace)[2].clone());
        let mark = format!("{namespace}/blog:ConfigMap/{namespace}/settings");
        let settings = path.clone();
        scene.stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
            if moment == Moment::Before && hands_over(seen) && seen.path == settings {
                let taken = json!({"metadata": {"annotations": {"cleat.dev/owned-by": mark}}});
                let writing =
                    write(direct.clone(), Write::Merge, settings.clone(), "blog".into(), taken);
                let runtime = tokio::runtime::Handle::current();
                tokio::task::block_in_place(|| runtime.block_on(writing)).unwrap();
            }
            Then::Go
        })));
        let line = format!("apply --timeout 30s --bake 0s --on-failure hold {policy}");
        let ended = scene.cleat(&line, &shop::wanted()).await?;
        scene.stage.proxy.on_request(None);
        assert_ne!(ended.code, Some(0), "{told}: {}", ended.said());
        let live = scene.stage.get(&path).await?;
        assert_eq!(live["data"]["old"], "drift", "{told}: {live:#}");
        assert!(live.to_string().contains("/blog"), "{told}: {live:#}");
        assert!(
            ended.said().contains("run again") || policy.is_empty(),
            "{told}: {}",
            ended.said()
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_application_takes_meanwhile_is_left_to_it() -> anyhow::Result<()> {
    for (namespace, policy) in
        [("taken", ""), ("taken-adopt", "--adopt"), ("taken-observe", "--adoption observe")]
    {
        what_another_takes_meanwhile_is_left(namespace, policy).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_between_the_patch_and_the_apply_is_completed_by_the_next()
-> anyhow::Result<()> {
    for scene in Scene::each("a death in between", "died-between").await? {
        let told = scene.stage.server;
        scene.kubectl("apply --server-side -f -", &shop::stream(&shop::before()));
        let before = scene.live().await?;
        let dead = Arc::new(AtomicUsize::new(0));
        let dying = Arc::clone(&dead);
        scene.stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
            let dies = moment == Moment::After && hands_over(seen);
            if dies {
                dying.store(seen.number, Ordering::SeqCst);
            }
            let is_dead = dying.load(Ordering::SeqCst) > 0 && seen.from_cleat;
            if dies || is_dead { Then::Drop } else { Then::Go }
        })));
        let line = "apply --adopt --timeout 30s --bake 0s";
        let died = scene.cleat(line, &shop::wanted()).await?;
        scene.stage.proxy.on_request(None);
        assert_ne!(died.code, Some(0), "{told}: {}", died.said());
        assert!(dead.load(Ordering::SeqCst) > 0, "{told}: nothing was handed over");
        for (before, after) in before.iter().zip(scene.live().await?) {
            let values = |object: &Value| (object["spec"].clone(), object["data"].clone());
            assert_eq!(values(before), values(&after), "{told}: nothing but ownership has changed");
        }
        scene.apply("--adopt", &shop::wanted()).await?;
        scene.is_settled(&shop::wanted(), &[], "after a death").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_in_a_revision_that_is_rolled_back_goes() -> anyhow::Result<()> {
    for scene in Scene::each("drift, then a rollback", "rolled-back").await? {
        let told = scene.stage.server;
        let good = shop::wanted();
        scene.apply("", &good).await?;
        scene.others_add().await?;
        // A revision with more fields, which others change while its image is looked for in vain.
        let mut bad = shop::before();
        bad[0]["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("registry.example/web:3-missing");
        let before = scene.live().await?;
        let others: Vec<Vec<Value>> = before.iter().map(entries_of_others).collect();
        let paths = shop::paths(&scene.namespace);
        let (direct, web) = (scene.stage.direct.clone(), paths[0].clone());
        let written = AtomicUsize::new(0);
        scene.stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
            let applied = moment == Moment::After && seen.from_cleat && seen.is_write();
            if applied && seen.path == web && written.fetch_add(1, Ordering::SeqCst) == 0 {
                let drift = [
                    (&paths[2], json!({"data": {"old": "drift"}})),
                    (&paths[0], json!({"spec": {"minReadySeconds": 0}})),
                    (&paths[1], json!({"metadata": {"labels": {"chart": "drift"}}})),
                ];
                for (path, patch) in drift {
                    let (client, path) = (direct.clone(), path.clone());
                    let writing = write(client, Write::Merge, path, "kubectl-edit".into(), patch);
                    let runtime = tokio::runtime::Handle::current();
                    tokio::task::block_in_place(|| runtime.block_on(writing)).unwrap();
                }
            }
            Then::Go
        })));
        let line = "apply --timeout 30s --bake 0s --grace image-not-found=300ms -o json";
        let failed = scene.cleat(line, &bad).await?;
        scene.stage.proxy.on_request(None);
        assert!(failed.stdout.contains("rolledBack"), "{told}: {}", failed.said());
        scene.is_settled(&good, &others, "after the rollback").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_applies_is_refused_by_field_and_manager() -> anyhow::Result<()> {
    for scene in Scene::each("another applier", "another-applier").await? {
        let told = scene.stage.server;
        scene.apply("", &shop::wanted()).await?;
        let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings"}, "data": {"a": "theirs"}});
        let path = &shop::paths(&scene.namespace)[2];
        scene.stage.write(Write::Apply, path, "other-tool", &theirs).await?;
        for verb in ["plan", "apply"] {
            let refused = scene.cleat(verb, &shop::wanted()).await?;
            assert_ne!(refused.code, Some(0), "{told}: {}", refused.said());
            for word in [".data.a was applied by other-tool", "let go of it"] {
                assert!(refused.said().contains(word), "{told}: no `{word}`: {}", refused.said());
            }
        }
        assert_eq!(scene.stage.get(path).await?["data"]["a"], "theirs", "{told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_git_drops_takes_what_others_hold_in_it_along() -> anyhow::Result<()> {
    for scene in Scene::each("a dropped container", "dropped-container").await? {
        let told = scene.stage.server;
        scene.apply("", &shop::before()).await?;
        scene.kubectl("set env deployment/web -c old-helper THEIRS=1", "");
        let plan = scene.cleat("plan", &shop::wanted()).await?.expect(1)?;
        let line = plan.stdout.lines().find(|line| line.contains("goes with it"));
        let line = line.unwrap_or_else(|| panic!("{told}: {}", plan.said()));
        assert!(line.contains("THEIRS") && line.contains("kubectl-set"), "{told}: {line}");
        scene.apply("", &shop::wanted()).await?;
        let web = scene.stage.get(&shop::paths(&scene.namespace)[0]).await?;
        assert!(!web["spec"].to_string().contains("THEIRS"), "{told}: {web:#}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_left_to_an_autoscaler_that_only_the_cluster_has() -> anyhow::Result<()> {
    for scene in Scene::each("an autoscaler", "autoscaled").await? {
        let told = scene.stage.server;
        let mut wanted = shop::wanted();
        scene.apply("", &wanted).await?;
        scene.kubectl("autoscale deployment web --min=2 --max=5 --cpu-percent=80", "");
        // Git leaves the replicas to it before it has set any.
        wanted[0]["spec"].as_object_mut().unwrap().remove("replicas");
        wanted[0]["metadata"]["labels"]["team"] = json!("other");
        let replicas = async || -> anyhow::Result<Value> {
            let web = scene.stage.get(&shop::paths(&scene.namespace)[0]).await?;
            Ok(web["spec"]["replicas"].clone())
        };
        scene.kubectl("scale deployment web --replicas=3", "");
        for version in ["1", "2"] {
            wanted[0]["metadata"]["labels"]["version"] = json!(version);
            scene.apply("", &wanted).await?;
            assert_eq!(replicas().await?, 3, "{told}: version {version}");
            scene.cleat("diff", &wanted).await?.expect(0)?;
        }
        wanted[0]["spec"]["replicas"] = json!(1);
        scene.apply("", &wanted).await?;
        wanted[0]["spec"]["replicas"] = json!(2);
        scene.cleat("diff", &wanted).await?.expect(0)?;
        assert_eq!(replicas().await?, 3, "{told}: Git's number counts for nothing");
    }
    Ok(())
}
