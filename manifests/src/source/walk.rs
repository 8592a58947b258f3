//! The walk: every manifest below a path, in the order of their paths, within the limits. What cannot
//! be read is a problem of its own and stops nothing else.

use super::globs::Globs;
use super::links::{self, Found};
use super::{Entry, ReadError, Tree};
use crate::options::RenderOptions;
use crate::problem::Problem;
use crate::read::File;

/// What a walk finds. `top` is the node that was rendered, where there is one.
pub(crate) struct Collected<N> {
    pub files: Vec<File>,
    pub top: Option<N>,
    /// The tree itself could not be read; the problems say how.
    pub damaged: bool,
}

/// Folder and file names that say a tool has to render the folder first.
const RENDERED_BY: &[(&str, &str)] = &[
    ("kustomization.yaml", "kustomize"),
    ("kustomization.yml", "kustomize"),
    ("Kustomization", "kustomize"),
    ("Chart.yaml", "Helm"),
];

/// Every manifest below the options' path. `prefix` stands before every name in problems and origins.
pub(crate) fn collect<T: Tree>(
    tree: &T,
    prefix: &str,
    options: &RenderOptions<'_>,
    problems: &mut Vec<Problem>,
) -> Collected<T::Node> {
    let path: Vec<&str> =
        options.path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let path = path.join("/");
    let mut walk = Walk {
        tree,
        prefix,
        options,
        include: Globs::new(&options.include, problems),
        exclude: Globs::new(&options.exclude, problems),
        base: if path.is_empty() { 0 } else { path.len() + 1 },
        entries: 0,
        bytes: 0,
        full: false,
        damaged: false,
        files: Vec::new(),
        problems,
    };
    let top = walk.start(path);
    Collected { files: walk.files, top, damaged: walk.damaged }
}

struct Walk<'a, T: Tree> {
    tree: &'a T,
    prefix: &'a str,
    options: &'a RenderOptions<'a>,
    include: Globs,
    exclude: Globs,
    /// How much of a path is left off before it is matched.
    base: usize,
    entries: usize,
    bytes: u64,
    /// A cap on the whole was met: nothing more is looked at.
    full: bool,
    damaged: bool,
    files: Vec<File>,
    problems: &'a mut Vec<Problem>,
}

/// A folder on the way down.
struct Step<'s, N> {
    node: N,
    /// Its path as it was walked, through links.
    shown: String,
    /// Its path without links.
    real: Vec<String>,
    depth: usize,
    above: Option<&'s Self>,
}

impl<N> Step<'_, N> {
    fn is_inside(&self, real: &[String]) -> bool {
        self.real == real || self.above.is_some_and(|above| above.is_inside(real))
    }
}

impl<T: Tree> Walk<'_, T> {
    /// A problem of an entry, by its path.
    fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        Problem::in_file(self.named(path), message)
    }

    /// What problems and origins call an entry.
    fn named(&self, path: &str) -> String {
        match (self.prefix, path) {
            (prefix, "") => prefix.to_owned(),
            ("", path) => path.to_owned(),
            (prefix, path) => format!("{}/{path}", prefix.trim_end_matches('/')),
        }
    }

    fn add(&mut self, path: &str, message: impl Into<String>) {
        let problem = self.problem(path, message);
        self.problems.push(problem);
    }

    fn unreadable(&mut self, path: &str, error: &ReadError) {
        self.damaged |= matches!(error, ReadError::Damaged(_));
        self.add(path, error.to_string());
    }

    fn start(&mut self, path: String) -> Option<T::Node> {
        let found = match links::resolve(self.tree, &[], &path, self.options.limits.links) {
            Ok(found) => found,
            Err(error) => {
                self.unreadable(&path, &error);
                return None;
            }
        };
        match found {
            Found::Folder(node, real) => {
                let step = Step { node: node.clone(), shown: path, real, depth: 0, above: None };
                self.folder(&step);
                Some(node)
            }
            Found::File(node) => {
                self.file(&node, &path);
                Some(node)
            }
            Found::Missing { folder, at, name } => {
                self.missing(&path, &folder, &at, &name);
                None
            }
            other => {
                self.misled(&path, &other);
                None
            }
        }
    }

    /// Nothing stands at the path: says what does.
    fn missing(&mut self, path: &str, folder: &T::Node, at: &[String], name: &str) {
        const MOST: usize = 12;
        let place =
            if at.is_empty() { "the source".to_owned() } else { format!("`{}`", at.join("/")) };
        let mut problem = self.problem(path, format!("there is no `{name}` in {place}"));
        if let Ok(entries) = self.tree.entries(folder) {
            let mut names: Vec<String> = entries
                .into_iter()
                .filter_map(|(name, entry)| match entry {
                    Entry::Folder(_) => Some(format!("{}/", name.ok()?)),
                    _ => name.ok(),
                })
                .filter(|name| !name.starts_with('.'))
                .collect();
            let more = names.len().saturating_sub(MOST);
            names.truncate(MOST);
            if !names.is_empty() {
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                problem = problem.hint(format!("{place} has {}{more}", names.join(", ")));
            }
        }
        self.problems.push(problem);
    }

    /// A path or a link that leads to nothing that can be read.
    fn misled(&mut self, path: &str, found: &Found<T::Node>) {
        match found {
            Found::Outside => {
                self.add(path, "this leads out of the source, and nothing outside of it is read");
            }
            Found::Loop => self.add(path, "this passes through too many symbolic links"),
            Found::Submodule => self.submodule(path),
            Found::Missing { at, name, .. } => {
                let mut target = at.clone();
                target.push(name.clone());
                self.add(
                    path,
                    format!("this symbolic link leads to `{}`, where nothing is", target.join("/")),
                );
            }
            Found::Other | Found::File(_) | Found::Folder(..) => {
                self.add(path, "this is neither a file nor a folder");
            }
        }
    }

    fn submodule(&mut self, path: &str) {
        let problem = self
            .problem(path, "this is a Git submodule, whose content is not in this repository")
            .hint("leave a submodule out by --exclude, or render its own repository");
        self.problems.push(problem);
    }

    fn folder(&mut self, step: &Step<'_, T::Node>) {
        let limits = &self.options.limits;
        if step.depth > limits.depth {
            self.add(&step.shown, format!("folders are nested deeper than {}", limits.depth));
            return;
        }
        let entries = match self.tree.entries(&step.node) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(&step.shown, &error),
        };
        let mut wanted = Vec::with_capacity(entries.len());
        for (name, entry) in entries {
            self.entries += 1;
            if self.entries > limits.entries {
                self.full = true;
                self.add(&step.shown, format!("the source has more than {} files", limits.entries));
                return;
            }
            match name {
                Ok(name) if name.starts_with('.') => {}
                Ok(name) => {
                    let path = join(&step.shown, &name);
                    if !self.exclude.matches(self.relative(&path), &name) {
                        wanted.push((name, path, entry));
                    }
                }
                Err(lossy) => self.add(&join(&step.shown, &lossy), "this name is not UTF-8"),
            }
        }
        for (file, tool) in RENDERED_BY {
            if let Some((_, path, _)) = wanted.iter().find(|(name, ..)| name == file) {
                let problem = self
                    .problem(path, format!("this folder has to be rendered by {tool}"))
                    .hint("plain manifests are rendered here: render it first and commit the result, point --path at plain manifests, or leave it out by --exclude");
                self.problems.push(problem);
                return;
            }
        }
        for (name, path, entry) in wanted {
            if self.full {
                return;
            }
            self.entry(step, &name, path, entry);
        }
    }

    fn entry(&mut self, step: &Step<'_, T::Node>, name: &str, path: String, entry: Entry<T::Node>) {
        match entry {
            Entry::Folder(node) => {
                let mut real = step.real.clone();
                real.push(name.to_owned());
                self.descend(step, node, path, real);
            }
            Entry::File(node) if self.wants(&path, name) => self.file(&node, &path),
            Entry::Link(node) => self.link(step, name, path, &node),
            Entry::Submodule => self.submodule(&path),
            Entry::File(_) | Entry::Other => {}
        }
    }

    fn descend(
        &mut self,
        step: &Step<'_, T::Node>,
        node: T::Node,
        shown: String,
        real: Vec<String>,
    ) {
        self.folder(&Step { node, shown, real, depth: step.depth + 1, above: Some(step) });
    }

    fn link(&mut self, step: &Step<'_, T::Node>, name: &str, path: String, node: &T::Node) {
        let found = links::follow(self.tree, &step.real, node, self.options.limits.links);
        match found {
            Err(error) => self.unreadable(&path, &error),
            Ok(Found::File(node)) => {
                if self.wants(&path, name) {
                    self.file(&node, &path);
                }
            }
            Ok(Found::Folder(node, real)) => {
                if step.is_inside(&real) {
                    self.add(&path, "this symbolic link leads back to a folder that it is in");
                } else {
                    self.descend(step, node, path, real);
                }
            }
            Ok(Found::Missing { .. }) if !is_manifest(name) => {}
            Ok(other) => self.misled(&path, &other),
        }
    }

    fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.get(self.base..).unwrap_or(path)
    }

    fn wants(&self, path: &str, name: &str) -> bool {
        is_manifest(name)
            && (self.include.is_empty() || self.include.matches(self.relative(path), name))
    }

    fn file(&mut self, node: &T::Node, path: &str) {
        let limits = &self.options.limits;
        let size = match self.tree.size(node) {
            Ok(size) => size,
            Err(error) => return self.unreadable(path, &error),
        };
        if size > limits.file_bytes {
            return self.add(path, too_large(size, limits.file_bytes));
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > limits.total_bytes {
            self.full = true;
            let most = mebibytes(limits.total_bytes);
            return self.add(path, format!("with this file the source exceeds {most}"));
        }
        let name = self.named(path);
        self.files.push(File { name, place: self.tree.place(node) });
    }
}

/// What is said of a file beyond the limit.
pub(crate) fn too_large(size: u64, most: u64) -> String {
    format!("the file has {}; no manifest larger than {} is read", mebibytes(size), mebibytes(most))
}

/// A size in MiB, to one place, by integer arithmetic.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    match (tenths / 10, tenths % 10) {
        (0, 0) => format!("{bytes} bytes"),
        (whole, 0) => format!("{whole} MiB"),
        (whole, part) => format!("{whole}.{part} MiB"),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether a file's name says that it holds manifests.
fn is_manifest(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| {
        ["yaml", "yml", "json"].iter().any(|known| end.eq_ignore_ascii_case(known))
    })
}
