//! A corpus in a Git repository, and a mirror of it.

use std::path::PathBuf;

use anyhow::Context as _;
use git2::{Oid, Repository as Git, Signature, Time};
use manifests::{Limits, Mirror, Reference, Render, RenderOptions, Revision};
use merge::Schemas;

use crate::corpus::{Corpus, File};

/// The mode of a file in a tree, and of a folder.
const FILE: i32 = 0o100_644;
const FOLDER: i32 = 0o040_000;

/// A bare repository with one branch, `main`, in a folder that goes with it.
pub struct Repository {
    folder: tempfile::TempDir,
    git: Git,
    files: Vec<(String, Oid)>,
}

impl Repository {
    /// Commits a corpus.
    pub fn of(corpus: &Corpus) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        let git = Git::init_opts(folder.path().join("origin.git"), &options)?;
        let mut files = Vec::with_capacity(corpus.files.len());
        for File { path, text } in &corpus.files {
            files.push((path.clone(), git.blob(text.as_bytes())?));
        }
        let mut repository = Self { folder, git, files };
        repository.commit()?;
        Ok(repository)
    }

    /// Gives one file another text, in a commit of its own.
    pub fn change(&mut self, path: &str, text: &str) -> anyhow::Result<()> {
        let blob = self.git.blob(text.as_bytes())?;
        let file = self.files.iter_mut().find(|(known, _)| known == path);
        file.with_context(|| format!("{path} is not in the repository"))?.1 = blob;
        self.commit()
    }

    /// Its path, which is its URL.
    pub fn url(&self) -> String {
        self.git.path().to_string_lossy().into_owned()
    }

    /// The mirror brought to the newest commit.
    pub fn mirror(&self) -> anyhow::Result<(Mirror, Revision)> {
        let folder: PathBuf = self.folder.path().join("mirror");
        Ok(Mirror::sync(&folder, &self.url(), &Reference::Head)?)
    }

    /// What the newest commit renders to.
    pub fn render(&self) -> anyhow::Result<Render> {
        let (mirror, revision) = self.mirror()?;
        let scopes = Schemas::builtin();
        Ok(manifests::render(&mirror, &revision, &options(&scopes))?)
    }

    /// Commits the files as they are.
    pub fn commit(&mut self) -> anyhow::Result<()> {
        self.files.sort();
        let entries: Vec<(&str, Oid)> =
            self.files.iter().map(|(path, blob)| (path.as_str(), *blob)).collect();
        let tree = self.git.find_tree(tree(&self.git, &entries)?)?;
        let who = Signature::new("Ada", "ada@example.com", &Time::new(1_700_000_000, 0))?;
        let parent = self.git.head().ok().map(|head| head.peel_to_commit()).transpose()?;
        let parents: Vec<_> = parent.iter().collect();
        self.git.commit(Some("refs/heads/main"), &who, &who, "Change things\n", &tree, &parents)?;
        Ok(())
    }
}

/// How the corpora are rendered: like any source, but that the largest is beyond the usual caps.
pub fn options(scopes: &Schemas) -> RenderOptions<'_> {
    let usual = Limits::default();
    let limits = Limits {
        total_bytes: 4 * usual.total_bytes,
        entries: 4 * usual.entries,
        objects: 4 * usual.objects,
        value_bytes: 8 * usual.value_bytes,
        ..usual
    };
    RenderOptions { limits, ..RenderOptions::new(scopes) }
}

/// Writes the tree of sorted paths.
fn tree(git: &Git, files: &[(&str, Oid)]) -> anyhow::Result<Oid> {
    let mut builder = git.treebuilder(None)?;
    let mut rest = files;
    while let Some((path, blob)) = rest.first() {
        let Some((folder, _)) = path.split_once('/') else {
            builder.insert(path, *blob, FILE)?;
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let inside = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::len);
        let count = rest.iter().take_while(|(path, _)| inside(path).is_some()).count();
        let (below, after) = rest.split_at(count);
        let below: Vec<(&str, Oid)> = below
            .iter()
            .filter_map(|(path, blob)| Some((path.get(folder.len() + 1..)?, *blob)))
            .collect();
        builder.insert(folder, tree(git, &below)?, FOLDER)?;
        rest = after;
    }
    Ok(builder.write()?)
}
