//! What desired objects are compared with: a cluster, files that stand for one, or nothing at all.
//! `plan` and `diff` share it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use engine::application::ApplicationName;
use engine::diff::{Comparison, diff};
use engine::plan::Cluster;
use engine::record::{Bundle, Entry, Inventory, Quarantined, Resume};
use engine::redact::{Redaction, Salt};
use manifests::{Limits, Render, RenderOptions};
use merge::schema::Schemas;
use merge::{Digest, Manifest, ObjectId};
use serde_json::Value;

use syncer::discovery::Discovery;
use syncer::records::Records;

use crate::cluster::{self, ClusterArgs};
use crate::shell::Shell;
use crate::source::{SourceArgs, file_source};

/// The flags that say what to compare with.
#[derive(Debug, Clone, clap::Args)]
pub struct WorldArgs {
    /// What the cluster has, as `kubectl get -o yaml --show-managed-fields` prints it, or - for
    /// standard input; may be repeated
    #[arg(long, value_name = "FILE|-", help_heading = "Compare with")]
    pub live: Vec<PathBuf>,
    /// What was applied last; what it has and the source has not is what Git dropped; may be repeated
    #[arg(long, value_name = "FILE|DIR", help_heading = "Compare with")]
    pub previous: Vec<PathBuf>,
    /// The cluster of the kubeconfig's current context; --kubeconfig and --context imply it
    #[arg(long, conflicts_with_all = ["live", "previous"], help_heading = "Compare with")]
    pub cluster: bool,
    #[command(flatten)]
    pub connection: ClusterArgs,
}

/// What desired objects are compared with.
#[derive(Debug, Default)]
pub struct World {
    /// What there is.
    pub live: BTreeMap<ObjectId, Arc<Value>>,
    /// What is known of the cluster besides.
    pub cluster: Cluster,
    /// What the application is recorded to have.
    pub inventory: Inventory,
    /// What was applied last.
    pub previous: Option<Bundle>,
    /// The run that failed with this very render, if it is quarantined.
    pub quarantined: Option<Quarantined>,
    /// When the cluster was read.
    pub read_at: Option<jiff::Timestamp>,
    /// The schemas of the cluster's kinds.
    served: Option<Schemas>,
}

impl WorldArgs {
    /// Reads the cluster, or the files that stand for one, and renders the source by the kinds that
    /// are known there. The objects are those that the application would apply, marked.
    pub fn read(
        &self,
        shell: &mut Shell,
        application: &ApplicationName,
        source: &SourceArgs,
    ) -> anyhow::Result<(World, Vec<Manifest>)> {
        if self.is_cluster() {
            let render = source.render_quietly(shell, &Schemas::builtin())?;
            return cluster::block_on(self.read_cluster(application, render));
        }
        let world = self.read_files(application)?;
        let render = source.render(shell, &world.schemas(&[]))?;
        if source.repo.is_some() && self.live.is_empty() && self.previous.is_empty() {
            shell.warn("compared with an empty cluster; --cluster compares with a real one");
        }
        warn_of_unmanaged(shell, &world, &render.objects);
        let desired = render.objects.iter().map(|manifest| application.marked(manifest));
        Ok((world, desired.collect()))
    }

    /// The namespace of what names none, and of the application: the one given, the kubeconfig's, or
    /// `default`.
    pub fn namespace(&self, given: Option<String>) -> anyhow::Result<String> {
        match given {
            Some(given) => Ok(given),
            None if self.is_cluster() => cluster::block_on(async {
                Ok(self.connection.connect().await?.default_namespace().to_owned())
            }),
            None => Ok("default".to_owned()),
        }
    }

    fn is_cluster(&self) -> bool {
        self.cluster || self.connection.kubeconfig.is_some() || self.connection.context.is_some()
    }

    async fn read_cluster(
        &self,
        application: &ApplicationName,
        render: Render,
    ) -> anyhow::Result<(World, Vec<Manifest>)> {
        let client = self.connection.connect().await?;
        let records = Records::read(&client, application, "plan").await?;
        let discovery = Discovery::read(&client).await?;
        let quarantined = match records.ledger().resume(render.digest) {
            Resume::Refuse { quarantined } => Some(quarantined),
            _ => None,
        };
        // What a kind is and where it lives is judged by what the cluster serves, not by us.
        let placed = render.objects.into_iter().map(|manifest| {
            syncer::apply::placed(&manifest, &discovery, &application.namespace).unwrap_or(manifest)
        });
        let desired: Vec<Manifest> = placed.map(|it| application.marked(&it)).collect();
        let inventory = records.inventory().clone();
        let live = syncer::live::read(&client, &discovery, &desired, &inventory).await?;
        let read_at = Some(syncer::clock::Clock::system().now());
        let kinds = desired.iter().map(|manifest| manifest.gvk.clone()).collect();
        let schemas = syncer::schemas::of_server(&client, &kinds, &desired).await?;
        let previous = syncer::apply::previous(&records)?;
        let world = World {
            live: live.objects,
            cluster: live.cluster,
            inventory,
            previous,
            quarantined,
            read_at,
            served: Some(schemas),
        };
        Ok((world, desired))
    }

    fn read_files(&self, application: &ApplicationName) -> anyhow::Result<World> {
        let mut world = World::default();
        for manifest in objects(&self.live)? {
            world.live.insert(manifest.id, manifest.body);
        }
        if !self.previous.is_empty() {
            let applied: Vec<Manifest> =
                objects(&self.previous)?.iter().map(|it| application.marked(it)).collect();
            world.remember(applied);
        }
        Ok(world)
    }
}

/// Says how many of the live objects that are compared do not tell who wrote their fields. One that
/// came without a uid is no dump of a server's, but an example that somebody wrote.
fn warn_of_unmanaged(shell: &mut Shell, world: &World, desired: &[Manifest]) {
    let unmanaged = |live: &Value| {
        merge::object::uid(live).is_some()
            && merge::object::metadata(live)
                .is_none_or(|metadata| !metadata.contains_key("managedFields"))
    };
    let compared = desired.iter().filter_map(|manifest| world.live.get(&manifest.id));
    let which = match compared.filter(|live| unmanaged(live)).count() {
        0 => return,
        1 => "1 live object has".to_owned(),
        count => format!("{count} live objects have"),
    };
    shell.warn(&format!(
        "{which} no managedFields, so what was removed from the source cannot be seen there"
    ));
    shell.hint("use what kubectl get -o yaml --show-managed-fields prints");
}

impl World {
    /// What a revision comes to on a cluster that had nothing before.
    pub fn of_applied(applied: Vec<Manifest>) -> Self {
        let mut world = Self::default();
        // Nothing of this comparison is shown but the object, and that is masked where it is.
        let redaction = Redaction::new(Salt::new([0; 16]));
        let schemas = world.schemas(&applied);
        for manifest in &applied {
            let created = diff(&Comparison::new(&manifest.body, &schemas, &redaction)).predicted;
            let live =
                created.map_or_else(|| Arc::clone(&manifest.body), |it| Arc::clone(it.expose()));
            world.live.insert(manifest.id.clone(), live);
        }
        world.remember(applied);
        world
    }

    fn remember(&mut self, applied: Vec<Manifest>) {
        for manifest in &applied {
            let live = self.live.get(&manifest.id);
            let entry = Entry {
                api_version: manifest.gvk.api_version(),
                uid: live.and_then(|it| merge::object::uid(it)).map(str::to_owned),
                desired: manifest.digest,
                settled: None,
                tentative: false,
                adopted: false,
            };
            self.inventory.entries.insert(manifest.id.clone(), entry);
        }
        let digests = applied.iter().map(|it| Value::String(it.digest.to_string())).collect();
        let digest = Digest::of(&Value::Array(digests));
        self.previous = Some(Bundle { digest, revision: None, objects: applied });
    }

    /// The schemas to go by: the cluster's or the built-in ones, and those of definitions on either
    /// side.
    pub fn schemas(&self, desired: &[Manifest]) -> Schemas {
        let base = self.served.clone().unwrap_or_else(Schemas::builtin);
        let live = self.live.values().map(AsRef::as_ref);
        let bodies = live.chain(desired.iter().map(|manifest| manifest.body.as_ref()));
        bodies
            .filter(|body| {
                ObjectId::of(body).is_some_and(|id| engine::plan::order::is_definition(&id))
            })
            // One that cannot be read is told by the plan, with its place.
            .fold(base, |all, body| all.with_definition(body).unwrap_or(all))
    }
}

/// The objects of files that stand for a cluster: a dump may be larger than what anybody writes.
fn objects(files: &[PathBuf]) -> anyhow::Result<Vec<Manifest>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let scopes = Schemas::builtin();
    let limits = Limits { file_bytes: Limits::default().total_bytes, ..Limits::default() };
    let options = RenderOptions { limits, ..RenderOptions::new(&scopes) };
    let sources = files.iter().map(|path| file_source(path, &options.limits));
    let sources = sources.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(manifests::render_files(&sources, &options)?.objects)
}
