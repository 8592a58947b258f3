//! Objects by identity: a sorted list of hashes, sixteen bytes an object. Equal hashes prove nothing,
//! so identities are always compared as well.

use std::hash::RandomState;

use merge::schema::Scope;
use merge::{GroupVersionKind, ObjectId};
use serde::Serialize;

use super::FileFacts;
use super::facts::hash;
use super::outlines::Outline;

/// What is different from the render before: each list in no particular order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Objects that were not there.
    pub added: Vec<ObjectId>,
    /// Objects with another body.
    pub changed: Vec<ObjectId>,
    /// Objects with the same body at another file or line.
    pub moved: Vec<ObjectId>,
    /// Objects that are no longer there.
    pub removed: Vec<ObjectId>,
}

impl Changes {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        let Self { added, changed, moved, removed } = self;
        [added, changed, moved, removed].into_iter().all(Vec::is_empty)
    }
}

/// Where an object is: the numbers of its file and, in that file, of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    hash: u64,
    pub file: u32,
    pub object: u32,
}

/// Objects by identity.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: Vec<Place>,
    kinds: Vec<(GroupVersionKind, Option<Scope>)>,
}

impl Index {
    pub fn new(files: &[FileFacts]) -> Self {
        let mut places = Vec::with_capacity(files.iter().map(|it| it.facts.objects().len()).sum());
        let mut kinds: Vec<(&std::sync::Arc<GroupVersionKind>, Option<Scope>)> = Vec::new();
        for (file, number) in files.iter().zip(0..) {
            for (object, at) in file.facts.objects().zip(0..) {
                places.push(Place { hash: object.hash, file: number, object: at });
                let (gvk, scope) = object.kind();
                if !kinds.iter().rev().any(|(known, _)| std::sync::Arc::ptr_eq(known, gvk)) {
                    kinds.push((gvk, scope));
                }
            }
        }
        places.sort_unstable();
        let kinds = kinds.into_iter().map(|(gvk, scope)| (gvk.as_ref().clone(), scope)).collect();
        Self { places, kinds }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Each kind there is, and the scope it was read by.
    pub fn kinds(&self) -> impl Iterator<Item = (&GroupVersionKind, Option<Scope>)> {
        self.kinds.iter().map(|(gvk, scope)| (gvk, *scope))
    }

    pub fn place(&self, files: &[FileFacts], hasher: &RandomState, id: &ObjectId) -> Option<Place> {
        let hash = hash(hasher, &id.group, &id.kind, id.namespace.as_deref(), &id.name);
        let first = self.places.partition_point(|place| place.hash < hash);
        let same = self.places.iter().skip(first).take_while(|place| place.hash == hash);
        same.copied().find(|place| place.of(files).is_some_and(|outline| outline.is(id)))
    }

    pub fn find<'f>(
        &self,
        files: &'f [FileFacts],
        hasher: &RandomState,
        id: &ObjectId,
    ) -> Option<Outline<'f>> {
        self.place(files, hasher, id)?.of(files)
    }

    /// Objects that another before them is: that one, and they.
    pub fn duplicates<'f>(&self, files: &'f [FileFacts]) -> Vec<(Outline<'f>, Outline<'f>)> {
        let mut found = Vec::new();
        for same in self.places.chunk_by(|one, next| one.hash == next.hash) {
            // Mostly one; several are in the order of files.
            for (at, place) in same.iter().enumerate().skip(1) {
                let Some(again) = place.of(files) else { continue };
                let earlier = same.iter().take(at).filter_map(|place| place.of(files));
                if let Some(first) = earlier.into_iter().find(|it| it.is_one_with(&again)) {
                    found.push((first, again));
                }
            }
        }
        found
    }

    /// What is different between two renders, neither of which names an object twice.
    pub fn changes(before: (&Self, &[FileFacts]), after: (&Self, &[FileFacts])) -> Changes {
        let mut changes = Changes::default();
        let mut old = before.0.places.chunk_by(|one, next| one.hash == next.hash).peekable();
        let mut new = after.0.places.chunk_by(|one, next| one.hash == next.hash).peekable();
        let hash = |places: Option<&&[Place]>| places.and_then(|it| it.first()).map(|it| it.hash);
        loop {
            let (left, right) = (hash(old.peek()), hash(new.peek()));
            let (from, to) = match (left, right) {
                (None, None) => return changes,
                (Some(_), None) => (old.next(), None),
                (None, Some(_)) => (None, new.next()),
                (Some(left), Some(right)) => (
                    if left <= right { old.next() } else { None },
                    if right <= left { new.next() } else { None },
                ),
            };
            let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
            changes.compare((from, before.1), (to, after.1));
        }
    }
}

impl Place {
    fn of(self, files: &[FileFacts]) -> Option<Outline<'_>> {
        files.get(usize::try_from(self.file).ok()?)?.outline(self.object)
    }
}

impl Changes {
    /// Objects of one hash, before and after.
    fn compare(&mut self, old: (&[Place], &[FileFacts]), new: (&[Place], &[FileFacts])) {
        for after in new.0.iter().filter_map(|place| place.of(new.1)) {
            let mut before = old.0.iter().filter_map(|place| place.of(old.1));
            match before.find(|before| before.is_one_with(&after)) {
                None => self.added.push(after.id()),
                Some(before) if before.digest != after.digest => self.changed.push(after.id()),
                Some(before) if (before.file, before.line) != (after.file, after.line) => {
                    self.moved.push(after.id());
                }
                Some(_) => {}
            }
        }
        for before in old.0.iter().filter_map(|place| place.of(old.1)) {
            let mut after = new.0.iter().filter_map(|place| place.of(new.1));
            if !after.any(|after| after.is_one_with(&before)) {
                self.removed.push(before.id());
            }
        }
    }
}
