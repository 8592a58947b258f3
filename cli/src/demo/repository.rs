//! The demo's Git repository: the example shop of `deploy/examples/shop`, committed into a bare
//! repository in a temporary folder, and the commits the story makes on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use git2::{ObjectType, Oid, Repository, Signature, Time};

/// The files of the example, by their path in the repository.
const SHOP: &[(&str, &str)] = &[
    ("base/config.yaml", include_str!("../../../deploy/examples/shop/base/config.yaml")),
    ("base/namespace.yaml", include_str!("../../../deploy/examples/shop/base/namespace.yaml")),
    ("data/database.yaml", include_str!("../../../deploy/examples/shop/data/database.yaml")),
    ("web/banner.yaml", include_str!("../../../deploy/examples/shop/web/banner.yaml")),
    ("web/web.yaml", include_str!("../../../deploy/examples/shop/web/web.yaml")),
];

const BRANCH: &str = "refs/heads/main";

/// A bare repository with the working files in memory.
pub struct ShopRepository {
    folder: PathBuf,
    repository: Repository,
    files: BTreeMap<String, String>,
}

/// A commit the story made.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The full commit id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
}

impl Commit {
    /// The first seven digits, as Git's own tools show an id.
    pub fn short(&self) -> &str {
        self.id.get(..7).unwrap_or(&self.id)
    }
}

impl ShopRepository {
    /// A new repository in a folder that does not exist yet; nothing is committed.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        let repository = Repository::init_bare(folder)
            .with_context(|| format!("cannot create a Git repository in {}", folder.display()))?;
        repository.set_head(BRANCH)?;
        let files = SHOP.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Ok(Self { folder: folder.to_owned(), repository, files: files.collect() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces a text that must be there in one file.
    pub fn replace(&mut self, path: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let text = self.files.get_mut(path).with_context(|| format!("there is no {path}"))?;
        anyhow::ensure!(text.contains(from), "{path} does not contain `{from}`");
        *text = text.replace(from, to);
        Ok(())
    }

    /// Removes one file.
    pub fn remove(&mut self, path: &str) -> anyhow::Result<()> {
        self.files.remove(path).with_context(|| format!("there is no {path}"))?;
        Ok(())
    }

    /// Commits the files as they are now on the branch `main`.
    pub fn commit(&self, author: &str, at: i64, subject: &str) -> anyhow::Result<Commit> {
        let mail = format!("{}@shop.example", author.to_lowercase());
        let signature = Signature::new(author, &mail, &Time::new(at, 0))?;
        let tree = self.repository.find_tree(self.write_tree("")?)?;
        let parent = match self.repository.find_reference(BRANCH) {
            Ok(reference) => Some(reference.peel_to_commit()?),
            Err(error) if error.code() == git2::ErrorCode::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let parents: Vec<_> = parent.iter().collect();
        let id = self.repository.commit(
            Some(BRANCH),
            &signature,
            &signature,
            subject,
            &tree,
            &parents,
        )?;
        Ok(Commit { id: id.to_string(), subject: subject.to_owned() })
    }

    /// Writes the tree of the files below a folder (`""` or a path that ends with `/`).
    fn write_tree(&self, folder: &str) -> anyhow::Result<Oid> {
        let mut entries: BTreeMap<&str, bool> = BTreeMap::new();
        for path in self.files.keys() {
            if let Some(rest) = path.strip_prefix(folder) {
                match rest.split_once('/') {
                    Some((child, _)) => entries.insert(child, true),
                    None => entries.insert(rest, false),
                };
            }
        }
        let mut tree = self.repository.treebuilder(None)?;
        for (name, is_folder) in entries {
            if is_folder {
                let child = self.write_tree(&format!("{folder}{name}/"))?;
                tree.insert(name, child, git2::FileMode::Tree.into())?;
            } else if let Some(text) = self.files.get(&format!("{folder}{name}")) {
                let blob = self.repository.odb()?.write(ObjectType::Blob, text.as_bytes())?;
                tree.insert(name, blob, git2::FileMode::Blob.into())?;
            }
        }
        Ok(tree.write()?)
    }
}
