//! Field sets brought up to a schema that changed since they were written
//! (`typed.ReconcileFieldSetWithSchema`).
//!
//! What became atomic is then owned as a whole by whoever owned a part of it. The other way round
//! nothing is done: a manager that owned the whole owns none of the parts.

use crate::fields::FieldSet;
use crate::path::Segment;
use crate::schema::{DEDUCED, Entries, TypeRef};

/// The set as it would be had it been written with this schema; `None` if it is so already.
pub(crate) fn reconcile(at: TypeRef<'_>, set: &FieldSet) -> Option<FieldSet> {
    let mut walker = Walker { path: Vec::new(), atomic: FieldSet::new() };
    walker.visit(at, set, false);
    let changed = !walker.atomic.is_empty();
    changed.then(|| set.recursive_difference(&walker.atomic).union(&walker.atomic))
}

struct Walker {
    path: Vec<Segment>,
    /// What became atomic.
    atomic: FieldSet,
}

impl Walker {
    /// `whole`: the set holds this place and nothing below it.
    fn visit(&mut self, at: TypeRef<'_>, set: &FieldSet, whole: bool) {
        if let Some(map) = at.map_type() {
            if map.fields.is_empty() && map.element == Some(DEDUCED) {
                return;
            }
            if map.atomic {
                if !whole && !set.is_empty() {
                    self.atomic.insert(&self.path);
                }
                return;
            }
        } else if at.scalar().is_some() {
            return;
        } else if at.entries() == Some(&Entries::Atomic) {
            if !whole {
                self.atomic.insert(&self.path);
            }
            return;
        }
        for (segment, member, below) in set.entries() {
            let child = match segment {
                Segment::Field(name) => at.child(name),
                Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => at.element(),
            };
            if let Some(child) = child {
                self.path.push(segment.clone());
                self.visit(child, below, member && below.is_empty());
                self.path.pop();
            }
        }
    }
}
