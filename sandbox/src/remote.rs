//! A Git remote for demos and tests: files in memory, committed to the branch `main` of a bare
//! repository in a folder. No `git` program and no working tree are involved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, Signature, Time};
use merge::ErrorClass;

const BRANCH: &str = "refs/heads/main";

/// Why a remote could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Git refused.
    #[error("the repository in {} cannot be written", folder.display())]
    Git {
        /// Where the repository is.
        folder: PathBuf,
        /// What Git said.
        source: git2::Error,
    },
    /// A file that is not there was to be changed.
    #[error("the repository has no file {0}")]
    NoFile(String),
    /// A text that is not there was to be replaced.
    #[error("{file} does not contain `{text}`")]
    NoText {
        /// The file.
        file: String,
        /// What was looked for.
        text: String,
    },
}

impl RemoteError {
    /// Who can mend it.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Git { .. } => ErrorClass::Config,
            Self::NoFile(_) | Self::NoText { .. } => ErrorClass::Internal,
        }
    }
}

/// Who committed, when, and what they said of it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The author's name; the address is made from it.
    pub author: &'a str,
    /// Seconds since 1970.
    pub at: i64,
    /// The first line.
    pub subject: &'a str,
}

/// A bare repository, and the files that its next commit will have.
pub struct Remote {
    folder: PathBuf,
    repository: Repository,
    files: BTreeMap<String, Vec<u8>>,
}

impl Remote {
    /// An empty repository in a folder that does not exist yet.
    pub fn create(folder: &Path) -> Result<Self, RemoteError> {
        let open = || {
            let repository = Repository::init_bare(folder)?;
            repository.set_head(BRANCH)?;
            Ok(repository)
        };
        let repository =
            open().map_err(|source| RemoteError::Git { folder: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned(), repository, files: BTreeMap::new() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a file in place of what may be there.
    pub fn write(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned(), content.into());
    }

    /// Replaces every occurrence of a text in one file; both must be there.
    pub fn replace(&mut self, path: &str, from: &str, to: &str) -> Result<(), RemoteError> {
        let content =
            self.files.get_mut(path).ok_or_else(|| RemoteError::NoFile(path.to_owned()))?;
        let text = String::from_utf8_lossy(content);
        if !text.contains(from) {
            return Err(RemoteError::NoText { file: path.to_owned(), text: from.to_owned() });
        }
        *content = text.replace(from, to).into_bytes();
        Ok(())
    }

    /// Removes a file that must be there.
    pub fn remove(&mut self, path: &str) -> Result<(), RemoteError> {
        self.files.remove(path).map(drop).ok_or_else(|| RemoteError::NoFile(path.to_owned()))
    }

    /// Commits the files as they are now; the commit's full id.
    pub fn commit(&self, message: Message<'_>) -> Result<String, RemoteError> {
        self.try_commit(message)
            .map_err(|source| RemoteError::Git { folder: self.folder.clone(), source })
    }

    fn try_commit(&self, message: Message<'_>) -> Result<String, git2::Error> {
        let address = format!("{}@example.com", message.author.to_lowercase().replace(' ', "."));
        let author = Signature::new(message.author, &address, &Time::new(message.at, 0))?;
        let tree = self.repository.find_tree(self.tree("")?)?;
        let parent = match self.repository.find_reference(BRANCH) {
            Ok(reference) => Some(reference.peel_to_commit()?),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        let parents: Vec<_> = parent.iter().collect();
        let id = self.repository.commit(
            Some(BRANCH),
            &author,
            &author,
            message.subject,
            &tree,
            &parents,
        )?;
        Ok(id.to_string())
    }

    /// Writes the tree of the files below a folder: `""`, or a path that ends with `/`.
    fn tree(&self, folder: &str) -> Result<Oid, git2::Error> {
        let mut tree = self.repository.treebuilder(None)?;
        let mut folders = BTreeSet::new();
        for (path, content) in &self.files {
            let Some(rest) = path.strip_prefix(folder) else { continue };
            if let Some((child, _)) = rest.split_once('/') {
                folders.insert(child);
            } else {
                let blob = self.repository.odb()?.write(ObjectType::Blob, content)?;
                tree.insert(rest, blob, FileMode::Blob.into())?;
            }
        }
        for child in folders {
            tree.insert(child, self.tree(&format!("{folder}{child}/"))?, FileMode::Tree.into())?;
        }
        tree.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_follow_each_other_and_hold_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut remote = Remote::create(&folder.path().join("shop.git")).unwrap();
        remote.write("a.yaml", "a: 1");
        remote.write("deep/er/b.yaml", "b: 1");
        let first = remote.commit(Message { author: "Ann", at: 1, subject: "one" }).unwrap();
        remote.replace("deep/er/b.yaml", "1", "2").unwrap();
        remote.remove("a.yaml").unwrap();
        let second = remote.commit(Message { author: "Bo", at: 2, subject: "two" }).unwrap();

        let repository = Repository::open(remote.folder()).unwrap();
        let head = repository.head().unwrap().peel_to_commit().unwrap();
        assert_eq!(head.id().to_string(), second);
        assert_eq!(head.parent_id(0).unwrap().to_string(), first);
        let tree = head.tree().unwrap();
        assert!(tree.get_name("a.yaml").is_none());
        let blob = tree.get_path(Path::new("deep/er/b.yaml")).unwrap();
        assert_eq!(repository.find_blob(blob.id()).unwrap().content(), b"b: 2");
    }

    #[test]
    fn a_change_of_what_is_not_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut remote = Remote::create(&folder.path().join("shop.git")).unwrap();
        remote.write("a.yaml", "a: 1");
        assert!(matches!(remote.remove("b.yaml"), Err(RemoteError::NoFile(_))));
        assert!(matches!(remote.replace("a.yaml", "x", "y"), Err(RemoteError::NoText { .. })));
    }
}
