//! Conflicts: fields that others own and the body sets to other values, in the server's words.

use serde_json::Value;

use super::ApplyError;
use crate::fields::FieldSet;
use crate::managed::{Identity, Managers, Operation, TakeError, Updater};
use crate::path::{Path, Segment};
use crate::typed::Comparison;

/// One field another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The manager's name.
    pub manager: String,
    /// How it came to own the field.
    pub operation: Operation,
    /// The version its fields are of.
    pub api_version: String,
    /// The subresource it wrote to.
    pub subresource: Option<String>,
    /// When it last wrote.
    pub time: Option<String>,
    /// The field.
    pub path: Path,
}

impl Conflict {
    fn identity(&self) -> Identity {
        let subresource = self.subresource.as_deref();
        Identity::new(&self.manager, self.operation, &self.api_version, subresource)
    }

    /// `conflict with "kubectl-edit" using apps/v1`: the message of the conflict's cause.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.identity().words())
    }
}

/// The whole message of a refused apply (`getConflictMessage`).
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    let paths = served_paths(conflicts);
    if let ([only], [path]) = (conflicts, paths.as_slice()) {
        return format!("Apply failed with 1 conflict: {}: {path}", only.message());
    }
    let mut lines = Vec::new();
    let mut current = None;
    for (conflict, path) in conflicts.iter().zip(&paths) {
        let identity = conflict.identity();
        if current.as_ref() != Some(&identity) {
            lines.push(format!("conflicts with {}:", identity.words()));
            current = Some(identity);
        }
        lines.push(format!("- {path}"));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// The paths as a 1.28 server reports them, in the order of the conflicts.
///
/// It keeps the paths of one manager's conflicts as Go slices that share memory, so that a later path
/// overwrites the ends of earlier ones wherever the slice they grew from had room to spare. Repeated
/// here so that messages agree; a [`Conflict`]'s own path is the true one.
pub fn served_paths(conflicts: &[Conflict]) -> Vec<Path> {
    let mut out = Vec::new();
    let mut rest = conflicts;
    while let Some(first) = rest.first() {
        let identity = first.identity();
        let count = rest.iter().take_while(|conflict| conflict.identity() == identity).count();
        let (mine, others) = rest.split_at(count);
        let fields = FieldSet::of(mine.iter().map(|conflict| conflict.path.clone()));
        let mut memory = Memory::default();
        let mut found = Vec::new();
        memory.visit(&fields, Slice::default(), &mut found);
        out.extend(found.into_iter().map(|slice| memory.read(slice)));
        rest = others;
    }
    out
}

/// Go's arrays, with the slices that look into them.
#[derive(Default)]
struct Memory {
    arrays: Vec<Vec<Segment>>,
}

#[derive(Clone, Copy, Default)]
struct Slice {
    array: usize,
    length: usize,
    room: usize,
}

impl Memory {
    /// Go's `append` of one: in place while there is room, else into a copy with twice the room.
    fn append(&mut self, slice: Slice, segment: &Segment) -> Slice {
        let (array, room) = if slice.length < slice.room {
            (slice.array, slice.room)
        } else {
            let copy = self.read(slice).0;
            self.arrays.push(copy);
            (self.arrays.len() - 1, (slice.room * 2).max(1))
        };
        if let Some(array) = self.arrays.get_mut(array) {
            match array.get_mut(slice.length) {
                Some(place) => *place = segment.clone(),
                None => array.push(segment.clone()),
            }
        }
        Slice { array, length: slice.length + 1, room }
    }

    fn read(&self, slice: Slice) -> Path {
        let array = self.arrays.get(slice.array).map(Vec::as_slice).unwrap_or_default();
        Path(array.get(..slice.length).unwrap_or_default().to_vec())
    }

    /// `Set.Iterate`: members first, then what lies below.
    fn visit(&mut self, fields: &FieldSet, prefix: Slice, found: &mut Vec<Slice>) {
        for (segment, _, _) in fields.entries().filter(|(_, member, _)| *member) {
            let slice = self.append(prefix, segment);
            found.push(slice);
        }
        for (segment, _, below) in fields.entries().filter(|(_, _, below)| !below.is_empty()) {
            let slice = self.append(prefix, segment);
            self.visit(below, slice, found);
        }
    }
}

/// Take what changed from other managers; without force, what they would lose are conflicts.
pub(super) fn take(
    updater: &Updater<'_>,
    live: &Value,
    new: &Value,
    managers: &mut Managers,
    me: &Identity,
    force: bool,
) -> Result<Comparison, ApplyError> {
    let taken = match updater.take(live, new, managers, me, force) {
        Ok(changed) => return Ok(changed),
        Err(TakeError::Other(error)) => return Err(error),
        Err(TakeError::Taken(taken)) => taken,
    };
    let mut owners: Vec<_> = taken.into_iter().collect();
    owners.sort_by_cached_key(|(identity, _)| identity.text());
    let mut conflicts = Vec::new();
    for (identity, fields) in owners {
        let owned = managers.get(&identity);
        for path in fields.paths() {
            conflicts.push(Conflict {
                manager: identity.manager.clone(),
                operation: identity.operation,
                api_version: owned.map(|owned| owned.api_version.clone()).unwrap_or_default(),
                subresource: Some(identity.subresource.clone()).filter(|name| !name.is_empty()),
                time: owned.and_then(|owned| owned.time.clone()),
                path,
            });
        }
    }
    Err(ApplyError::Conflicts(conflicts))
}
