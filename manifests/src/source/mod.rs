//! Where manifests are read from: a commit in a mirror, or a folder of this machine. Both are trees
//! of named entries; the walk over them, its globs and its caps are the same.

mod commit;
mod folder;
mod globs;
mod links;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;

use crate::read::Place;

pub(crate) use commit::CommitTree;
pub(crate) use commit::Listings;
pub(crate) use folder::{Folder, read_file, read_path};
pub(crate) use walk::{collect, too_large};

/// One entry of a folder. `N` is how the tree names a node.
#[derive(Debug, Clone)]
pub(crate) enum Entry<N> {
    File(N),
    Folder(N),
    Link(N),
    /// Another repository, pinned in this one.
    Submodule,
    /// A socket, a device: nothing that holds manifests.
    Other,
}

/// A folder's entries.
pub(crate) type Entries<N> = Vec<(Name, Entry<N>)>;

/// Why a node cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the mirror is damaged: {0}")]
    Damaged(#[source] git2::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Name(&'static str),
    #[error("{0}")]
    Size(String),
}

/// A tree of files.
pub(crate) trait Tree {
    type Node: Clone + PartialEq;

    /// The topmost folder.
    fn root(&self) -> Self::Node;
    /// A folder's entries in the order of their names.
    fn entries(&self, folder: &Self::Node) -> Result<Entries<Self::Node>, ReadError>;
    /// One entry of a folder.
    fn entry(
        &self,
        folder: &Self::Node,
        name: &str,
    ) -> Result<Option<Entry<Self::Node>>, ReadError>;
    /// A file's size, without loading it.
    fn size(&self, file: &Self::Node) -> Result<u64, ReadError>;
    /// Where a file's bytes are, for reading them later.
    fn place(&self, file: &Self::Node) -> Place;
    /// What a symbolic link says.
    fn target(&self, link: &Self::Node) -> Result<String, ReadError>;
}

/// A name in a tree; `Err` holds the lossy form of one that is not UTF-8.
pub(crate) type Name = Result<String, String>;

fn name(bytes: &[u8]) -> Name {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(name) => Ok(name.to_owned()),
        Cow::Owned(name) => Err(name),
    }
}

/// How many bytes there are.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
