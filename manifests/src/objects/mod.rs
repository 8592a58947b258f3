//! Documents into objects: lists unfolded, identities checked, namespaces settled, one object for
//! each identity. Every problem of every document is reported.
//!
//! ```text
//! documents ─► unfold ─► identity ─► file::Parsed ─┐
//!                        other files ──────────────┴─ scopes of kinds defined here ─► Manifest
//! ```

pub(crate) mod file;
mod identity;
mod names;
#[cfg(test)]
mod tests;
mod unfold;

use std::collections::{HashMap, HashSet};

use merge::schema::Scope;
use merge::{GroupVersionKind, Manifest, ObjectId, Origin};

use crate::problem::Problem;

/// What is doubtful about objects, told in their order: the namespace of a cluster-scoped object,
/// and each unknown kind once.
#[derive(Default)]
pub(crate) struct Doubts<'o> {
    unknown: HashSet<&'o GroupVersionKind>,
    pub warnings: Vec<Problem>,
}

impl<'o> Doubts<'o> {
    /// Looks at the next object.
    pub fn of(
        &mut self,
        file: &str,
        line: u32,
        gvk: &'o GroupVersionKind,
        scope: Option<Scope>,
        dropped: Option<(&str, u32)>,
    ) {
        if let Some((namespace, line)) = dropped {
            let kind = &gvk.kind;
            let message =
                format!("{kind} is not namespaced: its namespace `{namespace}` is dropped");
            self.warnings.push(Problem::at(file, line, message));
        }
        if scope.is_none() && self.unknown.insert(gvk) {
            let message = format!("{gvk} is neither a known kind nor defined by this source");
            self.warnings.push(Problem::at(file, line, message));
        }
    }
}

/// An object that was written before.
pub(crate) fn duplicate(id: &ObjectId, first: &Origin, again: &Origin) -> Problem {
    Problem::of(again, format!("{id} is already defined at {first}"))
        .hint("an object may be written once; remove one of the two")
}

/// Adds a problem for each object that another before it is.
pub(crate) fn find_duplicates(objects: &[Manifest], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<&ObjectId, &Origin> = HashMap::with_capacity(objects.len());
    for Manifest { id, origin, .. } in objects {
        let first = *seen.entry(id).or_insert(origin);
        if !std::ptr::eq(first, origin) {
            problems.push(duplicate(id, first, origin));
        }
    }
}

/// The source has more objects than it may; `origin` is that of the first beyond.
pub(crate) fn too_many(most: usize, origin: &Origin) -> Problem {
    Problem::of(origin, format!("the source has more than {most} objects"))
}
