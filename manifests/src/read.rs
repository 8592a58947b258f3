//! Files read and parsed, on as many threads as are given. The outcome is that of one thread reading
//! them in order: what the files may hold together is counted again in order, and from the first file
//! that goes beyond it, they are read again one after the other.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::{Oid, Repository};
use merge::GroupVersionKind;
use merge::schema::Scope;

use crate::loader::Budget;
use crate::objects::file::{self, Item, Parsed, Scopes, Setting};
use crate::problem::Problem;
use crate::source::{self, ReadError};

/// So few files are read on the thread that asks for them.
const FEW: usize = 32;

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Blob(Oid),
    Path(PathBuf),
    Bytes(Vec<u8>),
}

/// A file to read, and what problems and origins call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub name: String,
    pub place: Place,
}

/// What a file came to; whether it was the object database that failed.
pub(crate) struct Outcome {
    pub parsed: Parsed,
    /// How many bytes it has; 0 if it cannot be read.
    pub size: u64,
    pub damaged: bool,
}

/// What is known of a kind while files are parsed.
pub(crate) type ScopeOf<'a> = dyn Fn(&GroupVersionKind) -> Option<Scope> + Sync + 'a;

/// Reads files for one source.
pub(crate) struct Reader<'a> {
    /// Where blobs are.
    pub repository: Option<&'a Repository>,
    pub threads: NonZeroUsize,
    pub parser: Parser<'a>,
}

/// Reads and parses one file after the other.
#[derive(Clone, Copy)]
pub(crate) struct Parser<'a> {
    pub setting: Setting<'a>,
    /// Whether bodies are kept. Those of kinds whose scope is not known yet always are.
    pub keep_bodies: bool,
}

impl Reader<'_> {
    /// What each file comes to, in their order.
    pub fn parse(&self, files: &[File], scope: &ScopeOf<'_>) -> Vec<Outcome> {
        let mut left = Budget::new(self.parser.setting.limits);
        let threads = self.threads.get().min(files.len() / FEW);
        if threads < 2 {
            return self.in_order(files, scope, left);
        }
        let mut outcomes = self.side_by_side(files, scope, threads);
        let sound = outcomes
            .iter()
            .take_while(|outcome| {
                outcome
                    .as_ref()
                    .is_some_and(|it| !it.parsed.spent.refused && left.spend(it.parsed.spent))
            })
            .count();
        if sound < files.len() {
            outcomes.truncate(sound);
            let rest = self.in_order(files.get(sound..).unwrap_or_default(), scope, left);
            outcomes.extend(rest.into_iter().map(Some));
        }
        outcomes.into_iter().flatten().collect()
    }

    /// Settles what waited for the other files: kinds that the source defines, and kinds that nobody
    /// knows. A file that was read by another scope than its source defines is read again.
    pub fn settle(&self, files: &[File], outcomes: &mut [Outcome], scopes: &Scopes<'_>) {
        for (file, outcome) in files.iter().zip(outcomes) {
            let mistaken =
                |item: &Item| item.digest.is_some() && scopes.of(&item.gvk) != item.scope;
            if !scopes.defined.is_empty() && outcome.parsed.items.iter().any(mistaken) {
                let whole = Budget::new(self.parser.setting.limits);
                *outcome = self.parser.one(self.repository, file, &|gvk| scopes.of(gvk), whole);
            }
            for item in outcome.parsed.items.iter_mut().filter(|item| item.digest.is_none()) {
                item.settle(scopes.of(&item.gvk), self.parser.setting.namespace);
                if !self.parser.keep_bodies {
                    item.body = None;
                }
            }
        }
    }

    fn in_order(&self, files: &[File], scope: &ScopeOf<'_>, mut left: Budget) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(files.len());
        for file in files {
            let outcome = self.parser.one(self.repository, file, scope, left);
            left = left.after(outcome.parsed.spent);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// `None` for files that were not begun, since those before them spent the whole budget.
    fn side_by_side(
        &self,
        files: &[File],
        scope: &ScopeOf<'_>,
        threads: usize,
    ) -> Vec<Option<Outcome>> {
        let path = self.repository.map(Repository::path);
        let parser = self.parser;
        let whole = Budget::new(parser.setting.limits);
        let (next, spent) = (AtomicUsize::new(0), AtomicU64::new(0));
        let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::with_capacity(files.len()));
        let work = || {
            let own = path.and_then(|path: &Path| Repository::open_bare(path).ok());
            let mut mine = Vec::with_capacity(files.len() / threads);
            loop {
                let first = next.fetch_add(FEW / 4, Ordering::Relaxed);
                let Some(some) = files.get(first..files.len().min(first + FEW / 4)) else { break };
                for (index, file) in (first..).zip(some) {
                    let left = whole.value_bytes.saturating_sub(spent.load(Ordering::Relaxed));
                    if left == 0 {
                        break;
                    }
                    let budget = Budget { value_bytes: left, ..whole };
                    // Files are begun in order, so what is spent was spent by files before this one.
                    let outcome = parser.one(own.as_ref(), file, scope, budget);
                    spent.fetch_add(outcome.parsed.spent.value_bytes, Ordering::Relaxed);
                    mine.push((index, outcome));
                }
                if some.is_empty() {
                    break;
                }
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
        };
        std::thread::scope(|threads_of_this| {
            for _ in 1..threads {
                threads_of_this.spawn(work);
            }
            work();
        });
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        outcomes.resize_with(files.len(), || None);
        for (index, outcome) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(place) = outcomes.get_mut(index) {
                *place = Some(outcome);
            }
        }
        outcomes
    }
}

impl Parser<'_> {
    /// One file, read and parsed.
    pub fn one(
        &self,
        repository: Option<&Repository>,
        file: &File,
        scope: &ScopeOf<'_>,
        budget: Budget,
    ) -> Outcome {
        let (mut parsed, size) = match self.with_bytes(repository, &file.place, |bytes| {
            (file::parse(&file.name, bytes, self.setting, &scope, budget), source::length(bytes))
        }) {
            Ok(read) => read,
            Err(error) => {
                let problem = Problem::in_file(file.name.clone(), error.to_string());
                let parsed = Parsed { problems: vec![problem], ..Parsed::default() };
                return Outcome {
                    parsed,
                    size: 0,
                    damaged: matches!(error, ReadError::Damaged(_)),
                };
            }
        };
        if !self.keep_bodies {
            for item in parsed.items.iter_mut().filter(|item| item.digest.is_some()) {
                item.body = None;
            }
        }
        Outcome { parsed, size, damaged: false }
    }

    fn with_bytes<T>(
        &self,
        repository: Option<&Repository>,
        place: &Place,
        then: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ReadError> {
        let most = self.setting.limits.file_bytes;
        let fits = |bytes: &[u8]| {
            let size = source::length(bytes);
            if size > most { Err(ReadError::Size(source::too_large(size, most))) } else { Ok(()) }
        };
        match place {
            Place::Bytes(bytes) => fits(bytes).map(|()| then(bytes)),
            Place::Path(path) => {
                let bytes = source::read_path(path, most)?;
                fits(&bytes).map(|()| then(&bytes))
            }
            Place::Blob(oid) => {
                let missing = || ReadError::Damaged(git2::Error::from_str("it cannot be opened"));
                let database = repository.ok_or_else(missing)?.odb().map_err(ReadError::Damaged)?;
                let blob = database.read(*oid).map_err(ReadError::Damaged)?;
                fits(blob.data()).map(|()| then(blob.data()))
            }
        }
    }
}
