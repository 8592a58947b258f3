//! Cold render and diff of a thousand to a hundred thousand objects from a Git mirror, as a multiple of
//! the time the loader alone takes for the same bytes in memory on as many threads.
//!
//! Cold: a mirror on disk and the inventory of the last apply are there, nothing is in memory. Three
//! cases: what the last apply recorded stands (`recorded`), there is no record (`none`), and every
//! hundredth object was edited by hand (`1 % drift`). One thread is timed on the processor, several by
//! the clock. Of several rounds the medians count.

use std::collections::BTreeMap;
use std::num::NonZero;

use anyhow::ensure;
use benches::compare::{self, Memory, Tally};
use benches::corpus::{Corpus, File, Shape};
use benches::live::{Live, application};
use benches::measure::{Took, exponent, float, median, once, ratio};
use benches::report::{Arguments, Report, duration};
use benches::repository::{Repository, options};
use engine::vouch::{Server, Vouching};
use manifests::{Limits, RenderOptions};
use merge::{Manifest, Schemas};

/// The bars: how much longer than the parse alone, and how it may grow with the number of objects.
const MOST: f64 = 1.5;
const STEEPEST: f64 = 1.05;

/// The three cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Recorded,
    NoRecord,
    Drifted,
}

impl Case {
    const ALL: [Self; 3] = [Self::Recorded, Self::NoRecord, Self::Drifted];

    const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::NoRecord => "none",
            Self::Drifted => "1 % drift",
        }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    // The larger, the longer each round, and the less chance is in it.
    let sizes: &[(usize, usize)] = if arguments.quick {
        &[(60, 1), (120, 1)]
    } else {
        &[(1_000, 9), (4_000, 5), (10_000, 3), (100_000, 1)]
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let columns = vec![
        "objects",
        "record",
        "threads",
        "parse",
        "render",
        "diff",
        "all",
        "ratio",
        "MB/s parsed",
    ];
    let mut report = Report::new("diff_scale", columns);
    let mut points: BTreeMap<(&str, usize), Vec<(f64, f64)>> = BTreeMap::new();
    let mut worst: BTreeMap<(&str, usize), f64> = BTreeMap::new();
    for &(size, rounds) in sizes.iter().filter(|(size, _)| *size <= arguments.most) {
        let corpus = Corpus::generate(&Shape::of(size));
        report.say(corpus.describe());
        let stage = Stage::build(&corpus)?;
        for threads in [1, cores] {
            for (case, row) in stage.measure(threads, rounds)? {
                // One thread's time on the processor is what it takes on an idle machine.
                let of = |took: Took| if threads == 1 { took.processor } else { took.wall };
                let times = ratio(of(row.all), of(row.parse));
                let key = (case.name(), threads);
                points.entry(key).or_default().push((float(size), of(row.all).as_secs_f64()));
                let most = worst.entry(key).or_default();
                *most = most.max(times);
                report.row(vec![
                    size.to_string(),
                    case.name().to_owned(),
                    threads.to_string(),
                    duration(of(row.parse)),
                    duration(of(row.render)),
                    duration(of(row.diff)),
                    duration(of(row.all)),
                    format!("{times:.2}"),
                    format!("{:.0}", float(corpus.bytes()) / 1e6 / of(row.parse).as_secs_f64()),
                ]);
            }
            if cores == 1 {
                break;
            }
        }
    }
    for ((case, threads), times) in worst {
        report.at_most(format!("{case}, {threads} threads: render and diff / parse"), times, MOST);
    }
    for ((case, threads), points) in points.into_iter().filter(|(_, points)| points.len() > 1) {
        report.at_most(format!("{case}, {threads} threads: exponent"), exponent(&points), STEEPEST);
    }
    report.print(arguments)
}

/// A repository, and two clusters that were brought to it.
struct Stage<'a> {
    corpus: &'a Corpus,
    repository: Repository,
    same: Live,
    drifted: Live,
    edits: usize,
    server: Server,
}

/// The medians of one case.
struct Row {
    parse: Took,
    render: Took,
    diff: Took,
    all: Took,
}

impl<'a> Stage<'a> {
    fn build(corpus: &'a Corpus) -> anyhow::Result<Self> {
        let repository = Repository::of(corpus)?;
        let application = application()?;
        let render = repository.render()?;
        let desired: Vec<Manifest> =
            render.objects.iter().map(|it| application.marked(it)).collect();
        let same = Live::of(&desired, &Schemas::builtin())?;
        let mut drifted = same.clone();
        let edits = drifted.drift(100);
        Ok(Self { corpus, repository, same, drifted, edits, server: Server::default() })
    }

    fn measure(&self, threads: usize, rounds: usize) -> anyhow::Result<Vec<(Case, Row)>> {
        let (mut parse, mut render) = (Vec::new(), Vec::new());
        let mut diffs = Case::ALL.map(|case| (case, Vec::new()));
        for _ in 0..rounds {
            // One after the other, so that a busy machine is busy for all.
            let (took, documents) = once(|| parse_all(&self.corpus.files, threads));
            ensure!(documents? == self.corpus.objects(), "the loader lost documents");
            parse.push(took);
            let (took, desired) = once(|| self.render(threads));
            let desired = desired?;
            render.push(took);
            for (case, diff) in &mut diffs {
                let (took, tally) = once(|| self.compare(*case, &desired, threads));
                self.check(*case, tally)?;
                diff.push(took);
            }
        }
        let rows = diffs.into_iter().map(|(case, diff)| {
            let pairs = render.iter().zip(&diff);
            let all = pairs.map(|(one, two)| one.and(*two));
            let all = median(all.collect());
            let (parse, render) = (median(parse.clone()), median(render.clone()));
            (case, Row { parse, render, diff: median(diff), all })
        });
        Ok(rows.collect())
    }

    fn render(&self, threads: usize) -> anyhow::Result<Vec<Manifest>> {
        let (mirror, revision) = self.repository.mirror()?;
        let scopes = Schemas::builtin();
        let threads = NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN);
        let options = RenderOptions { threads, ..options(&scopes) };
        let render = manifests::render(&mirror, &revision, &options)?;
        let application = application()?;
        Ok(render.objects.into_iter().map(|it| application.into_marked(it)).collect())
    }

    fn compare(&self, case: Case, desired: &[Manifest], threads: usize) -> Tally {
        let live = if case == Case::Drifted { &self.drifted } else { &self.same };
        let vouching = Vouching {
            inventory: &live.inventory,
            previous: live.bundle.objects.iter().map(|it| (&it.id, it)).collect(),
            schemas: &live.schemas,
            server: &self.server,
        };
        let memory = Memory { records: (case != Case::NoRecord).then_some(&vouching) };
        compare::all(desired, live, memory, threads)
    }

    /// A fast wrong answer is none.
    fn check(&self, case: Case, tally: Tally) -> anyhow::Result<()> {
        let objects = self.corpus.objects();
        let expected = match case {
            Case::Recorded => Tally { vouched: objects, ..Tally::default() },
            Case::NoRecord => Tally { in_sync: objects, ..Tally::default() },
            Case::Drifted => {
                Tally { vouched: objects - self.edits, differ: self.edits, ..Tally::default() }
            }
        };
        ensure!(tally == expected, "{}: {tally:?}, expected {expected:?}", case.name());
        Ok(())
    }
}

/// Parses every file, on as many threads, each file's values dropped before the next.
fn parse_all(files: &[File], threads: usize) -> anyhow::Result<usize> {
    let limits = Limits::default();
    let share = files.len().div_ceil(threads).max(1);
    let limits = &limits;
    std::thread::scope(|scope| {
        let running: Vec<_> = files
            .chunks(share)
            .map(|files| {
                scope.spawn(move || -> anyhow::Result<usize> {
                    let mut documents = 0;
                    for file in files {
                        let bytes = file.text.as_bytes();
                        let parsed = manifests::parse_stream(&file.path, bytes, limits)?;
                        documents += std::hint::black_box(parsed).len();
                    }
                    Ok(documents)
                })
            })
            .collect();
        let mut documents = 0;
        for thread in running {
            documents +=
                thread.join().map_err(|_| anyhow::anyhow!("a parsing thread panicked"))??;
        }
        Ok(documents)
    })
}
