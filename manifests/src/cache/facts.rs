//! What is remembered of a blob, and how it is shown.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use git2::Oid;
use merge::schema::Scope;
use merge::{Digest, GroupVersionKind};

use crate::loader::Budget;
use crate::objects::file::{Definition, Item, Parsed};
use crate::problem::Problem;

/// Whether a file's name says that it is JSON.
pub(super) fn is_json(name: &str) -> bool {
    crate::loader::is_json(name)
}

/// What a blob comes to by itself.
#[derive(Debug)]
pub(super) struct Facts {
    pub blob: Oid,
    pub size: u64,
    pub spent: Budget,
    /// Objects that were there and are not among `objects`, since something is wrong with them.
    unsound: usize,
    objects: Box<[ObjectFacts]>,
    /// Without the file's name: a blob may stand at several places.
    problems: Box<[Problem]>,
    pub definitions: Box<[Definition]>,
}

/// What is remembered of an object.
#[derive(Debug)]
pub(super) struct ObjectFacts {
    pub gvk: Arc<GroupVersionKind>,
    pub namespace: Option<Arc<str>>,
    pub name: Box<str>,
    pub digest: Digest,
    /// The hash of its identity.
    pub hash: u64,
    pub line: u32,
    pub scope: Option<Scope>,
    pub dropped: Option<Box<(String, u32)>>,
}

/// Kinds and namespaces, each held once.
#[derive(Default)]
pub(super) struct Names {
    kinds: HashSet<Arc<GroupVersionKind>>,
    namespaces: HashSet<Arc<str>>,
}

impl Names {
    fn kind(&mut self, gvk: GroupVersionKind) -> Arc<GroupVersionKind> {
        if let Some(known) = self.kinds.get(&gvk) {
            return known.clone();
        }
        let kind = Arc::new(gvk);
        self.kinds.insert(kind.clone());
        kind
    }

    fn namespace(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.namespaces.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.namespaces.insert(name.clone());
        name
    }

    /// Forgets what nobody holds.
    pub fn prune(&mut self) {
        self.kinds.retain(|kind| Arc::strong_count(kind) > 1);
        self.namespaces.retain(|name| Arc::strong_count(name) > 1);
    }
}

/// The hash by which an identity is looked up.
pub(super) fn hash(
    hasher: &RandomState,
    group: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> u64 {
    hasher.hash_one((group, kind, namespace, name))
}

impl Facts {
    pub fn new(
        blob: Oid,
        size: u64,
        parsed: Parsed,
        file: &str,
        names: &mut Names,
        hasher: &RandomState,
    ) -> Self {
        let unsound = parsed.lines.len().saturating_sub(parsed.items.len());
        let remember = |item: Item| {
            let Item { id, gvk, digest, line, scope, dropped, .. } = item;
            let hash = hash(hasher, &id.group, &id.kind, id.namespace.as_deref(), &id.name);
            Some(ObjectFacts {
                gvk: names.kind(gvk),
                namespace: id.namespace.as_deref().map(|name| names.namespace(name)),
                name: id.name.into(),
                digest: digest?,
                hash,
                line,
                scope,
                dropped: dropped.map(Box::new),
            })
        };
        let objects = parsed.items.into_iter().filter_map(remember).collect();
        let problems = parsed.problems.into_iter().map(|mut problem| {
            if problem.file == file {
                problem.file = String::new();
            }
            problem
        });
        Self {
            blob,
            size,
            spent: parsed.spent,
            unsound,
            objects,
            problems: problems.collect(),
            definitions: parsed.definitions.into(),
        }
    }

    pub fn count(&self) -> usize {
        self.objects.len() + self.unsound
    }

    pub fn objects(&self) -> std::slice::Iter<'_, ObjectFacts> {
        self.objects.iter()
    }

    pub fn object(&self, number: u32) -> Option<&ObjectFacts> {
        self.objects.get(usize::try_from(number).ok()?)
    }

    /// The kinds of its objects, and the scopes that they were read by.
    pub fn kinds(&self) -> impl Iterator<Item = (&GroupVersionKind, Option<Scope>)> {
        self.objects.iter().map(|object| (&*object.gvk, object.scope))
    }

    /// The scope by which its objects of a kind were read.
    pub fn scope(&self, gvk: &GroupVersionKind) -> Option<Scope> {
        self.kinds().find(|(kind, _)| *kind == gvk)?.1
    }

    /// What is wrong with it, at this path.
    pub fn problems_in(&self, path: &str) -> impl Iterator<Item = Problem> {
        self.problems.iter().cloned().map(move |mut problem| {
            if problem.file.is_empty() {
                path.clone_into(&mut problem.file);
            }
            problem
        })
    }
}

impl ObjectFacts {
    /// Its kind, its scope; kinds are held once, so that they may be told apart by address.
    pub fn kind(&self) -> (&Arc<GroupVersionKind>, Option<Scope>) {
        (&self.gvk, self.scope)
    }
}
