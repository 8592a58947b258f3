//! Field sets brought up to a schema that changed since they were written: lists and maps that
//! became atomic, or ceased to be (`typed.ReconcileFieldSetWithSchema`).

use serde_json::Value;

use super::sets::field_set;
use crate::fields::FieldSet;
use crate::path::Segment;
use crate::schema::{Entries, TypeRef};

/// The set as it would be had it been written with this schema; `None` if it is so already.
pub(crate) fn reconcile(at: TypeRef<'_>, value: &Value, set: &FieldSet) -> Option<FieldSet> {
    let mut walker =
        Walker { root: at, value, path: Vec::new(), gone: FieldSet::new(), new: FieldSet::new() };
    walker.visit(at, set, false);
    if walker.gone.is_empty() && walker.new.is_empty() {
        return None;
    }
    Some(set.recursive_difference(&walker.gone).union(&walker.new))
}

struct Walker<'a> {
    root: TypeRef<'a>,
    value: &'a Value,
    path: Vec<Segment>,
    gone: FieldSet,
    new: FieldSet,
}

impl Walker<'_> {
    /// `whole`: the set holds this place and nothing below it.
    fn visit(&mut self, at: TypeRef<'_>, set: &FieldSet, whole: bool) {
        if let Some(map) = at.map_type() {
            if map.fields.is_empty() && at.is_free() {
                return;
            }
            if map.atomic {
                if !whole && !set.is_empty() {
                    self.became_atomic();
                }
                return;
            }
            if whole && !map.atomic {
                self.became_granular();
            }
        } else if at.scalar().is_some() {
            return;
        } else if let Some(list) = at.list_type() {
            if list.entries == Entries::Atomic {
                if !whole {
                    self.became_atomic();
                }
                return;
            }
            if whole {
                self.became_granular();
            }
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

    fn became_atomic(&mut self) {
        self.gone.insert(&self.path);
        self.new.insert(&self.path);
    }

    fn became_granular(&mut self) {
        let all = field_set(self.root, self.value);
        if let Some(below) = all.at(&self.path) {
            let prefix = &self.path;
            self.new.insert(prefix);
            for path in below.paths() {
                let mut full = prefix.clone();
                full.extend(path.0);
                self.new.insert(&full);
            }
        }
    }
}
