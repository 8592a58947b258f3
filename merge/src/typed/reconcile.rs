//! Field sets brought up to a schema that changed since they were written
//! (`typed.ReconcileFieldSetWithSchema`).
//!
//! What became atomic is then owned as a whole by whoever owned a part of it. The other way round
//! nothing is done: a manager that owned the whole owns none of the parts.

use super::trail::Trail;
use crate::fields::FieldSet;
use crate::path::Segment;
use crate::schema::{DEDUCED, Entries, TypeRef};

/// The set as it would be had it been written with this schema; `None` if it is so already.
pub(crate) fn reconcile(at: TypeRef<'_>, set: &FieldSet) -> Option<FieldSet> {
    let mut atomic = FieldSet::new();
    visit(at, set, false, &Trail::ROOT, &mut atomic);
    let changed = !atomic.is_empty();
    changed.then(|| set.recursive_difference(&atomic).union(&atomic))
}

/// Notes what became atomic. `whole`: the set holds this place and nothing below it.
fn visit(at: TypeRef<'_>, set: &FieldSet, whole: bool, trail: &Trail<'_>, atomic: &mut FieldSet) {
    if let Some(map) = at.map_type() {
        if map.fields.is_empty() && map.element == Some(DEDUCED) {
            return;
        }
        if map.atomic {
            if !whole && !set.is_empty() {
                atomic.insert(&trail.segments());
            }
            return;
        }
    } else if at.scalar().is_some() {
        return;
    } else if at.entries() == Some(&Entries::Atomic) {
        if !whole {
            atomic.insert(&trail.segments());
        }
        return;
    }
    for (segment, member, below) in set.entries() {
        let child = match segment {
            Segment::Field(name) => at.child(name),
            Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => at.element(),
        };
        if let Some(child) = child {
            visit(child, below, member && below.is_empty(), &trail.segment(segment), atomic);
        }
    }
}
