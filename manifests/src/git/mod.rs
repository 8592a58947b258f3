//! A bare mirror of a repository, and the one commit of it that is wanted.
//!
//! ```text
//! URL ─ transport ─► advertisement ─ revision ─► fetch, if the commit is not here yet ─► Revision
//! ```
//!
//! The mirror is a cache: it is rebuilt when it is lost or damaged. A lock file beside it keeps two
//! processes from writing it at once; readers need no lock, since objects are only ever added. An
//! unchanged reference costs one advertisement and no transfer. Nothing is checked out and no
//! program is run.

mod error;
mod fetch;
mod revision;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod transport;
#[cfg(test)]
mod wire_tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, RepositoryInitOptions};
use serde::Serialize;

pub use error::GitError;
pub use revision::{Reference, Revision};

use transport::Address;

/// The file in a mirror that says it is ours to rebuild.
const MARKER: &str = "cleat-mirror";

/// A bare repository that holds at least one commit of another.
pub struct Mirror {
    repository: Repository,
}

/// Who made a commit, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitInfo {
    /// The commit.
    pub id: Revision,
    /// The author's name.
    pub author: String,
    /// When it was committed.
    pub time: jiff::Timestamp,
    /// The first line of its message.
    pub subject: String,
}

impl Mirror {
    /// Brings one branch, tag or commit of a repository into the mirror in a folder, which is made if
    /// it is not there and rebuilt if it is damaged.
    pub fn sync(
        folder: &Path,
        url: &str,
        reference: &Reference,
    ) -> Result<(Self, Revision), GitError> {
        let address = Address::parse(url)?;
        let _lock = lock(folder)?;
        let (repository, fresh) = open(folder)?;
        match fetch::bring(&repository, &address, reference) {
            Ok(oid) => Ok((Self { repository }, Revision::of(oid))),
            Err(error) if error.may_be_damage() && !fresh => {
                drop(repository);
                clear(folder)?;
                let (repository, _) = open(folder)?;
                let oid = fetch::bring(&repository, &address, reference)?;
                Ok((Self { repository }, Revision::of(oid)))
            }
            Err(error) => Err(error),
        }
    }

    /// Like [`Mirror::sync`], from nothing: for a mirror that proved to be damaged.
    pub fn rebuild(
        folder: &Path,
        url: &str,
        reference: &Reference,
    ) -> Result<(Self, Revision), GitError> {
        {
            let _lock = lock(folder)?;
            open(folder)?;
            clear(folder)?;
        }
        Self::sync(folder, url, reference)
    }

    /// What a commit says of itself.
    pub fn commit(&self, revision: &Revision) -> Result<CommitInfo, GitError> {
        let damaged = |source| GitError::Mirror { folder: self.repository.path().into(), source };
        let commit = Oid::from_str(revision.as_str())
            .and_then(|oid| self.repository.find_commit(oid))
            .map_err(damaged)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        Ok(CommitInfo {
            id: revision.clone(),
            author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
            time: jiff::Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
            subject: message.trim_start().lines().next().unwrap_or_default().to_owned(),
        })
    }

    /// A repository as it is, for tests.
    #[cfg(test)]
    pub(crate) fn opened(folder: &Path) -> Self {
        Self { repository: Repository::open_bare(folder).unwrap() }
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(crate) fn tree_of(&self, revision: &Revision) -> Result<Oid, git2::Error> {
        let oid = Oid::from_str(revision.as_str())?;
        Ok(self.repository.find_commit(oid)?.tree_id())
    }
}

fn folder_error(folder: &Path) -> impl Fn(io::Error) -> GitError {
    let folder = folder.to_owned();
    move |source| GitError::Folder { folder: folder.clone(), source }
}

/// Waits for, and holds, the right to write a mirror. The lock goes with the process that holds it.
fn lock(folder: &Path) -> Result<File, GitError> {
    let failed = folder_error(folder);
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let path = folder.with_file_name(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(&failed)?;
    }
    let file = File::create(path).map_err(&failed)?;
    file.lock().map_err(&failed)?;
    Ok(file)
}

/// The mirror in a folder, and whether it was made just now.
fn open(folder: &Path) -> Result<(Repository, bool), GitError> {
    let failed = folder_error(folder);
    let unreadable = |source| GitError::Mirror { folder: folder.to_owned(), source };
    let empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if !empty {
        if !folder.join(MARKER).is_file() {
            return Err(GitError::NotAMirror { folder: folder.to_owned() });
        }
        if let Ok(repository) = Repository::open_bare(folder) {
            return Ok((repository, false));
        }
        clear(folder)?;
    }
    fs::create_dir_all(folder).map_err(&failed)?;
    // Before anything else, so that what a crash leaves behind is known to be ours.
    fs::write(folder.join(MARKER), "a bare mirror; it may be deleted at any time\n")
        .map_err(&failed)?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).mkpath(true);
    Repository::init_opts(folder, &options).map(|made| (made, true)).map_err(unreadable)
}

/// Empties a mirror's folder, the marker last.
fn clear(folder: &Path) -> Result<(), GitError> {
    let failed = folder_error(folder);
    let marker = folder.join(MARKER);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        entries.push(entry.map_err(&failed)?.path());
    }
    for path in entries.into_iter().filter(|path| *path != marker) {
        let removed = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(&failed)?;
    }
    fs::remove_file(marker).map_err(failed)
}
