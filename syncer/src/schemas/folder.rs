//! The schemas of documents as files, one a document of a server.
//!
//! ```text
//! cleat schemas 1 ⏎ server ⏎ path ⏎ hash ⏎ digest of what follows ⏎ compact schemas
//! ```
//!
//! A file of another format, of another content or with another digest than it names is as good as
//! none. A file is written beside its place and renamed, so nobody ever reads half of one.
//!
//! **Trust.** The folder is worth as much as the kubeconfig beside it: who can write there already
//! acts as this user. So it must be this user's and nobody else may look or write (0700); if
//! it is not, it is not used. What it holds can never change an object unseen: schemas decide what is
//! *shown* and checked here, while the server merges what is sent by its own schemas, and is asked
//! about every write first unless `--preflight local` says otherwise.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use merge::Digest;

use super::cache::Key;

/// The first line of a file.
const FORMAT: &str = "cleat schemas 1";

/// The largest file that is read.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The most files that are kept: the groups and versions of a dozen servers.
const MOST: usize = 512;

/// A folder of schemas.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    private: OnceLock<bool>,
    written: AtomicUsize,
}

impl Folder {
    /// A folder; nothing is done to it yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, private: OnceLock::new(), written: AtomicUsize::new(0) }
    }

    /// The bytes that were kept under a key.
    pub fn read(&self, key: &Key) -> Option<Vec<u8>> {
        let place = self.place(key);
        if !place.exists() || !self.is_private() {
            return None;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&place).ok()?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
        let content = content(&bytes, key).filter(|_| bytes.len() as u64 <= LARGEST);
        if content.is_none() {
            tracing::debug!(file = %place.display(), "is of other content, or damaged; reading anew");
        }
        Some(content?.to_vec())
    }

    /// Keeps bytes under a key, in place of what there was of the same document.
    pub fn write(&self, key: &Key, bytes: &[u8]) {
        if !self.is_private() {
            return;
        }
        if let Err(error) = self.try_write(key, bytes) {
            tracing::debug!(folder = %self.path.display(), %error, "schemas cannot be kept");
        }
    }

    fn try_write(&self, key: &Key, bytes: &[u8]) -> std::io::Result<()> {
        let beside = self.beside("new");
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let written =
            file.write_all(head(key, bytes).as_bytes()).and_then(|()| file.write_all(bytes));
        drop(file);
        let placed = written.and_then(|()| fs::rename(&beside, self.place(key)));
        if placed.is_err() {
            let _ = fs::remove_file(&beside);
        }
        placed?;
        self.prune()
    }

    /// Deletes the oldest files beyond the bound, whatever they are.
    fn prune(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let beyond = files.len().saturating_sub(MOST);
        files.iter().take(beyond).try_for_each(|(_, file)| fs::remove_file(file))
    }

    /// Whether the folder is there, is this user's, and is open to nobody else. It is made so where
    /// that can be.
    fn is_private(&self) -> bool {
        *self.private.get_or_init(|| {
            let private = self.make_private();
            if let Err(error) = &private {
                tracing::debug!(folder = %self.path.display(), %error, "schemas are not kept there");
            }
            private.is_ok()
        })
    }

    fn make_private(&self) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let folder = fs::symlink_metadata(&self.path)?;
        let refuse = |why: &str| Err(std::io::Error::other(why.to_owned()));
        if !folder.is_dir() || folder.mode() & 0o077 != 0 {
            return refuse("it is no folder that is open to its owner alone");
        }
        // What this user makes is this user's: that tells who that is.
        let probe = self.beside("probe");
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?;
        let owner = file.metadata().map(|it| it.uid());
        fs::remove_file(&probe)?;
        if owner? == folder.uid() { Ok(()) } else { refuse("it is somebody else's") }
    }

    /// A new file of this process.
    fn beside(&self, what: &str) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!(".{what}-{}-{number}", std::process::id()))
    }

    fn place(&self, key: &Key) -> PathBuf {
        place(&self.path, key)
    }
}

/// The file of a document, whatever its content.
fn place(folder: &Path, key: &Key) -> PathBuf {
    let name = Digest::of_bytes(format!("{}\n{}", key.server, key.path).as_bytes());
    folder.join(name.short())
}

fn head(key: &Key, bytes: &[u8]) -> String {
    let Key { server, path, hash } = key;
    format!("{FORMAT}\n{server}\n{path}\n{hash}\n{}\n", Digest::of_bytes(bytes))
}

/// What a file holds under a key; `None` if it is not what was written under that key.
fn content<'a>(file: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    let lines = head(key, &[]);
    let length = lines.len();
    let (own, bytes) = (file.get(..length)?, file.get(length..)?);
    (own == head(key, bytes).as_bytes()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn key(hash: &str) -> Key {
        Key {
            server: "https://one".into(),
            path: "/openapi/v3/apis/apps/v1".into(),
            hash: hash.into(),
        }
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path().join("cleat/schemas"));
        (parent, folder)
    }

    fn files(folder: &Folder) -> usize {
        fs::read_dir(&folder.path).unwrap().count()
    }

    #[test]
    fn what_is_written_is_read_and_replaced_by_the_next_content() {
        let (_parent, folder) = folder();
        assert_eq!(folder.read(&key("A")), None);
        folder.write(&key("A"), b"first");
        assert_eq!(folder.read(&key("A")).as_deref(), Some(&b"first"[..]));
        assert_eq!(folder.read(&key("B")), None, "another content of the same document");
        folder.write(&key("B"), b"second");
        assert_eq!(folder.read(&key("A")), None);
        assert_eq!(folder.read(&key("B")).as_deref(), Some(&b"second"[..]));
        assert_eq!(files(&folder), 1, "an old content does not stay");
        let elsewhere = Key { server: "https://two".into(), ..key("B") };
        assert_eq!(folder.read(&elsewhere), None, "another server's");
    }

    #[test]
    fn a_damaged_a_cut_or_a_foreign_file_is_as_good_as_none() {
        let (_parent, folder) = folder();
        folder.write(&key("A"), b"content");
        let place = folder.place(&key("A"));
        let good = fs::read(&place).unwrap();
        for length in 0..good.len() {
            fs::write(&place, &good[..length]).unwrap();
            assert_eq!(folder.read(&key("A")), None, "cut after {length}");
            let mut flipped = good.clone();
            flipped[length] ^= 1;
            fs::write(&place, &flipped).unwrap();
            assert_eq!(folder.read(&key("A")), None, "flipped at {length}");
        }
        folder.write(&key("A"), b"content");
        assert!(folder.read(&key("A")).is_some());
    }

    #[test]
    fn the_folder_is_private_or_not_used() {
        let (_parent, made) = folder();
        made.write(&key("A"), b"content");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made.path), 0o700);
        assert_eq!(mode(&made.place(&key("A"))), 0o600);
        fs::set_permissions(&made.path, fs::Permissions::from_mode(0o777)).unwrap();
        let again = Folder::new(made.path.clone());
        assert_eq!(again.read(&key("A")), None);
        again.write(&key("B"), b"other");
        assert_eq!(files(&again), 1);
    }

    #[test]
    fn old_files_make_room() {
        let (_parent, folder) = folder();
        for number in 0..MOST + 5 {
            folder.write(&Key { path: number.to_string(), ..key("A") }, b"x");
        }
        assert_eq!(files(&folder), MOST);
        let newest = Key { path: (MOST + 4).to_string(), ..key("A") };
        assert!(folder.read(&newest).is_some());
    }
}
