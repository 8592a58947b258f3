//! What desired objects are compared with: a cluster, files that stand for one, or nothing at all.
//! `plan` and `diff` share it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use engine::application::ApplicationName;
use engine::asked::Question;
use engine::diff::{Comparison, diff};
use engine::plan::Cluster;
use engine::record::{Bundle, Entry, Inventory, Quarantined, Resume};
use engine::redact::{Redaction, Salt};
use manifests::{Limits, RenderOptions};
use merge::schema::Schemas;
use merge::{Digest, Manifest, ObjectId};
use serde_json::Value;
use syncer::ask::{Asker, Said};
use tokio::runtime::Runtime;

use crate::asking::Ask;
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
    /// When to ask the cluster, by dry run, what an apply would make of an object
    #[arg(long, value_enum, default_value_t = Ask::Unsure, value_name = "WHEN",
          help_heading = "Compare with")]
    pub ask: Ask,
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
    /// When the server is asked.
    pub asking: Ask,
    /// The schemas of the cluster's kinds.
    served: Option<Schemas>,
    /// The cluster, to be asked more.
    server: Option<Server>,
}

/// A cluster that can be asked. The runtime holds its connections.
#[derive(Debug)]
struct Server {
    asker: Asker,
    runtime: Runtime,
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
            return self.read_cluster(shell, application, source);
        }
        let world = self.read_files(application)?;
        let render = source.render(shell, &world.schemas(&[]))?;
        if source.repo.is_some() && self.live.is_empty() && self.previous.is_empty() {
            shell.warn("compared with an empty cluster; --cluster compares with a real one");
        }
        warn_of_unmanaged(shell, &world, &render.objects);
        let desired = render.objects.into_iter().map(|it| application.into_marked(it));
        Ok((world, desired.collect()))
    }

    /// The namespace of what names none, and of the application: the one given, the kubeconfig's, or
    /// `default`.
    pub fn namespace(&self, given: Option<String>) -> anyhow::Result<String> {
        match given {
            Some(given) => Ok(given),
            None if self.is_cluster() => cluster::block_on(self.connection.default_namespace()),
            None => Ok("default".to_owned()),
        }
    }

    fn is_cluster(&self) -> bool {
        self.cluster || self.connection.kubeconfig.is_some() || self.connection.context.is_some()
    }

    /// The render is at work on a thread of its own while the cluster is read.
    fn read_cluster(
        &self,
        shell: &Shell,
        application: &ApplicationName,
        source: &SourceArgs,
    ) -> anyhow::Result<(World, Vec<Manifest>)> {
        let (told, rendered) = tokio::sync::oneshot::channel();
        let runtime = cluster::runtime()?;
        let (client, reading) = std::thread::scope(|scope| {
            scope.spawn(|| told.send(source.render_quietly(shell, &Schemas::builtin())).is_ok());
            runtime.block_on(async {
                let client = self.connection.connect(shell).await?;
                let render = async {
                    let render = rendered.await.context("the render ended without an answer")??;
                    Ok::<_, anyhow::Error>((render.digest, render.objects))
                };
                let reading = syncer::reading::read(&client, application, render).await?;
                Ok::<_, anyhow::Error>((client, reading))
            })
        })?;
        let quarantined = match reading.records.ledger().resume(reading.digest) {
            Resume::Refuse { quarantined } => Some(quarantined),
            _ => None,
        };
        let world = World {
            live: reading.live.objects,
            cluster: reading.live.cluster,
            inventory: reading.records.inventory().clone(),
            previous: reading.previous,
            quarantined,
            read_at: Some(syncer::clock::Clock::system().now()),
            asking: self.ask,
            served: Some(reading.schemas),
            server: Some(Server { asker: Asker::new(client, reading.discovery), runtime }),
        };
        Ok((world, reading.desired))
    }

    fn read_files(&self, application: &ApplicationName) -> anyhow::Result<World> {
        let mut world = World::default();
        for manifest in objects(&self.live)? {
            world.live.insert(manifest.id, manifest.body);
        }
        if !self.previous.is_empty() {
            let applied: Vec<Manifest> = objects(&self.previous)?
                .into_iter()
                .map(|it| application.into_marked(it))
                .collect();
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
    /// Whether it is a cluster, and not files that stand for one.
    pub const fn is_cluster(&self) -> bool {
        self.server.is_some()
    }

    /// What the server says that applies would make of objects, in the order of the questions; `None`
    /// where there is no server to ask.
    pub fn ask(&self, questions: &[Question<'_>]) -> anyhow::Result<Vec<Option<Said>>> {
        let Some(server) = self.server.as_ref().filter(|_| !questions.is_empty()) else {
            return Ok(vec![None; questions.len()]);
        };
        let said = server.runtime.block_on(server.asker.ask(questions))?;
        Ok(said.into_iter().map(Some).collect())
    }

    /// Leaves everything as it lies, for a process that is about to end: giving back what a thousand
    /// objects hold, value by value, takes a tenth of the time of comparing them.
    pub fn leave(self, desired: Vec<Manifest>) {
        std::mem::forget((self, desired));
    }

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
