//! The way to a place that is being looked at: links on the stack, made a path only where there is
//! something to tell.

use serde_json::Value;

use super::segment_of;
use crate::path::Segment;
use crate::schema::{ListType, TypeRef};

/// One step, and the way that leads to it.
#[derive(Clone, Copy)]
pub(super) struct Trail<'a> {
    above: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Index(usize),
    Segment(&'a Segment),
    /// An entry of a list whose entries can be told apart.
    Entry(TypeRef<'a>, &'a ListType, &'a Value),
}

impl<'a> Trail<'a> {
    pub const ROOT: Trail<'static> = Trail { above: None, step: Step::Root };

    const fn to(&'a self, step: Step<'a>) -> Self {
        Self { above: Some(self), step }
    }

    pub const fn field(&'a self, name: &'a str) -> Self {
        self.to(Step::Field(name))
    }

    pub const fn index(&'a self, place: usize) -> Self {
        self.to(Step::Index(place))
    }

    pub const fn segment(&'a self, segment: &'a Segment) -> Self {
        self.to(Step::Segment(segment))
    }

    pub const fn entry(&'a self, at: TypeRef<'a>, list: &'a ListType, item: &'a Value) -> Self {
        self.to(Step::Entry(at, list, item))
    }

    /// Whether this is a field right below the root, by its name.
    pub fn is_field_of_root(&self, name: &str) -> bool {
        let below_root = self.above.is_some_and(|above| matches!(above.step, Step::Root));
        below_root && matches!(self.step, Step::Field(own) if own == name)
    }

    /// The segments from the root.
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments = self.above.map(Trail::segments).unwrap_or_default();
        segments.extend(match self.step {
            Step::Root => None,
            Step::Field(name) => Some(Segment::field(name)),
            Step::Index(place) => Some(Segment::Index(place)),
            Step::Segment(segment) => Some(segment.clone()),
            Step::Entry(at, list, item) => segment_of(at, list, item).ok(),
        });
        segments
    }
}
