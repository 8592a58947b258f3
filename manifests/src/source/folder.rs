//! A folder, or one file, of this machine: `-f`. Links are read, never followed by the system, so
//! that the same rules hold as in a commit.

use std::fs::{self, FileType};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{Entries, Entry, ReadError, Tree, name};
use crate::read::Place;

/// A folder of this machine.
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at a path.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Tree for Folder {
    type Node = PathBuf;

    fn root(&self) -> PathBuf {
        self.root.clone()
    }

    fn entries(&self, folder: &PathBuf) -> Result<Entries<PathBuf>, ReadError> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = name(entry.file_name().as_encoded_bytes());
            entries.push((name, kind(entry.path(), entry.file_type()?)));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }

    fn entry(&self, folder: &PathBuf, name: &str) -> Result<Option<Entry<PathBuf>>, ReadError> {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(kind(path, metadata.file_type()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn size(&self, file: &PathBuf) -> Result<u64, ReadError> {
        Ok(fs::symlink_metadata(file)?.len())
    }

    fn place(&self, file: &PathBuf) -> Place {
        Place::Path(file.clone())
    }

    fn target(&self, link: &PathBuf) -> Result<String, ReadError> {
        let target = fs::read_link(link)?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| ReadError::Name("the symbolic link's target is not UTF-8"))
    }
}

fn kind(path: PathBuf, of: FileType) -> Entry<PathBuf> {
    if of.is_symlink() {
        Entry::Link(path)
    } else if of.is_dir() {
        Entry::Folder(path)
    } else if of.is_file() {
        Entry::File(path)
    } else {
        Entry::Other
    }
}

/// A file's bytes, at most this many and one more.
pub(crate) fn read_path(path: &Path, most: u64) -> Result<Vec<u8>, std::io::Error> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One file that was named, links followed, unless it is too large; the error says why not.
pub(crate) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let read = || -> Result<(Vec<u8>, u64), std::io::Error> {
        let file = fs::File::open(path)?;
        let size = file.metadata()?.len();
        let mut bytes = Vec::new();
        if size <= most {
            file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        }
        Ok((bytes, size))
    };
    let (bytes, size) = read().map_err(|error| error.to_string())?;
    let size = size.max(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if size > most { Err(super::too_large(size, most)) } else { Ok(bytes) }
}
