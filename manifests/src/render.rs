//! A source rendered: all its objects, or all that is wrong with it.

use std::path::{Path, PathBuf};

use merge::{Digest, ErrorClass, Manifest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::git::{GitError, Mirror, Reference, Revision};
use crate::loader::{self, Budget};
use crate::objects::{self, Loaded};
use crate::options::{Limits, RenderOptions};
use crate::problem::{Problem, Problems};
use crate::source::{self, CommitTree, File, Folder};

/// The id of the tree that was rendered: equal trees render to equal objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeId(String);

impl TreeId {
    /// The object id, in hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a source renders to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Render {
    /// The commit; `None` for files.
    pub revision: Option<Revision>,
    /// The tree, or the blob, that the path names; `None` for files.
    pub tree: Option<TreeId>,
    /// The objects, in the order of files and lines.
    pub objects: Vec<Manifest>,
    /// The digest of what is rendered: of every object's identity and digest, whatever their order.
    pub digest: Digest,
    /// What is doubtful and stops nothing: a namespace that was dropped, a kind that is not known.
    pub warnings: Vec<Problem>,
}

/// Renders a commit.
pub fn render(
    mirror: &Mirror,
    revision: &Revision,
    options: &RenderOptions<'_>,
) -> Result<Render, Problems> {
    try_render(mirror, revision, options).map_err(|failed| failed.problems)
}

/// Why a source does not render.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The repository or the revision cannot be had.
    #[error(transparent)]
    Git(#[from] GitError),
    /// What it holds is wrong.
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl SourceError {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Git(error) => error.class(),
            Self::Problems(problems) => problems.class(),
        }
    }
}

/// Fetches a reference into the mirror in a folder and renders its commit. A mirror that proves to be
/// damaged while it is read is rebuilt, once.
pub fn fetch_and_render(
    folder: &Path,
    url: &str,
    reference: &Reference,
    options: &RenderOptions<'_>,
) -> Result<(Mirror, Render), SourceError> {
    let (mirror, revision) = Mirror::sync(folder, url, reference)?;
    match try_render(&mirror, &revision, options) {
        Ok(render) => Ok((mirror, render)),
        Err(Failed { damaged: true, .. }) => {
            drop(mirror);
            let (mirror, revision) = Mirror::rebuild(folder, url, reference)?;
            let render = render(&mirror, &revision, options)?;
            Ok((mirror, render))
        }
        Err(Failed { problems, .. }) => Err(problems.into()),
    }
}

/// Why a commit does not render, and whether a damaged mirror is to blame.
pub(crate) struct Failed {
    pub problems: Problems,
    pub damaged: bool,
}

impl From<Problems> for Failed {
    fn from(problems: Problems) -> Self {
        Self { problems, damaged: false }
    }
}

pub(crate) fn try_render(
    mirror: &Mirror,
    revision: &Revision,
    options: &RenderOptions<'_>,
) -> Result<Render, Failed> {
    let damage = |error: git2::Error| Failed {
        problems: Problem::in_file(
            options.path.clone(),
            format!("the mirror is damaged: {}", error.message()),
        )
        .into(),
        damaged: true,
    };
    let root = mirror.tree_of(revision).map_err(damage)?;
    let tree = CommitTree::new(mirror.repository(), root).map_err(damage)?;
    let mut problems = Vec::new();
    let collected = source::collect(&tree, "", options, &mut problems);
    let damaged = collected.damaged;
    match finish(collected.files, options, problems) {
        Ok(mut render) => {
            render.revision = Some(revision.clone());
            render.tree = collected.top.map(|oid| TreeId(oid.to_string()));
            Ok(render)
        }
        Err(problems) => Err(Failed { problems, damaged }),
    }
}

/// Something to render that is not in Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// A file, or a folder with all its manifests.
    Path(PathBuf),
    /// Bytes that were read already, standard input for instance.
    Bytes {
        /// How problems and origins call them.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Renders files and folders of this machine together, as one source.
pub fn render_files(
    sources: &[FileSource],
    options: &RenderOptions<'_>,
) -> Result<Render, Problems> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for source in sources {
        match source {
            FileSource::Bytes { name, bytes } => {
                files.push(File { name: name.clone(), bytes: bytes.clone() });
            }
            FileSource::Path(path) => read_path(path, options, &mut files, &mut problems),
        }
    }
    finish(files, options, problems)
}

/// Reads one file, or every manifest below one folder.
fn read_path(
    path: &Path,
    options: &RenderOptions<'_>,
    files: &mut Vec<File>,
    problems: &mut Vec<Problem>,
) {
    let name = path.to_string_lossy().replace('\\', "/");
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return problems.push(Problem::in_file(name, error.to_string())),
    };
    if metadata.is_dir() {
        let prefix = if name == "." { "" } else { &name };
        files.extend(source::collect(&Folder::new(path), prefix, options, problems).files);
        return;
    }
    match source::read_file(path, options.limits.file_bytes) {
        Ok(bytes) => files.push(File { name, bytes }),
        Err(message) => problems.push(Problem::in_file(name, message)),
    }
}

/// The objects of one stream of YAML or JSON: a file's bytes, or standard input. A name that ends in
/// `.json` is read strictly.
pub fn load_stream(
    name: &str,
    bytes: &[u8],
    options: &RenderOptions<'_>,
) -> Result<Vec<Manifest>, Problems> {
    let file = File { name: name.to_owned(), bytes: bytes.to_vec() };
    finish(vec![file], options, Vec::new()).map(|render| render.objects)
}

/// The documents of one stream as they are written, and nothing else: what a render begins with, and
/// the floor its speed is measured against.
pub fn parse_stream(name: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<Value>, Problems> {
    let mut problems = Vec::new();
    let documents = loader::load(name, bytes, limits, &mut Budget::new(limits), &mut problems);
    Problems::none_in(problems)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

fn finish(
    files: Vec<File>,
    options: &RenderOptions<'_>,
    mut problems: Vec<Problem>,
) -> Result<Render, Problems> {
    let mut budget = Budget::new(&options.limits);
    let mut loaded = Vec::with_capacity(files.len());
    for File { name, bytes } in files {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > options.limits.file_bytes {
            let message = source::too_large(size, options.limits.file_bytes);
            problems.push(Problem::in_file(name, message));
            continue;
        }
        let documents = loader::load(&name, &bytes, &options.limits, &mut budget, &mut problems);
        loaded.push(Loaded { file: name, documents });
    }
    let objects = objects::assemble(loaded, options, &mut problems);
    Problems::none_in(problems)?;
    Ok(Render {
        revision: None,
        tree: None,
        digest: digest(&objects.manifests),
        objects: objects.manifests,
        warnings: objects.warnings,
    })
}

/// The digest over the sorted identities and digests of objects.
fn digest(objects: &[Manifest]) -> Digest {
    let mut lines: Vec<String> = objects
        .iter()
        .map(|Manifest { id, digest, .. }| {
            let namespace = id.namespace.as_deref().unwrap_or_default();
            // None of the four can hold a space.
            format!("{} {} {namespace} {} {digest}\n", id.group, id.kind, id.name)
        })
        .collect();
    lines.sort_unstable();
    Digest::of_bytes(lines.concat().as_bytes())
}
