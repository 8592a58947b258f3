//! Realistic objects, as people write them: a monorepo of teams, each with a namespace and a number of
//! services, each of those with its workload, its configuration and what belongs to it.
//!
//! It is made from a seed and nothing else, so that equal shapes are equal bytes everywhere. A mean
//! object has about 1.7 KB of YAML; [`Corpus::describe`] says what a corpus holds.

mod access;
mod config;
mod custom;
mod network;
mod random;
mod service;
mod workloads;

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub use random::Random;
pub use service::Service;

/// How many services share a namespace.
const SERVICES_OF_A_TEAM: usize = 24;

/// What a corpus is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Where the choices begin.
    pub seed: u64,
    /// How many objects.
    pub objects: usize,
    /// How files are laid out.
    pub layout: Layout,
}

impl Shape {
    /// So many objects in nested folders.
    pub const fn of(objects: usize) -> Self {
        Self { seed: 0xc1ea7, objects, layout: Layout::Nested }
    }
}

/// How files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `teams/<team>/<service>/<what>.yaml`.
    Nested,
    /// Every file in one folder.
    Flat,
}

/// A file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, with `/`.
    pub path: String,
    /// Its text: one or several YAML documents.
    pub text: String,
}

/// The files of a repository.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// In the order of their making.
    pub files: Vec<File>,
    /// How many objects of each kind.
    pub kinds: BTreeMap<String, usize>,
}

/// One object as text, and the file it goes to.
#[derive(Debug)]
struct Document {
    file: &'static str,
    text: String,
}

impl Corpus {
    /// Makes the files of a shape.
    pub fn generate(shape: &Shape) -> Self {
        let mut corpus = Self { files: Vec::new(), kinds: BTreeMap::new() };
        let mut random = Random::new(shape.seed);
        let mut left = shape.objects;
        let definitions = custom::definitions();
        corpus.add(shape.layout, "platform", "definitions", definitions, &mut left);
        for team in 0.. {
            if left == 0 {
                break;
            }
            let name = team_name(team);
            corpus.add(shape.layout, &name, "", access::team(&name), &mut left);
            for number in 0..SERVICES_OF_A_TEAM {
                let service = Service::choose(&mut random, &name, number);
                let documents = service.documents(&mut random);
                corpus.add(shape.layout, &name, &service.name, documents, &mut left);
            }
        }
        corpus
    }

    fn add(
        &mut self,
        layout: Layout,
        team: &str,
        service: &str,
        documents: Vec<Document>,
        left: &mut usize,
    ) {
        let taken = documents.len().min(*left);
        *left -= taken;
        let first = self.files.len();
        for Document { file, text } in documents.into_iter().take(taken) {
            let path = match (layout, service) {
                (Layout::Nested, "") => format!("teams/{team}/{file}.yaml"),
                (Layout::Nested, _) => format!("teams/{team}/{service}/{file}.yaml"),
                (Layout::Flat, "") => format!("{team}-{file}.yaml"),
                (Layout::Flat, _) => format!("{team}-{service}-{file}.yaml"),
            };
            let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or("?");
            *self.kinds.entry(kind.to_owned()).or_default() += 1;
            let same = self.files.iter_mut().skip(first).find(|known| known.path == path);
            if let Some(known) = same {
                known.text.push_str("---\n");
                known.text.push_str(&text);
            } else {
                self.files.push(File { path, text });
            }
        }
    }

    /// How many objects it holds.
    pub fn objects(&self) -> usize {
        self.kinds.values().sum()
    }

    /// How many bytes of YAML.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.text.len()).sum()
    }

    /// Bytes of YAML an object, on average.
    pub fn mean(&self) -> usize {
        self.bytes() / self.objects().max(1)
    }

    /// What it holds, on one line: `1000 objects in 512 files, mean 1700 bytes: 96 ConfigMap, …`.
    pub fn describe(&self) -> String {
        let mut kinds: Vec<(&String, &usize)> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), (*kind).clone()));
        let mut text = format!(
            "{} objects in {} files, mean {} bytes of YAML:",
            self.objects(),
            self.files.len(),
            self.mean()
        );
        for (place, (kind, count)) in kinds.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let _ = write!(text, "{comma} {count} {kind}");
        }
        text
    }
}

fn team_name(number: usize) -> String {
    const WORDS: [&str; 12] = [
        "payments",
        "catalog",
        "search",
        "identity",
        "orders",
        "shipping",
        "billing",
        "support",
        "growth",
        "insights",
        "media",
        "platform-tools",
    ];
    let word = WORDS.get(number % WORDS.len()).copied().unwrap_or_default();
    match number / WORDS.len() {
        0 => word.to_owned(),
        again => format!("{word}-{again}"),
    }
}

#[cfg(test)]
mod tests;
