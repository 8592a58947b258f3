//! For information: what one comparison takes, by kind. The object was edited by hand (`full`: one merge,
//! changes, blame, masks), or is in sync (`quick`: one walk; `digest`: the hash that vouches for it).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use benches::corpus::{Corpus, Shape};
use benches::live::{Live, application};
use benches::measure::{float, once};
use benches::report::{Arguments, Report};
use benches::repository::Repository;
use engine::diff::{Comparison, Verdict, diff, settled_digest};
use merge::{Manifest, Schemas};
use serde_json::Value;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    let (objects, rounds) = if arguments.quick { (60, 1) } else { (1_000, 3) };
    let corpus = Corpus::generate(&Shape::of(objects));
    let application = application()?;
    let render = Repository::of(&corpus)?.render()?;
    let desired: Vec<Manifest> = render.objects.iter().map(|it| application.marked(it)).collect();
    let same = Live::of(&desired, &Schemas::builtin())?;
    let mut edited = same.clone();
    edited.drift(1);

    let mut kinds: BTreeMap<&str, Vec<&Manifest>> = BTreeMap::new();
    for manifest in &desired {
        kinds.entry(&manifest.gvk.kind).or_default().push(manifest);
    }
    let columns = vec!["kind", "objects", "bytes live", "full µs", "quick µs", "digest µs"];
    let mut report = Report::new("diff_kinds", columns);
    report.say(corpus.describe());
    for (kind, of_kind) in kinds {
        let each = |live: &Live, work: &dyn Fn(&Manifest, &Value) -> bool| -> anyhow::Result<f64> {
            let (took, as_expected) = once(|| {
                let mut as_expected = true;
                for _ in 0..rounds {
                    for manifest in &of_kind {
                        let object = live.objects.get(&manifest.id);
                        as_expected &= object.is_some_and(|object| work(manifest, object));
                    }
                }
                as_expected
            });
            ensure!(as_expected, "a {kind} is not what it was made to be");
            Ok(microseconds(took.processor) / float(rounds * of_kind.len()))
        };
        let compared = |manifest: &Manifest, object: &Value| {
            diff(&Comparison {
                live: Some(object),
                previous: Some(&manifest.body),
                ..Comparison::new(&manifest.body, &same.schemas, &same.redaction)
            })
            .verdict
        };
        let full =
            each(&edited, &|manifest, object| compared(manifest, object) == Verdict::Differs)?;
        let quick = each(&same, &|manifest, object| compared(manifest, object) == Verdict::InSync)?;
        let digest = each(&same, &|manifest, object| {
            let now = settled_digest(&same.schemas, object, &manifest.body, None);
            let entry = same.inventory.entries.get(&manifest.id);
            entry.and_then(|entry| entry.settled).is_some_and(|then| then.digest == now.digest)
        })?;
        let bytes: usize = of_kind
            .iter()
            .filter_map(|manifest| same.objects.get(&manifest.id))
            .map(|object| object.to_string().len())
            .sum();
        report.row(vec![
            kind.to_owned(),
            of_kind.len().to_string(),
            (bytes / of_kind.len()).to_string(),
            format!("{full:.0}"),
            format!("{quick:.1}"),
            format!("{digest:.1}"),
        ]);
    }
    report.print(arguments)
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
