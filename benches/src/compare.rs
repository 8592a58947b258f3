//! All desired objects against all live ones, on some threads: what a plan does before it orders
//! anything.

use engine::diff::{Comparison, Verdict, diff};
use engine::vouch::Vouching;
use merge::Manifest;

use crate::live::Live;

/// How many objects are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The two hashes of the inventory stand.
    pub vouched: usize,
    /// Compared in full, and the same.
    pub in_sync: usize,
    /// Compared in full, and not.
    pub differ: usize,
    /// Not in the cluster.
    pub missing: usize,
}

impl Tally {
    const fn and(self, other: Self) -> Self {
        Self {
            vouched: self.vouched + other.vouched,
            in_sync: self.in_sync + other.in_sync,
            differ: self.differ + other.differ,
            missing: self.missing + other.missing,
        }
    }
}

/// What the last apply remembers, if anything.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// The two hashes of each object, and what was applied.
    pub records: Option<&'a Vouching<'a>>,
}

/// Compares everything.
pub fn all(desired: &[Manifest], live: &Live, memory: Memory<'_>, threads: usize) -> Tally {
    let share = desired.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> = desired
            .chunks(share)
            .map(|some| scope.spawn(move || some_of(some, live, memory)))
            .collect();
        let tallies = running.into_iter().filter_map(|thread| thread.join().ok());
        tallies.fold(Tally::default(), Tally::and)
    })
}

fn some_of(desired: &[Manifest], live: &Live, memory: Memory<'_>) -> Tally {
    let mut tally = Tally::default();
    for manifest in desired {
        let Some(object) = live.objects.get(&manifest.id) else {
            tally.missing += 1;
            continue;
        };
        let stands = memory.records.is_some_and(|it| it.stands(manifest, object));
        if stands {
            tally.vouched += 1;
            continue;
        }
        let comparison = Comparison {
            live: Some(object),
            previous: memory
                .records
                .and_then(|it| it.previous.get(&manifest.id))
                .map(|it| it.body.as_ref()),
            ..Comparison::new(&manifest.body, &live.schemas, &live.redaction)
        };
        match diff(&comparison).verdict {
            Verdict::InSync => tally.in_sync += 1,
            _ => tally.differ += 1,
        }
    }
    tally
}
