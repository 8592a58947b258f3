//! Schemas that were read before, so that a server's documents are fetched once for each of their
//! contents: in memory for a process that goes on, in a folder for one-shots.
//!
//! The server's index names each document with a hash of its content; what is kept counts only under
//! the same server, path and hash. Nothing that is wrong with the folder is an error: what cannot be
//! read is fetched again, and what cannot be written is not kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use merge::schema::Schemas;

use super::folder::Folder;

/// Names one content of one document of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The server's address: another server's word for a document's hash counts for nothing here.
    pub server: String,
    /// The document's path.
    pub path: String,
    /// The hash of its content, as the server's index gives it.
    pub hash: String,
}

/// What was read before. Copies share it.
#[derive(Debug, Clone, Default)]
pub struct SchemaCache {
    memory: Arc<Mutex<BTreeMap<(String, String), Known>>>,
    folder: Option<Arc<Folder>>,
}

#[derive(Debug, Clone)]
struct Known {
    hash: String,
    schemas: Schemas,
}

impl SchemaCache {
    /// One that ends with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// One that also is in a folder, which is made if need be.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { memory: Arc::default(), folder: Some(Arc::new(Folder::new(folder))) }
    }

    /// The schemas of a document's content, if they are known.
    pub fn get(&self, key: &Key) -> Option<Schemas> {
        let place = (key.server.clone(), key.path.clone());
        if let Some(known) = self.lock().get(&place).filter(|known| known.hash == key.hash) {
            return Some(known.schemas.clone());
        }
        let bytes = self.folder.as_ref()?.read(key)?;
        let schemas = Schemas::from_bytes(&bytes)?;
        self.remember(key, &schemas);
        Some(schemas)
    }

    /// Keeps the schemas of a document's content, in place of what was known of another.
    pub fn put(&self, key: &Key, schemas: &Schemas) {
        self.remember(key, schemas);
        if let Some(folder) = &self.folder {
            folder.write(key, &schemas.to_bytes());
        }
    }

    fn remember(&self, key: &Key, schemas: &Schemas) {
        let known = Known { hash: key.hash.clone(), schemas: schemas.clone() };
        self.lock().insert((key.server.clone(), key.path.clone()), known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Known>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
