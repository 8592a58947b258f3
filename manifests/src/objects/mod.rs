//! Documents into objects: lists unfolded, identities checked, namespaces settled, one object for
//! each identity. Every problem of every document is reported.
//!
//! ```text
//! documents ─► unfold ─► identity ─► scope (kinds known, kinds defined here) ─► Manifest
//! ```

mod identity;
mod names;
mod scope;
#[cfg(test)]
mod tests;
mod unfold;

use std::collections::HashMap;

use merge::{Manifest, ObjectId, Origin};

use crate::loader::{self, Document};
use crate::options::RenderOptions;
use crate::problem::Problem;

/// A file's documents.
pub(crate) struct Loaded {
    pub file: String,
    pub documents: Vec<Document>,
}

/// What documents come to.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub manifests: Vec<Manifest>,
    pub warnings: Vec<Problem>,
}

/// The objects of all files, in the order of files and lines.
pub(crate) fn assemble(
    files: Vec<Loaded>,
    options: &RenderOptions<'_>,
    problems: &mut Vec<Problem>,
) -> Objects {
    let mut items: Vec<(Origin, Document)> = Vec::new();
    for Loaded { file, documents } in files {
        for document in documents {
            unfold::unfold(document, &mut |item| {
                items.push((loader::origin(&file, &item.outline), item));
            });
        }
    }
    if items.len() > options.limits.objects {
        let most = options.limits.objects;
        let (origin, _) = items.swap_remove(most);
        problems.push(Problem::of(&origin, format!("the source has more than {most} objects")));
        return Objects::default();
    }
    let mut scopes = scope::Scopes::new(options, items.iter().map(|(_, item)| &item.value));
    let mut objects = Objects::default();
    let mut seen: HashMap<ObjectId, Origin> = HashMap::with_capacity(items.len());
    for (origin, Document { mut value, outline }) in items {
        let before = problems.len();
        identity::check(&value, &outline, &origin.file, problems);
        if problems.len() > before {
            continue;
        }
        scopes.settle(&mut value, &outline, &origin, &mut objects.warnings);
        let Some(manifest) = Manifest::new(value, origin) else { continue };
        if let Some(first) = seen.get(&manifest.id) {
            let message = format!("{} is already defined at {first}", manifest.id);
            problems.push(
                Problem::of(&manifest.origin, message)
                    .hint("an object may be written once; remove one of the two"),
            );
        } else {
            seen.insert(manifest.id.clone(), manifest.origin.clone());
            objects.manifests.push(manifest);
        }
    }
    objects
}
