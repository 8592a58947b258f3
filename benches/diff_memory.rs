//! What stays in memory for an object that is in sync: the memory of its source (`RenderCache`) and the
//! standing comparison (`drift::Index`), fed with a render, an inventory and a list, after all three are
//! gone. Counted by the allocator.

use std::alloc::System;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::ensure;
use benches::corpus::{Corpus, Shape};
use benches::live::{Live, application};
use benches::measure::float;
use benches::report::{Arguments, Report};
use benches::repository::{Repository, options};
use cap::Cap;
use engine::drift::{Bodies, Index, Scene, Standing};
use engine::ignore::Rules;
use engine::vouch::Server;
use manifests::RenderCache;
use merge::{Manifest, ObjectId, Schemas};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The bar, in bytes.
const MOST: f64 = 1024.0;

/// A render whose bodies can be asked for.
struct Rendered(BTreeMap<ObjectId, Arc<Value>>);

impl Bodies for Rendered {
    fn desired(&self, id: &ObjectId) -> Option<Arc<Value>> {
        self.0.get(id).cloned()
    }

    fn previous(&self, id: &ObjectId) -> Option<Arc<Value>> {
        self.desired(id)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    let sizes: &[usize] = if arguments.quick { &[300] } else { &[10_000, 100_000] };
    let columns = vec!["objects", "in sync", "source", "comparison", "bytes an object", "peak MB"];
    let mut report = Report::new("diff_memory", columns);
    // Tables that are made once for the whole process are nobody's share.
    let small = Corpus::generate(&Shape::of(60));
    drop((source(&small)?, standing(&small)?));
    for &size in sizes.iter().filter(|size| **size <= arguments.most) {
        let corpus = Corpus::generate(&Shape::of(size));
        report.say(corpus.describe());
        let before = ALLOCATOR.allocated();
        let cache = source(&corpus)?;
        let source = ALLOCATOR.allocated().saturating_sub(before);
        let index = standing(&corpus)?;
        let kept = ALLOCATOR.allocated().saturating_sub(before);
        drop(cache);
        let in_sync = index.count(Standing::InSync);
        ensure!(in_sync == size, "only {in_sync} of {size} are in sync");
        let each = float(kept) / float(in_sync);
        report.row(vec![
            size.to_string(),
            in_sync.to_string(),
            format!("{:.0}", float(source) / float(in_sync)),
            format!("{:.0}", float(kept.saturating_sub(source)) / float(in_sync)),
            format!("{each:.0}"),
            format!("{:.0}", float(ALLOCATOR.max_allocated()) / 1e6),
        ]);
        report.at_most(format!("{size} objects: bytes kept an object in sync"), each, MOST);
    }
    report.print(arguments)
}

/// The memory of a corpus as a source.
fn source(corpus: &Corpus) -> anyhow::Result<RenderCache> {
    let (mirror, revision) = Repository::of(corpus)?.mirror()?;
    let scopes = Schemas::builtin();
    let mut cache = RenderCache::new();
    let objects = cache.render(&mirror, &revision, &options(&scopes))?.len();
    ensure!(objects == corpus.objects(), "the render lost objects");
    Ok(cache)
}

/// The comparison of a corpus with what a server made of it. All that it was made from is gone when it
/// is returned, unless it still holds it.
fn standing(corpus: &Corpus) -> anyhow::Result<Index> {
    let application = application()?;
    let render = Repository::of(corpus)?.render()?;
    let desired: Vec<Manifest> = render.objects.iter().map(|it| application.marked(it)).collect();
    let bodies = desired.iter().map(|it| (it.id.clone(), Arc::clone(&it.body)));
    let rendered = Rendered(bodies.collect());
    let live = Live::of(&desired, &Schemas::builtin())?;
    let scene = Scene {
        application: &application,
        schemas: &live.schemas,
        ignore: &Rules::default(),
        redaction: &live.redaction,
        autoscaled: &BTreeSet::new(),
        server: &Server::default(),
        bodies: &rendered,
    };
    let mut index = Index::new();
    index.reset(&scene, desired.iter().map(|it| (&it.id, it.digest)));
    index.recall(&scene, &live.inventory);
    index.relist(&scene, |_| true, live.objects.values());
    Ok(index)
}
