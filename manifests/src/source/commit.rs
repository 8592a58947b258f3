//! The tree of a commit, read from the object database. Nothing is ever checked out.

use git2::{ObjectType, Odb, Oid, Repository};

use super::{Entries, Entry, ReadError, Tree, name};

/// A symbolic link's text is a path; Linux allows no longer one.
const LONGEST_TARGET: usize = 4096;

/// A commit's tree.
pub(crate) struct CommitTree<'r> {
    repository: &'r Repository,
    odb: Odb<'r>,
    root: Oid,
}

impl<'r> CommitTree<'r> {
    /// The tree of this id.
    pub fn new(repository: &'r Repository, root: Oid) -> Result<Self, git2::Error> {
        Ok(Self { repository, odb: repository.odb()?, root })
    }
}

impl Tree for CommitTree<'_> {
    type Node = Oid;

    fn root(&self) -> Oid {
        self.root
    }

    fn entries(&self, folder: &Oid) -> Result<Entries<Oid>, ReadError> {
        let tree = self.repository.find_tree(*folder).map_err(ReadError::Damaged)?;
        Ok(tree.iter().map(|entry| (name(entry.name_bytes()), kind(&entry))).collect())
    }

    fn entry(&self, folder: &Oid, name: &str) -> Result<Option<Entry<Oid>>, ReadError> {
        let tree = self.repository.find_tree(*folder).map_err(ReadError::Damaged)?;
        Ok(tree.get_name(name).map(|entry| kind(&entry)))
    }

    fn size(&self, file: &Oid) -> Result<u64, ReadError> {
        let (size, _) = self.odb.read_header(*file).map_err(ReadError::Damaged)?;
        Ok(u64::try_from(size).unwrap_or(u64::MAX))
    }

    fn read(&self, file: &Oid, _most: u64) -> Result<Vec<u8>, ReadError> {
        let object = self.odb.read(*file).map_err(ReadError::Damaged)?;
        Ok(object.data().to_vec())
    }

    fn target(&self, link: &Oid) -> Result<String, ReadError> {
        let (size, _) = self.odb.read_header(*link).map_err(ReadError::Damaged)?;
        if size > LONGEST_TARGET {
            return Err(ReadError::Name("the symbolic link's target is too long"));
        }
        let object = self.odb.read(*link).map_err(ReadError::Damaged)?;
        String::from_utf8(object.data().to_vec())
            .map_err(|_| ReadError::Name("the symbolic link's target is not UTF-8"))
    }
}

/// An entry's kind, by its mode.
fn kind(entry: &git2::TreeEntry<'_>) -> Entry<Oid> {
    const TYPE: i32 = 0o170_000;
    const LINK: i32 = 0o120_000;
    match entry.kind() {
        Some(ObjectType::Tree) => Entry::Folder(entry.id()),
        Some(ObjectType::Blob) if entry.filemode() & TYPE == LINK => Entry::Link(entry.id()),
        Some(ObjectType::Blob) => Entry::File(entry.id()),
        Some(ObjectType::Commit) => Entry::Submodule,
        _ => Entry::Other,
    }
}
