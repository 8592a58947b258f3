//! Which objects a rule concerns, as Argo CD's `ignoreNormalizer.Normalize` decides it: group and kind
//! are globs, namespace and name are compared letter by letter, and empty ones match all.

use globset::{GlobBuilder, GlobMatcher};
use merge::ObjectId;

use super::RuleSpec;
use super::error::Fault;

/// What decides which objects a rule concerns.
#[derive(Debug)]
pub(super) struct Selector {
    group: Pattern,
    kind: Pattern,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Debug)]
enum Pattern {
    Exactly(String),
    Glob(Box<GlobMatcher>),
}

impl Selector {
    pub(super) fn new(spec: &RuleSpec) -> Result<Self, Fault> {
        Ok(Self {
            group: Pattern::new("group", &spec.group)?,
            kind: Pattern::new("kind", &spec.kind)?,
            namespace: exact("namespace", spec.namespace.as_deref())?,
            name: exact("name", spec.name.as_deref())?,
        })
    }

    pub(super) fn matches(&self, id: &ObjectId) -> bool {
        self.group.matches(&id.group)
            && self.kind.matches(&id.kind)
            && self.name.as_ref().is_none_or(|name| *name == id.name)
            && self.namespace.as_ref().is_none_or(|it| Some(it) == id.namespace.as_ref())
    }
}

impl Pattern {
    fn new(field: &'static str, pattern: &str) -> Result<Self, Fault> {
        if !is_glob(pattern) {
            return Ok(Self::Exactly(pattern.to_owned()));
        }
        let wrong = |why: String| Fault::Pattern { field, pattern: pattern.to_owned(), why };
        // A dot or a slash separates nothing here: `*` alone stands for any group.
        let glob = GlobBuilder::new(pattern)
            .literal_separator(false)
            .backslash_escape(true)
            .build()
            .map_err(|error| wrong(error.kind().to_string()))?;
        Ok(Self::Glob(Box::new(glob.compile_matcher())))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(pattern) => pattern == text,
            Self::Glob(glob) => glob.is_match(text),
        }
    }
}

pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

/// An empty name is no name. A glob would match nothing, which nobody means.
fn exact(field: &'static str, text: Option<&str>) -> Result<Option<String>, Fault> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if is_glob(text) => Err(Fault::NoGlobs { field, text: text.to_owned() }),
        text => Ok(text.map(str::to_owned)),
    }
}
