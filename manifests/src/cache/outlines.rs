//! How a render is shown that keeps no bodies.

use std::hash::RandomState;

use merge::{Digest, GroupVersionKind, ObjectId, Origin};

use super::facts::{Facts, ObjectFacts};
use super::{Changes, FileFacts, Good};
use crate::git::Revision;
use crate::objects::Doubts;
use crate::problem::Problem;
use crate::render::{self, Line, TreeId};

/// What a source renders to, without bodies.
pub struct Outlines<'c> {
    pub(super) good: &'c Good,
    pub(super) hasher: &'c RandomState,
    pub(super) changes: Changes,
}

impl<'c> Outlines<'c> {
    /// The commit.
    pub fn revision(&self) -> Option<&'c Revision> {
        self.good.revision.as_ref()
    }

    /// The tree, or the blob, that the path names.
    pub fn tree(&self) -> Option<TreeId> {
        self.good.top.map(TreeId::of)
    }

    /// The same as the render's.
    pub fn digest(&self) -> Digest {
        self.good.digest.unwrap_or_else(|| render::digest(std::iter::empty(), &mut Vec::new()))
    }

    /// The same as the render's.
    pub fn warnings(&self) -> &'c [Problem] {
        &self.good.warnings
    }

    /// What is different from the last render that had no problems.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.good.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every object, in the order of files and lines.
    pub fn iter(&self) -> impl Iterator<Item = Outline<'c>> + use<'c> {
        self.good.files.iter().flat_map(FileFacts::outlines)
    }

    /// One object.
    pub fn get(&self, id: &ObjectId) -> Option<Outline<'c>> {
        self.good.index.find(&self.good.files, self.hasher, id)
    }
}

/// One object of a render, without its body.
#[derive(Debug, Clone, Copy)]
pub struct Outline<'c> {
    /// The version it is written in.
    pub gvk: &'c GroupVersionKind,
    /// The namespace it will be applied to.
    pub namespace: Option<&'c str>,
    /// Its name.
    pub name: &'c str,
    /// The digest of its body.
    pub digest: Digest,
    /// The file it is written in.
    pub file: &'c str,
    /// The line of the file, from 1.
    pub line: u32,
    facts: &'c Facts,
    object: &'c ObjectFacts,
}

impl<'c> Outline<'c> {
    pub(super) fn new(file: &'c str, facts: &'c Facts, object: &'c ObjectFacts) -> Self {
        Self {
            gvk: &object.gvk,
            namespace: object.namespace.as_deref(),
            name: &object.name,
            digest: object.digest,
            file,
            line: object.line,
            facts,
            object,
        }
    }

    /// Its identity.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            group: self.gvk.group.clone(),
            kind: self.gvk.kind.clone(),
            namespace: self.namespace.map(str::to_owned),
            name: self.name.to_owned(),
        }
    }

    /// Where it is written.
    pub fn origin(&self) -> Origin {
        Origin { file: self.file.to_owned(), line: self.line }
    }

    /// The id of the blob it is written in, in hex.
    pub fn blob(&self) -> String {
        self.facts.blob.to_string()
    }

    /// Whether two outlines are of one identity.
    pub(super) fn is_one_with(&self, other: &Self) -> bool {
        self.name == other.name
            && self.namespace == other.namespace
            && self.gvk.kind == other.gvk.kind
            && self.gvk.group == other.gvk.group
    }

    pub(super) fn is(&self, id: &ObjectId) -> bool {
        self.name == id.name
            && self.namespace == id.namespace.as_deref()
            && self.gvk.kind == id.kind
            && self.gvk.group == id.group
    }

    pub(super) fn doubt(&self, doubts: &mut Doubts<'c>) {
        let dropped = self.object.dropped.as_deref();
        let dropped = dropped.map(|(namespace, line)| (namespace.as_str(), *line));
        doubts.of(self.file, self.line, self.gvk, self.object.scope, dropped);
    }
}

impl<'c> From<Outline<'c>> for Line<'c> {
    fn from(Outline { gvk, namespace, name, digest, .. }: Outline<'c>) -> Self {
        Self { gvk, namespace, name, digest }
    }
}
