//! What a render may read and how it names namespaces: the part of its input that is not the source.

use std::num::NonZeroUsize;

use merge::schema::Schemas;

/// Caps on everything that comes from a source. What is beyond one is a problem that names the file;
/// nothing is cut short silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file that is read.
    pub file_bytes: u64,
    /// What all files of a render may hold together.
    pub total_bytes: u64,
    /// How many files and folders are looked at.
    pub entries: usize,
    /// How many objects a render may have.
    pub objects: usize,
    /// How deep folders, and values inside a document, may nest. Below 128, where the JSON reader of
    /// everything downstream stops.
    pub depth: usize,
    /// What all aliases of a render may expand to, in bytes of memory.
    pub alias_bytes: u64,
    /// What all values of a render may take in memory, roughly: small mappings take a hundred times
    /// their text.
    pub value_bytes: u64,
    /// How many symbolic links a path may pass through; as many as Linux allows.
    pub links: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 20,
            total_bytes: 256 << 20,
            entries: 100_000,
            objects: 50_000,
            depth: 100,
            alias_bytes: 32 << 20,
            value_bytes: 512 << 20,
            links: 40,
        }
    }
}

/// How a source is rendered.
#[derive(Debug, Clone)]
pub struct RenderOptions<'a> {
    /// The folder or file of the source to render; empty for all of it.
    pub path: String,
    /// Only files that one of these globs matches; none means every manifest.
    pub include: Vec<String>,
    /// Never files or folders that one of these globs matches.
    pub exclude: Vec<String>,
    /// The namespace of namespaced objects that name none.
    pub namespace: Option<String>,
    /// Caps on what is read.
    pub limits: Limits,
    /// The kinds that are known, for their scope. Kinds that the source itself defines are added.
    pub scopes: &'a Schemas,
    /// How many threads a source of many files may be read on; the answer is the same for any number.
    pub threads: NonZeroUsize,
}

impl<'a> RenderOptions<'a> {
    /// Everything in the source, with the default limits, on one thread.
    pub fn new(scopes: &'a Schemas) -> Self {
        Self {
            path: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            namespace: None,
            limits: Limits::default(),
            scopes,
            threads: NonZeroUsize::MIN,
        }
    }
}
