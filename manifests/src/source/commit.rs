//! The tree of a commit, read from the object database. Nothing is ever checked out.
//!
//! Folders are remembered as Git writes them, by id: what is read again has the same bytes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Odb, Oid, Repository};

use super::{Entries, Entry, ReadError, Tree, name};
use crate::read::Place;

/// A symbolic link's text is a path; Linux allows no longer one.
const LONGEST_TARGET: usize = 4096;

/// What is remembered of folders: their bytes, as Git writes them.
pub(crate) type Listings = HashMap<Oid, Box<[u8]>>;

/// A commit's tree.
pub(crate) struct CommitTree<'r> {
    odb: Odb<'r>,
    root: Oid,
    remembered: &'r Listings,
    size: &'r dyn Fn(&Oid) -> Option<u64>,
    met: RefCell<HashMap<Oid, Option<Rc<[u8]>>>>,
}

impl<'r> CommitTree<'r> {
    /// The tree of this id. What is remembered of folders, and of the sizes of files, is not read.
    pub fn new(
        repository: &'r Repository,
        root: Oid,
        remembered: &'r Listings,
        size: &'r dyn Fn(&Oid) -> Option<u64>,
    ) -> Result<Self, git2::Error> {
        let met = RefCell::new(HashMap::new());
        Ok(Self { odb: repository.odb()?, root, remembered, size, met })
    }

    /// The folders that were met: new ones with their bytes.
    pub fn met(self) -> HashMap<Oid, Option<Rc<[u8]>>> {
        self.met.into_inner()
    }

    fn with_folder<T>(&self, folder: Oid, then: impl FnOnce(&[u8]) -> T) -> Result<T, ReadError> {
        if let Some(bytes) = self.remembered.get(&folder) {
            self.met.borrow_mut().insert(folder, None);
            return Ok(then(bytes));
        }
        let known = self.met.borrow().get(&folder).cloned().flatten();
        if let Some(bytes) = known {
            return Ok(then(&bytes));
        }
        let object = self.odb.read(folder).map_err(ReadError::Damaged)?;
        if object.kind() != ObjectType::Tree {
            return Err(ReadError::Damaged(git2::Error::from_str("a folder is not a tree")));
        }
        let answer = then(object.data());
        self.met.borrow_mut().insert(folder, Some(object.data().into()));
        Ok(answer)
    }
}

impl Tree for CommitTree<'_> {
    type Node = Oid;

    fn root(&self) -> Oid {
        self.root
    }

    fn entries(&self, folder: &Oid) -> Result<Entries<Oid>, ReadError> {
        self.with_folder(*folder, |bytes| {
            rows(bytes).map(|row| row.map(|row| (name(row.name), row.entry()))).collect()
        })?
    }

    fn entry(&self, folder: &Oid, name: &str) -> Result<Option<Entry<Oid>>, ReadError> {
        self.with_folder(*folder, |bytes| {
            for row in rows(bytes) {
                let row = row?;
                if row.name == name.as_bytes() {
                    return Ok(Some(row.entry()));
                }
            }
            Ok(None)
        })?
    }

    fn size(&self, file: &Oid) -> Result<u64, ReadError> {
        if let Some(size) = (self.size)(file) {
            return Ok(size);
        }
        let (size, _) = self.odb.read_header(*file).map_err(ReadError::Damaged)?;
        Ok(u64::try_from(size).unwrap_or(u64::MAX))
    }

    fn place(&self, file: &Oid) -> Place {
        Place::Blob(*file)
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

/// One entry of a tree object.
struct Row<'b> {
    mode: u32,
    name: &'b [u8],
    oid: Oid,
}

impl Row<'_> {
    /// Its kind, by its mode.
    fn entry(&self) -> Entry<Oid> {
        match self.mode & 0o170_000 {
            0o040_000 => Entry::Folder(self.oid),
            0o120_000 => Entry::Link(self.oid),
            0o160_000 => Entry::Submodule,
            _ => Entry::File(self.oid),
        }
    }
}

/// The entries of a tree object: `MODE NAME NUL ID`, one after the other.
fn rows(mut bytes: &[u8]) -> impl Iterator<Item = Result<Row<'_>, ReadError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let row = row(bytes);
        bytes = row.as_ref().map_or(&[], |(_, rest)| rest);
        let malformed = || ReadError::Damaged(git2::Error::from_str("a tree cannot be read"));
        Some(row.map(|(row, _)| row).ok_or_else(malformed))
    })
}

fn row(bytes: &[u8]) -> Option<(Row<'_>, &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let (mode, rest) = (bytes.get(..space)?, bytes.get(space + 1..)?);
    let mode = u32::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()?;
    let end = rest.iter().position(|byte| *byte == 0).filter(|end| *end > 0)?;
    let (oid, left) = rest.get(end + 1..)?.split_at_checked(20)?;
    Some((Row { mode, name: rest.get(..end)?, oid: Oid::from_bytes(oid).ok()? }, left))
}
