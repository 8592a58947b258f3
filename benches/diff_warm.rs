//! Render and diff where both are remembered, as a controller does it on every poll: `RenderCache` by
//! blob and tree id, and the standing comparison (`drift::Index`). The mirror is up to date when the
//! clock starts; what the fetch takes is said beside it. All of it is one thread, timed on the
//! processor; what the clock on the wall said stands in the last column.
//!
//! | case | what happens |
//! |---|---|
//! | nothing changed | the commit is rendered again, and the whole cluster is listed again |
//! | another commit | a commit with the same files: rendered, nothing to compare |
//! | one changed file | a commit with one other file: rendered, its objects read and compared with the live ones |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use benches::corpus::{Corpus, Layout, Shape};
use benches::live::{Live, application};
use benches::measure::{Took, median, once};
use benches::report::{Arguments, Report, duration};
use benches::repository::{Repository, options};
use engine::application::ApplicationName;
use engine::diff::{Comparison, Verdict, diff};
use engine::drift::{Bodies, Index, Scene, Standing};
use engine::ignore::Rules;
use engine::vouch::Server;
use manifests::{Mirror, RenderCache, Revision};
use merge::{Manifest, ObjectId, Schemas};
use serde_json::Value;

/// The bars.
const UNCHANGED: Duration = Duration::from_millis(100);
const ONE_FILE: Duration = Duration::from_millis(5);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    let (objects, rounds) = if arguments.quick { (60, 2) } else { (4_000, 15) };
    let columns = vec![
        "case",
        "layout",
        "objects",
        "files",
        "fetch",
        "render",
        "diff",
        "all",
        "by the clock",
    ];
    let mut report = Report::new("diff_warm", columns);
    for (layout, name) in [(Layout::Nested, "nested"), (Layout::Flat, "flat")] {
        let corpus = Corpus::generate(&Shape { layout, ..Shape::of(objects) });
        report.say(format!("{name}: {}", corpus.describe()));
        let mut stage = Stage::build(&corpus)?;
        for (case, bar) in [
            (Case::Unchanged, Some(UNCHANGED)),
            (Case::SameTree, None),
            (Case::OneFile, Some(ONE_FILE)),
        ] {
            let mut rows = Vec::new();
            for round in 0..rounds {
                rows.push(stage.round(case, round)?);
            }
            let median = |part: fn(&Row) -> Took| median(rows.iter().map(part).collect());
            let of = |part: fn(&Row) -> Took| median(part).processor;
            let all = of(Row::all);
            report.row(vec![
                case.name().to_owned(),
                name.to_owned(),
                corpus.objects().to_string(),
                corpus.files.len().to_string(),
                duration(of(|row| row.fetch)),
                duration(of(|row| row.render)),
                duration(of(|row| row.diff)),
                duration(all),
                duration(median(Row::all).wall),
            ]);
            if let Some(bar) = bar {
                let what = format!("{}, {name}: ms of render and diff", case.name());
                report.at_most(what, all.as_secs_f64() * 1e3, bar.as_secs_f64() * 1e3);
            }
        }
    }
    report.print(arguments)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Unchanged,
    SameTree,
    OneFile,
}

impl Case {
    const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "nothing changed",
            Self::SameTree => "another commit",
            Self::OneFile => "one changed file",
        }
    }
}

/// What one round took.
#[derive(Debug, Clone, Copy)]
struct Row {
    fetch: Took,
    render: Took,
    diff: Took,
}

impl Row {
    fn all(&self) -> Took {
        self.render.and(self.diff)
    }
}

/// A source, a cluster in sync with it, and both memories warm.
struct Stage {
    repository: Repository,
    /// The file that changes.
    path: String,
    text: String,
    application: ApplicationName,
    live: Live,
    cache: RenderCache,
    index: Index,
}

/// Bodies as a controller has them: what changed was just read, the rest is read again from the mirror.
struct Read<'a> {
    application: &'a ApplicationName,
    cache: &'a RenderCache,
    mirror: &'a Mirror,
    changed: &'a BTreeMap<ObjectId, Manifest>,
    applied: &'a BTreeMap<&'a ObjectId, &'a Arc<Value>>,
}

impl Bodies for Read<'_> {
    fn desired(&self, id: &ObjectId) -> Option<Arc<Value>> {
        if let Some(changed) = self.changed.get(id) {
            return Some(Arc::clone(&changed.body));
        }
        let found = self.cache.manifests(self.mirror, [id]).ok()?.pop()?;
        Some(self.application.into_marked(found).body)
    }

    fn previous(&self, id: &ObjectId) -> Option<Arc<Value>> {
        self.applied.get(id).copied().map(Arc::clone)
    }
}

impl Stage {
    fn build(corpus: &Corpus) -> anyhow::Result<Self> {
        let repository = Repository::of(corpus)?;
        let application = application()?;
        let render = repository.render()?;
        let desired: Vec<Manifest> =
            render.objects.into_iter().map(|it| application.into_marked(it)).collect();
        let live = Live::of(&desired, &Schemas::builtin())?;
        let workloads = corpus.files.iter().filter(|file| file.text.contains("kind: Deployment"));
        let workloads: Vec<_> = workloads.collect();
        let file = workloads.get(workloads.len() / 2).context("no workload to change")?;
        let (path, text) = (file.path.clone(), file.text.clone());
        let (cache, index) = (RenderCache::new(), Index::new());
        let mut stage = Self { repository, path, text, application, live, cache, index };
        let (mirror, revision) = stage.repository.mirror()?;
        stage.render(&mirror, &revision)?;
        let ids = desired.iter().map(|it| (it.id.clone(), it.digest));
        let ids: Vec<_> = ids.collect();
        stage.compare(&mirror, &BTreeMap::new(), |index, scene, live| {
            index.reset(scene, ids.iter().map(|(id, digest)| (id, *digest)));
            index.recall(scene, &live.inventory);
            index.relist(scene, |_| true, live.objects.values());
        });
        stage.expect_in_sync(0)?;
        Ok(stage)
    }

    fn expect_in_sync(&self, differing: usize) -> anyhow::Result<()> {
        let (in_sync, differ) =
            (self.index.count(Standing::InSync), self.index.count(Standing::Differs));
        let objects = self.live.objects.len();
        ensure!(
            (in_sync, differ) == (objects - differing, differing),
            "{in_sync} of {objects} are in sync and {differ} differ, expected {differing}"
        );
        Ok(())
    }

    /// Which objects have another body now.
    fn render(&mut self, mirror: &Mirror, revision: &Revision) -> anyhow::Result<Vec<ObjectId>> {
        let scopes = Schemas::builtin();
        let outlines = self.cache.render(mirror, revision, &options(&scopes))?;
        ensure!(outlines.len() == self.live.objects.len(), "the render lost objects");
        let changes = outlines.changes();
        ensure!(changes.removed.is_empty(), "objects went: {:?}", changes.removed);
        Ok(changes.changed.clone())
    }

    fn compare<T>(
        &mut self,
        mirror: &Mirror,
        changed: &BTreeMap<ObjectId, Manifest>,
        work: impl FnOnce(&mut Index, &Scene<'_>, &Live) -> T,
    ) -> T {
        let applied = self.live.bundle.objects.iter().map(|it| (&it.id, &it.body)).collect();
        let bodies = Read {
            application: &self.application,
            cache: &self.cache,
            mirror,
            changed,
            applied: &applied,
        };
        let scene = Scene {
            application: &self.application,
            schemas: &self.live.schemas,
            ignore: &Rules::default(),
            redaction: &self.live.redaction,
            autoscaled: &BTreeSet::new(),
            server: &Server::default(),
            bodies: &bodies,
        };
        work(&mut self.index, &scene, &self.live)
    }

    fn round(&mut self, case: Case, round: usize) -> anyhow::Result<Row> {
        match case {
            Case::Unchanged => {}
            Case::SameTree => self.repository.commit()?,
            Case::OneFile => {
                let image = self.text.find("image: ").context("a workload without an image")?;
                let end = self.text.get(image..).and_then(|rest| rest.find('\n'));
                let mut text = self.text.clone();
                text.insert_str(
                    image + end.context("an image without an end")?,
                    &format!("-{round}"),
                );
                self.repository.change(&self.path, &text)?;
            }
        }
        let (fetch, mirrored) = once(|| self.repository.mirror());
        let (mirror, revision) = mirrored?;
        let (render, changed) = once(|| self.render(&mirror, &revision));
        let changed = changed?;
        let (diff, ()) = match case {
            Case::Unchanged => self.listed_again(&mirror),
            Case::SameTree => once(|| ()),
            Case::OneFile => self.compared(&mirror, &changed)?,
        };
        ensure!(changed.len() == usize::from(case == Case::OneFile), "changed: {changed:?}");
        self.expect_in_sync(changed.len())?;
        Ok(Row { fetch, render, diff })
    }

    /// The whole cluster, as a list brings it.
    fn listed_again(&mut self, mirror: &Mirror) -> (Took, ()) {
        self.compare(mirror, &BTreeMap::new(), |index, scene, live| {
            once(|| drop(index.relist(scene, |_| true, live.objects.values())))
        })
    }

    /// What a commit changed, against what the cluster has.
    fn compared(&mut self, mirror: &Mirror, changed: &[ObjectId]) -> anyhow::Result<(Took, ())> {
        let (reading, read) = once(|| self.read(mirror, changed));
        let read = read?;
        ensure!(read.len() == changed.len(), "bodies are not there");
        let (comparing, compared) = self.compare(mirror, &read, |index, scene, live| {
            once(|| read.values().try_for_each(|wanted| show(index, scene, live, wanted)))
        });
        compared?;
        Ok((reading.and(comparing), ()))
    }

    fn read(
        &self,
        mirror: &Mirror,
        changed: &[ObjectId],
    ) -> anyhow::Result<BTreeMap<ObjectId, Manifest>> {
        let read = self.cache.manifests(mirror, changed)?.into_iter();
        let read = read.map(|it| self.application.into_marked(it));
        Ok(read.map(|it| (it.id.clone(), it)).collect())
    }
}

/// Compares what Git changed, and works out what a plan shows of it.
fn show(
    index: &mut Index,
    scene: &Scene<'_>,
    live: &Live,
    wanted: &Manifest,
) -> anyhow::Result<()> {
    let id = &wanted.id;
    let now = live.objects.get(id).context("an object that is not there")?;
    index.desire(scene, id, wanted.digest);
    if index.standing(id) == Standing::Unread {
        // It was in sync, so its body was let go: it is read again.
        index.observe(scene, now);
    }
    let previous = scene.bodies.previous(id);
    let found = diff(&Comparison {
        live: Some(now),
        previous: previous.as_deref(),
        ..Comparison::new(&wanted.body, scene.schemas, scene.redaction)
    });
    ensure!(found.verdict == Verdict::Differs, "{id}: {:?}", found.verdict);
    ensure!(found.changes.len() == 1, "{id}: {:?}", found.changes);
    Ok(())
}
