//! The memory of one source, from commit to commit: what every blob renders to, in hashes and
//! identities, never in bodies.
//!
//! ```text
//! commit ─► tree ─ listings by tree id ─► files ─ facts by blob id ─► Index ─► Outlines and Changes
//! ```
//!
//! A tree that was rendered last time costs nothing; blobs that were met under another commit are
//! not read; one changed file costs its own reading and a walk over what is remembered. What depends
//! on other files (one object for each identity, scopes that the source defines, caps) is decided
//! anew each time from the facts. A source that does not render gives its problems and takes nothing
//! away: what was good stays, and is what the next answer's [`Changes`] are counted from. Blobs that
//! neither the last good nor the latest tree names are forgotten.

mod facts;
mod index;
mod learn;
mod outlines;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::sync::Arc;

use git2::Oid;
use merge::{Digest, GroupVersionKind, Manifest, ObjectId};

use crate::git::{Mirror, Revision};
use crate::loader::Budget;
use crate::objects::file::{self, Defined, Scopes, Setting};
use crate::objects::{Doubts, duplicate};
use crate::options::{Limits, RenderOptions};
use crate::problem::{Problem, Problems};
use crate::read::{File, Parser, Place};
use crate::render::{self, Line};
use crate::source::{self, CommitTree, Listings};

use facts::{Facts, Names};
use index::Index;

pub use index::Changes;
pub use outlines::{Outline, Outlines};

/// Which facts a file has: a blob is read by another grammar where its name ends in `.json`.
type Key = (Oid, bool);

/// The memory of one source.
#[derive(Default)]
pub struct RenderCache {
    listings: Listings,
    facts: HashMap<Key, Arc<Facts>>,
    names: Names,
    hasher: RandomState,
    /// How the lines of the digest were sorted the last time.
    order: Vec<u32>,
    asked: Option<Asked>,
    good: Good,
    /// The files of a source that did not render, so that they are known when it is mended.
    broken: Vec<Arc<Facts>>,
}

/// The part of the options that facts and walks follow from.
#[derive(Clone, PartialEq)]
struct Asked {
    path: String,
    include: Vec<String>,
    exclude: Vec<String>,
    namespace: Option<String>,
    limits: Limits,
}

/// The last render that had no problems.
#[derive(Default)]
struct Good {
    revision: Option<Revision>,
    root: Option<Oid>,
    top: Option<Oid>,
    files: Vec<FileFacts>,
    index: Index,
    defined: Defined,
    digest: Option<Digest>,
    warnings: Vec<Problem>,
    asked: Option<Asked>,
}

/// A path and what its blob comes to.
#[derive(Debug, Clone)]
pub(crate) struct FileFacts {
    path: Box<str>,
    facts: Arc<Facts>,
}

impl RenderCache {
    /// Nothing is remembered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Renders a commit, reading only what is not remembered.
    pub fn render(
        &mut self,
        mirror: &Mirror,
        revision: &Revision,
        options: &RenderOptions<'_>,
    ) -> Result<Outlines<'_>, Problems> {
        let damage = |error: git2::Error| render::damage(options, &error).problems;
        let asked = Asked::of(options);
        self.forget_unless(&asked);
        let root = mirror.tree_of(revision).map_err(damage)?;
        let mut changes = Changes::default();
        if self.stands(root, &asked, options) {
            self.good.revision = Some(revision.clone());
        } else {
            let good = self.anew(mirror, root, asked, options)?;
            changes =
                Index::changes((&self.good.index, &self.good.files), (&good.index, &good.files));
            self.good = Good { revision: Some(revision.clone()), ..good };
            self.broken.clear();
            self.prune();
        }
        Ok(Outlines { good: &self.good, hasher: &self.hasher, changes })
    }

    /// The bodies of objects of the last good render, read again from their blobs, in the order of
    /// `ids`. What is not part of it is left out.
    pub fn manifests<'i>(
        &self,
        mirror: &Mirror,
        ids: impl IntoIterator<Item = &'i ObjectId>,
    ) -> Result<Vec<Manifest>, Problems> {
        let Some(asked) = &self.good.asked else { return Ok(Vec::new()) };
        let mut wanted: BTreeMap<u32, Vec<(usize, u32)>> = BTreeMap::new();
        let mut count = 0;
        for id in ids {
            if let Some(place) = self.good.index.place(&self.good.files, &self.hasher, id) {
                wanted.entry(place.file).or_default().push((count, place.object));
                count += 1;
            }
        }
        let setting = Setting { limits: &asked.limits, namespace: asked.namespace.as_deref() };
        let parser = Parser { setting, keep_bodies: true };
        let mut found: Vec<Option<Manifest>> = vec![None; count];
        let mut problems = Vec::new();
        for (number, places) in wanted {
            let Some(file) = self.good.file(number) else { continue };
            let read = File { name: file.path.to_string(), place: Place::Blob(file.facts.blob) };
            let scope = |gvk: &GroupVersionKind| file.facts.scope(gvk);
            let whole = Budget::new(&asked.limits);
            let mut parsed = parser.one(Some(mirror.repository()), &read, &scope, whole).parsed;
            problems.append(&mut parsed.problems);
            for item in parsed.items.iter_mut().filter(|item| item.digest.is_none()) {
                item.settle(None, setting.namespace);
            }
            let mut bodies: Vec<Option<Manifest>> =
                parsed.items.into_iter().map(|item| item.into_manifest(&file.path)).collect();
            for (at, object) in places {
                let known = file.facts.object(object);
                let body = usize::try_from(object).ok().and_then(|n| bodies.get_mut(n)?.take());
                match (body, known) {
                    (Some(manifest), Some(known)) if manifest.digest == known.digest => {
                        if let Some(room) = found.get_mut(at) {
                            *room = Some(manifest);
                        }
                    }
                    _ => problems.push(Problem::in_file(
                        file.path.to_string(),
                        "the mirror is damaged: this file reads otherwise than before",
                    )),
                }
            }
        }
        Problems::none_in(problems)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Facts follow from some of the options: under others they are none.
    fn forget_unless(&mut self, asked: &Asked) {
        let same = self.asked.as_ref().is_some_and(|before| {
            before.namespace == asked.namespace && before.limits == asked.limits
        });
        if !same {
            self.facts.clear();
            self.broken.clear();
        }
        self.asked = Some(asked.clone());
    }

    /// Whether the last good render is also that of this tree.
    fn stands(&self, root: Oid, asked: &Asked, options: &RenderOptions<'_>) -> bool {
        let scopes = Scopes { known: options.scopes, defined: &self.good.defined };
        self.good.root == Some(root)
            && self.good.asked.as_ref() == Some(asked)
            && self.good.index.kinds().all(|(gvk, scope)| scopes.of(gvk) == scope)
    }

    /// The good render of another tree, or what is wrong with it.
    fn anew(
        &mut self,
        mirror: &Mirror,
        root: Oid,
        asked: Asked,
        options: &RenderOptions<'_>,
    ) -> Result<Good, Problems> {
        let mut problems = Vec::new();
        let (files, top) = self.walk(mirror, root, options, &mut problems)?;
        let files = self.learn(mirror, files, options, &mut problems);
        if beyond_caps(&files, &options.limits) {
            // Caps count in the order of files; a cold render says which file meets one.
            self.broken = files.into_iter().map(|file| file.facts).collect();
            self.facts.retain(|_, facts| !facts.spent.refused);
            return Err(self.cold(mirror, root, options, problems));
        }
        for file in &files {
            problems.extend(file.facts.problems_in(&file.path));
        }
        let index = Index::new(&files);
        for (first, again) in index.duplicates(&files) {
            problems.push(duplicate(&again.id(), &first.origin(), &again.origin()));
        }
        if let Err(problems) = Problems::none_in(problems) {
            self.broken = files.into_iter().map(|file| file.facts).collect();
            self.prune();
            return Err(problems);
        }
        let mut doubts = Doubts::default();
        for outline in files.iter().flat_map(FileFacts::outlines) {
            outline.doubt(&mut doubts);
        }
        let warnings = doubts.warnings;
        let digest = render::digest(
            files.iter().flat_map(FileFacts::outlines).map(Line::from),
            &mut self.order,
        );
        let defined = file::defined(files.iter().flat_map(|file| &*file.facts.definitions));
        Ok(Good {
            revision: None,
            root: Some(root),
            top,
            index,
            defined,
            digest: Some(digest),
            warnings,
            asked: Some(asked),
            files,
        })
    }

    /// The files of a tree; folders that are remembered are not read.
    fn walk(
        &mut self,
        mirror: &Mirror,
        root: Oid,
        options: &RenderOptions<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<(Vec<File>, Option<Oid>), Problems> {
        let facts = &self.facts;
        let size = |oid: &Oid| {
            let known = facts.get(&(*oid, false)).or_else(|| facts.get(&(*oid, true)));
            known.map(|facts| facts.size)
        };
        let tree = CommitTree::new(mirror.repository(), root, &self.listings, &size)
            .map_err(|error| render::damage(options, &error).problems)?;
        let collected = source::collect(&tree, "", options, problems);
        let mut met = tree.met();
        self.listings.retain(|oid, _| met.contains_key(oid));
        let new = met.drain().filter_map(|(oid, bytes)| Some((oid, bytes?.as_ref().into())));
        self.listings.extend(new);
        Ok((collected.files, collected.top))
    }

    /// The problems of a source by a render that remembers nothing.
    fn cold(
        &self,
        mirror: &Mirror,
        root: Oid,
        options: &RenderOptions<'_>,
        problems: Vec<Problem>,
    ) -> Problems {
        match render::render_tree(mirror, root, options) {
            Err(failed) => failed.problems,
            Ok(_) => Problems::none_in(problems).err().unwrap_or_else(|| {
                Problem::in_file(options.path.clone(), "the source exceeds what a source may hold")
                    .into()
            }),
        }
    }

    /// Forgets blobs that no file is made of.
    fn prune(&mut self) {
        self.facts.retain(|_, facts| Arc::strong_count(facts) > 1);
        self.names.prune();
    }
}

/// Whether files hold more together than a source may.
fn beyond_caps(files: &[FileFacts], limits: &Limits) -> bool {
    let mut left = Budget::new(limits);
    let objects: usize = files.iter().map(|file| file.facts.count()).sum();
    objects > limits.objects
        || files.iter().any(|file| file.facts.spent.refused || !left.spend(file.facts.spent))
}

impl Asked {
    fn of(options: &RenderOptions<'_>) -> Self {
        Self {
            path: options.path.clone(),
            include: options.include.clone(),
            exclude: options.exclude.clone(),
            namespace: options.namespace.clone(),
            limits: options.limits,
        }
    }
}

impl Good {
    fn file(&self, number: u32) -> Option<&FileFacts> {
        self.files.get(usize::try_from(number).ok()?)
    }
}

impl FileFacts {
    fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.facts.objects().map(|object| Outline::new(&self.path, &self.facts, object))
    }

    fn outline(&self, object: u32) -> Option<Outline<'_>> {
        Some(Outline::new(&self.path, &self.facts, self.facts.object(object)?))
    }
}
