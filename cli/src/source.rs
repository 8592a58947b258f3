//! What to render: the flags that `render`, `plan`, `diff` and `apply` share, and what they come to.

use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ArgGroup;
use manifests::{CommitInfo, FileSource, Limits, Reference, Render, RenderOptions};
use merge::schema::Schemas;

use crate::cache;
use crate::shell::Shell;

/// Where the objects come from.
#[derive(Debug, Clone, clap::Args)]
#[command(group = ArgGroup::new("source").required(true).args(["repo", "files"]))]
pub struct SourceArgs {
    /// The Git repository: a path, file:// or git://
    #[arg(long, value_name = "URL|PATH", help_heading = "Source")]
    pub repo: Option<String>,
    /// The branch, tag or commit [default: the repository's HEAD]
    #[arg(long, value_name = "REVISION", conflicts_with = "files", help_heading = "Source")]
    pub revision: Option<String>,
    /// The folder or file of the repository to render [default: all of it]
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "files",
        default_value = "",
        hide_default_value = true,
        help_heading = "Source"
    )]
    pub path: String,
    /// A file or a folder of manifests, or - for standard input; may be repeated
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE|DIR|-",
        id = "files",
        visible_alias = "desired",
        help_heading = "Source"
    )]
    pub files: Vec<PathBuf>,
    /// Render only files that match; a glob without / matches names at any depth; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Source")]
    pub include: Vec<String>,
    /// Leave out files and folders that match; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Source")]
    pub exclude: Vec<String>,
    /// The namespace of objects that name none, and of the application [default: the kubeconfig's,
    /// else default]
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Source")]
    pub namespace: Option<String>,
    /// The folder of the repository's mirror [default: one in the user's cache]
    #[arg(long, value_name = "DIR", conflicts_with = "files", help_heading = "Source")]
    pub mirror: Option<PathBuf>,
}

impl SourceArgs {
    /// Fetches if need be, renders, and says what is doubtful. An error that holds
    /// [`manifests::Problems`] or [`manifests::GitError`] is told in full by [`Shell::failed`].
    pub fn render(&self, shell: &mut Shell, scopes: &Schemas) -> anyhow::Result<Render> {
        let (render, _) = self.render_told(shell, scopes)?;
        Ok(render)
    }

    /// Like [`SourceArgs::render`], with what the commit says of itself; files say nothing.
    pub fn render_told(
        &self,
        shell: &mut Shell,
        scopes: &Schemas,
    ) -> anyhow::Result<(Render, Option<CommitInfo>)> {
        let (render, commit) = self.render_commit(shell, scopes)?;
        for warning in &render.warnings {
            shell.warn(&warning.to_string());
        }
        if render.objects.is_empty() {
            shell.warn("there are no objects in the source");
        }
        Ok((render, commit))
    }

    /// Like [`SourceArgs::render`], for callers that judge the warnings by what the cluster serves.
    pub fn render_quietly(&self, shell: &Shell, scopes: &Schemas) -> anyhow::Result<Render> {
        Ok(self.render_commit(shell, scopes)?.0)
    }

    fn render_commit(
        &self,
        shell: &Shell,
        scopes: &Schemas,
    ) -> anyhow::Result<(Render, Option<CommitInfo>)> {
        let options = RenderOptions {
            path: self.path.clone(),
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            namespace: self.namespace.clone(),
            limits: Limits::default(),
            scopes,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        let Some(url) = self.repo.as_deref() else {
            let files = self.files.iter().map(|path| file_source(path, &options.limits));
            let files = files.collect::<anyhow::Result<Vec<_>>>()?;
            return Ok((manifests::render_files(&files, &options)?, None));
        };
        let (folder, reference) = (self.mirror_folder(shell, url)?, self.reference());
        let (mirror, render) = manifests::fetch_and_render(&folder, url, &reference, &options)
            .map_err(told_in_full)?;
        let commit =
            render.revision.as_ref().map(|revision| mirror.commit(revision)).transpose()?;
        Ok((render, commit))
    }

    /// The last part of what is rendered, as the name of the application it makes; files have none.
    pub fn lasting_name(&self) -> Option<String> {
        let last = |path: &str| {
            let part = path.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
            let part = part.trim_end_matches(".git").to_lowercase();
            (!part.is_empty() && part != "." && part != "..").then_some(part)
        };
        let repository = || {
            let url = self.repo.as_deref()?;
            let place = std::fs::canonicalize(url).ok();
            last(place.as_deref().and_then(Path::to_str).unwrap_or(url))
        };
        last(&self.path).or_else(repository)
    }

    fn reference(&self) -> Reference {
        Reference::from(self.revision.as_deref())
    }

    fn mirror_folder(&self, shell: &Shell, url: &str) -> anyhow::Result<PathBuf> {
        match &self.mirror {
            Some(folder) => Ok(folder.clone()),
            None => cache::mirror_folder(shell.cache(), url),
        }
    }
}

/// The error itself, not wrapped, so that the shell finds its problems and hints.
fn told_in_full(error: manifests::SourceError) -> anyhow::Error {
    match error {
        manifests::SourceError::Git(error) => error.into(),
        manifests::SourceError::Problems(problems) => problems.into(),
    }
}

/// A named file or folder, or standard input, read up to one byte beyond the limit.
pub fn file_source(path: &Path, limits: &Limits) -> anyhow::Result<FileSource> {
    if path.as_os_str() != "-" {
        return Ok(FileSource::Path(path.to_owned()));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(limits.file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .context("standard input cannot be read")?;
    Ok(FileSource::Bytes { name: "-".to_owned(), bytes })
}
