//! A source rendered: all its objects, or all that is wrong with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use merge::schema::Scope;
use merge::{Digest, ErrorClass, GroupVersionKind, Manifest, Origin};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::git::{GitError, Mirror, Reference, Revision};
use crate::loader::{self, Budget};
use crate::objects::file::{self, Scopes, Setting};
use crate::objects::{self, Doubts};
use crate::options::{Limits, RenderOptions};
use crate::problem::{Problem, Problems};
use crate::read::{File, Outcome, Parser, Place, Reader};
use crate::source::{self, CommitTree, Folder, Listings};

/// The id of the tree that was rendered: equal trees render to equal objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeId(String);

impl TreeId {
    pub(crate) fn of(oid: git2::Oid) -> Self {
        Self(oid.to_string())
    }

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
    let root = mirror.tree_of(revision).map_err(|error| damage(options, &error))?;
    let render = render_tree(mirror, root, options)?;
    Ok(Render { revision: Some(revision.clone()), ..render })
}

/// Renders a tree, remembering nothing.
pub(crate) fn render_tree(
    mirror: &Mirror,
    root: git2::Oid,
    options: &RenderOptions<'_>,
) -> Result<Render, Failed> {
    let damage = |error: git2::Error| damage(options, &error);
    let (nothing, unknown) = (Listings::new(), |_: &git2::Oid| None);
    let tree = CommitTree::new(mirror.repository(), root, &nothing, &unknown).map_err(damage)?;
    let mut problems = Vec::new();
    let collected = source::collect(&tree, "", options, &mut problems);
    let (outcome, damaged) = finish(&collected.files, Some(mirror.repository()), options, problems);
    match outcome {
        Ok(mut render) => {
            render.tree = collected.top.map(TreeId::of);
            Ok(render)
        }
        Err(problems) => Err(Failed { problems, damaged: damaged || collected.damaged }),
    }
}

pub(crate) fn damage(options: &RenderOptions<'_>, error: &git2::Error) -> Failed {
    let message = format!("the mirror is damaged: {}", error.message());
    Failed { problems: Problem::in_file(options.path.clone(), message).into(), damaged: true }
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
                files.push(File { name: name.clone(), place: Place::Bytes(bytes.clone()) });
            }
            FileSource::Path(path) => read_path(path, options, &mut files, &mut problems),
        }
    }
    finish(&files, None, options, problems).0
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
        Ok(bytes) => files.push(File { name, place: Place::Bytes(bytes) }),
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
    let file = File { name: name.to_owned(), place: Place::Bytes(bytes.to_vec()) };
    finish(&[file], None, options, Vec::new()).0.map(|render| render.objects)
}

/// The documents of one stream as they are written, and nothing else: what a render begins with, and
/// the floor its speed is measured against.
pub fn parse_stream(name: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<Value>, Problems> {
    let mut problems = Vec::new();
    let documents = loader::load(name, bytes, limits, &mut Budget::new(limits), &mut problems);
    Problems::none_in(problems)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

/// The objects of files, and whether the object database failed.
fn finish(
    files: &[File],
    repository: Option<&git2::Repository>,
    options: &RenderOptions<'_>,
    mut problems: Vec<Problem>,
) -> (Result<Render, Problems>, bool) {
    let setting = Setting { limits: &options.limits, namespace: options.namespace.as_deref() };
    let parser = Parser { setting, keep_bodies: true };
    let reader = Reader { repository, threads: options.threads, parser };
    let mut outcomes = reader.parse(files, &|gvk| options.scopes.scope(gvk));
    let damaged = outcomes.iter().any(|outcome| outcome.damaged);
    let count: usize = outcomes.iter().map(|outcome| outcome.parsed.lines.len()).sum();
    if count > options.limits.objects {
        problems.push(beyond(files, &outcomes, options.limits.objects));
        problems.extend(outcomes.drain(..).flat_map(|outcome| outcome.parsed.problems));
    }
    let defined = file::defined(outcomes.iter().flat_map(|it| &it.parsed.definitions));
    let scopes = Scopes { known: options.scopes, defined: &defined };
    reader.settle(files, &mut outcomes, &scopes);
    let mut objects = Vec::with_capacity(count);
    let mut doubts = Vec::with_capacity(count);
    for (file, Outcome { mut parsed, .. }) in files.iter().zip(outcomes) {
        problems.append(&mut parsed.problems);
        for mut item in parsed.items {
            let doubt = (item.scope, item.dropped.take());
            if let Some(manifest) = item.into_manifest(&file.name) {
                objects.push(manifest);
                doubts.push(doubt);
            }
        }
    }
    objects::find_duplicates(&objects, &mut problems);
    if let Err(problems) = Problems::none_in(problems) {
        return (Err(problems), damaged);
    }
    let warnings = warnings(&objects, &doubts);
    let digest = digest(objects.iter().map(Line::from), &mut Vec::new());
    (Ok(Render { revision: None, tree: None, digest, objects, warnings }), damaged)
}

/// The scope an object was read by, and what became of its namespace.
type Doubt = (Option<Scope>, Option<(String, u32)>);

fn warnings(objects: &[Manifest], doubts: &[Doubt]) -> Vec<Problem> {
    let mut all = Doubts::default();
    for (Manifest { gvk, origin, .. }, (scope, dropped)) in objects.iter().zip(doubts) {
        let dropped = dropped.as_ref().map(|(namespace, line)| (namespace.as_str(), *line));
        all.of(&origin.file, origin.line, gvk, *scope, dropped);
    }
    all.warnings
}

/// The problem of a source that has more objects than it may.
fn beyond(files: &[File], outcomes: &[Outcome], most: usize) -> Problem {
    let lines = files.iter().zip(outcomes).flat_map(|(file, outcome)| {
        outcome.parsed.lines.iter().map(|line| (file.name.as_str(), *line))
    });
    let (file, line) = lines.into_iter().nth(most).unwrap_or_default();
    objects::too_many(most, &Origin { file: file.to_owned(), line })
}

/// The digest over the sorted identities and digests of objects, a line each. `order` is how the lines
/// were sorted the last time: where little changed since, there is little to sort.
pub(crate) fn digest<'o>(objects: impl Iterator<Item = Line<'o>>, order: &mut Vec<u32>) -> Digest {
    let mut text = String::new();
    let mut ends = Vec::with_capacity(objects.size_hint().0);
    for Line { gvk, namespace, name, digest } in objects {
        let begin = text.len();
        let namespace = namespace.unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {} {namespace} {name} {digest}", gvk.group, gvk.kind);
        ends.push(begin..text.len());
    }
    let lines: Vec<&str> = ends.into_iter().filter_map(|place| text.get(place)).collect();
    if order.len() != lines.len() {
        *order = (0..).take(lines.len()).collect();
    }
    let line = |at: u32| usize::try_from(at).ok().and_then(|at| lines.get(at).copied());
    // The stable sort is the one that is quick where most is in order.
    order.sort_by(|one, other| line(*one).cmp(&line(*other)));
    let sorted: String = order.iter().filter_map(|at| line(*at)).collect();
    Digest::of_bytes(sorted.as_bytes())
}

/// What the digest says of an object.
pub(crate) struct Line<'o> {
    pub gvk: &'o GroupVersionKind,
    pub namespace: Option<&'o str>,
    pub name: &'o str,
    pub digest: Digest,
}

impl<'o> From<&'o Manifest> for Line<'o> {
    fn from(Manifest { id, gvk, digest, .. }: &'o Manifest) -> Self {
        Self { gvk, namespace: id.namespace.as_deref(), name: &id.name, digest: *digest }
    }
}
