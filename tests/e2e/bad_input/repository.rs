//! A bare repository of one commit with whatever a tree can hold: links and submodules, files that
//! are no text, files that are too large.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository, RepositoryInitOptions, Signature, Time};

/// What stands under a name of the tree's root.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link, by its target.
    Link(&'static str),
    /// A submodule.
    Submodule,
}

impl Entry {
    /// A file of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::File(text.into().into_bytes())
    }
}

/// A repository below `folder` whose branch `main` has one commit with these entries.
pub fn create<'a>(
    folder: &Path,
    name: &str,
    entries: impl IntoIterator<Item = (&'a str, &'a Entry)>,
) -> PathBuf {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).initial_head("main");
    let repository = Repository::init_opts(folder.join(format!("{name}.git")), &options).unwrap();
    let mut tree = repository.treebuilder(None).unwrap();
    for (name, entry) in entries {
        let (id, mode) = match entry {
            Entry::File(content) => (repository.blob(content).unwrap(), 0o100_644),
            Entry::Link(target) => (repository.blob(target.as_bytes()).unwrap(), 0o120_000),
            // The commit is one of another repository, so any id will do.
            Entry::Submodule => (Oid::from_str(&"5".repeat(40)).unwrap(), 0o160_000),
        };
        tree.insert(name, id, mode).unwrap();
    }
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    repository.commit(Some("refs/heads/main"), &who, &who, "Open the shop", &tree, &[]).unwrap();
    repository.path().to_owned()
}
