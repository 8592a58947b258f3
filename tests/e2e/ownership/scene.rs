//! A server with a namespace, the real kubectl and the real cleat, and what must be true of the shop.

use merge::fields::FieldSet;
use merge::managed::{self, Operation};
use merge::{Manifest, Origin, Schemas, defaults};
use serde_json::Value;
use tests::kubectl::Kubectl;
use tests::program::{Ended, Program};
use tests::stage::{Stage, Write};

use super::shop;

/// The name of cleat's field manager.
const CLEAT: &str = "cleat";
/// Who adds to objects by patches.
pub const BYSTANDER: &str = "bystander";
/// Who adds to the Deployment by server-side apply.
const MESH: &str = "mesh-injector";

/// A server, and a namespace on it.
pub struct Scene {
    pub stage: Stage,
    pub namespace: String,
    pub kubectl: Kubectl,
    program: Program,
}

impl Scene {
    /// The sandbox, and the real server if there is one, each with an empty namespace; none without a
    /// kubectl.
    pub async fn each(test: &str, namespace: &str) -> anyhow::Result<Vec<Self>> {
        let mut scenes = Vec::new();
        for stage in Stage::each(test).await? {
            let Some(kubectl) = Kubectl::find(&stage.proxy.kubeconfig()) else { continue };
            kubectl.ok(&format!("create namespace {namespace}"), "");
            let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
            scenes.push(Self { stage, namespace: namespace.to_owned(), kubectl, program });
        }
        Ok(scenes)
    }

    /// Runs kubectl in the namespace, which must succeed.
    pub fn kubectl(&self, line: &str, input: &str) -> String {
        self.kubectl.ok(&format!("{line} -n {}", self.namespace), input)
    }

    /// Runs a verb of cleat's on manifests.
    pub async fn cleat(&self, line: &str, objects: &[Value]) -> anyhow::Result<Ended> {
        let file = self.stage.folder().join("shop.yaml");
        std::fs::write(&file, shop::stream(objects))?;
        let kubeconfig = self.stage.kubeconfig();
        let mut args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let more = ["-f", &file.display().to_string(), "--app", "shop", "-n", &self.namespace];
        args.extend(more.map(str::to_owned));
        args.extend(["--kubeconfig".to_owned(), kubeconfig.display().to_string()]);
        if !line.starts_with("apply") {
            args.push("--cluster".to_owned());
        }
        self.program.run(args).await
    }

    /// Applies manifests, which must succeed.
    pub async fn apply(&self, flags: &str, objects: &[Value]) -> anyhow::Result<Ended> {
        let line = format!("apply --timeout 30s --bake 0s -o json {flags}");
        self.cleat(&line, objects).await?.expect(0)
    }

    /// The shop's objects as they are.
    pub async fn live(&self) -> anyhow::Result<Vec<Value>> {
        let mut live = Vec::new();
        for path in shop::paths(&self.namespace) {
            live.push(self.stage.get(&path).await?);
        }
        Ok(live)
    }

    /// Others add to the objects.
    pub async fn others_add(&self) -> anyhow::Result<()> {
        let paths = shop::paths(&self.namespace);
        for (path, patch) in paths.iter().zip(shop::additions()) {
            self.stage.write(Write::Strategic, path, BYSTANDER, &patch).await?;
        }
        self.stage.write(Write::Apply, &paths[0], MESH, &shop::mesh()).await?;
        Ok(())
    }

    /// Everything is as Git wants it, nothing of others is missing, nothing is left of predecessors,
    /// and cleat has nothing more to do.
    pub async fn is_settled(
        &self,
        wanted: &[Value],
        others: &[Vec<Value>],
        told: &str,
    ) -> anyhow::Result<()> {
        let told = format!("{} {told}", self.stage.server);
        let live = self.live().await?;
        for (index, (live, wanted)) in live.iter().zip(wanted).enumerate() {
            assert!(holds(live, wanted), "{told}: {live:#} is not as wanted: {wanted:#}");
            let mut bare = live.clone();
            bare["metadata"]["managedFields"] = Value::Null;
            let text = bare.to_string();
            for gone in shop::gone()[index] {
                assert!(!text.contains(gone), "{told}: {gone} is left in {bare:#}");
            }
            if !others.is_empty() {
                for kept in shop::kept()[index] {
                    assert!(text.contains(kept), "{told}: {kept} is missing in {bare:#}");
                }
                assert_eq!(entries_of_others(live), others[index], "{told}: entries of others");
            }
            let owned = managed::owned_by(live, CLEAT, Operation::Apply);
            let declared = self.declared(wanted);
            assert_eq!(owned, declared, "{told}: what cleat owns of {live:#}");
            for entry in managed::entries(live) {
                let known = [CLEAT, BYSTANDER, MESH].contains(&entry.manager.as_str());
                let inert = entry.subresource.is_some();
                assert!(known || inert, "{told}: an entry of {} is left: {entry:?}", entry.manager);
            }
        }
        let diff = self.cleat("diff", wanted).await?;
        assert_eq!(diff.code, Some(0), "{told}: {}", diff.said());
        self.stage.proxy.clear();
        self.apply("", wanted).await?;
        let writes: Vec<_> = self
            .stage
            .proxy
            .seen()
            .into_iter()
            .filter(|seen| seen.from_cleat && seen.is_write())
            .collect();
        assert!(writes.is_empty(), "{told}: {writes:#?}");
        Ok(())
    }

    /// The fields that an apply of a manifest declares.
    fn declared(&self, wanted: &Value) -> FieldSet {
        let mut body = wanted.clone();
        body["metadata"]["namespace"] = self.namespace.clone().into();
        let application: engine::application::ApplicationName =
            format!("{}/shop", self.namespace).parse().unwrap();
        let manifest = Manifest::new(body, Origin { file: String::new(), line: 1 }).unwrap();
        let request = merge::apply::Apply {
            live: None,
            body: &application.marked(&manifest).body,
            manager: CLEAT,
            force: true,
            subresource: None,
            time: "",
        };
        let created = merge::apply::apply(&Schemas::builtin(), &request, &defaults::fill).unwrap();
        managed::owned_by(&created, CLEAT, Operation::Apply)
    }
}

/// The entries of bystanders in managedFields.
pub fn entries_of_others(object: &Value) -> Vec<Value> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let of = |entry: &&Value| {
        entry["manager"].as_str().is_some_and(|manager| [BYSTANDER, MESH].contains(&manager))
    };
    entries.into_iter().flatten().filter(of).cloned().collect()
}

/// Whether an object has everything that is wanted of it: fields by name, list entries by theirs.
fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| live.get(name).is_some_and(|live| holds(live, wanted))),
        (Value::Array(live), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| live.iter().any(|live| holds(live, wanted)))
        }
        (live, wanted) => live == wanted,
    }
}
