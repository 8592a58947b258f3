//! Repositories for tests, made with libgit2: no `git` program is needed.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Signature, Time};

/// The modes of tree entries.
pub const FILE: i32 = 0o100_644;
pub const LINK: i32 = 0o120_000;
pub const SUBMODULE: i32 = 0o160_000;

/// A path below a tree, what stands there, and its mode.
pub type TreeEntry<'a> = (&'a [u8], Oid, i32);

/// A bare repository in a folder that goes with it.
pub struct Scratch {
    pub folder: tempfile::TempDir,
    pub repository: Repository,
}

impl Scratch {
    /// A repository without a commit, whose HEAD is `main`.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        let repository = Repository::init_opts(folder.path().join("origin.git"), &options).unwrap();
        Self { folder, repository }
    }

    /// A repository with one commit on `main`.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let scratch = Self::empty();
        scratch.commit("main", files);
        scratch
    }

    pub fn url(&self) -> String {
        self.repository.path().to_str().unwrap().to_owned()
    }

    /// A folder for a mirror; each name is another.
    pub fn mirror(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn blob(&self, bytes: &[u8]) -> Oid {
        self.repository.blob(bytes).unwrap()
    }

    /// A tree of entries whose paths may have slashes.
    pub fn tree(&self, entries: &[TreeEntry<'_>]) -> Oid {
        let mut builder = self.repository.treebuilder(None).unwrap();
        let mut folders: Vec<(&[u8], Vec<TreeEntry<'_>>)> = Vec::new();
        for (path, oid, mode) in entries {
            match path.iter().position(|byte| *byte == b'/') {
                None => {
                    builder.insert(*path, *oid, *mode).unwrap();
                }
                Some(slash) => {
                    let (folder, rest) = (&path[..slash], &path[slash + 1..]);
                    match folders.iter_mut().find(|(name, _)| *name == folder) {
                        Some((_, entries)) => entries.push((rest, *oid, *mode)),
                        None => folders.push((folder, vec![(rest, *oid, *mode)])),
                    }
                }
            }
        }
        for (folder, entries) in folders {
            builder.insert(folder, self.tree(&entries), 0o040_000).unwrap();
        }
        builder.write().unwrap()
    }

    /// Commits text files to a branch.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> Oid {
        let entries: Vec<TreeEntry<'_>> = files
            .iter()
            .map(|(path, text)| (path.as_bytes(), self.blob(text.as_bytes()), FILE))
            .collect();
        self.commit_tree(branch, self.tree(&entries))
    }

    /// Commits a tree to a branch, after what the branch has.
    pub fn commit_tree(&self, branch: &str, tree: Oid) -> Oid {
        let repository = &self.repository;
        let name = format!("refs/heads/{branch}");
        let parent = repository.find_reference(&name).ok();
        let parent = parent.map(|parent| parent.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
        let tree = repository.find_tree(tree).unwrap();
        repository
            .commit(Some(&name), &who, &who, "Change the shop\n\nBecause.\n", &tree, &parents)
            .unwrap()
    }

    /// A tag that is an object of its own.
    pub fn annotated_tag(&self, name: &str, commit: Oid) -> Oid {
        let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
        let target = self.repository.find_object(commit, None).unwrap();
        self.repository.tag(name, &target, &who, "a release", false).unwrap()
    }

    pub fn lightweight_tag(&self, name: &str, target: Oid) {
        let target = self.repository.find_object(target, None).unwrap();
        self.repository.tag_lightweight(name, &target, true).unwrap();
    }
}

/// Every file below a folder, for damaging them.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}
