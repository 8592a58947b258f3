//! A value on its way through a filter: where it stands, who is bound, why a filter stops.
//!
//! Places are lists of steps on the stack of the evaluation itself, so nothing is copied to follow one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::filter::Kind;
use super::run::MOST_PLACES;
use super::{Unheeded, functions};
use crate::ignore::step::Step;

pub(super) static NULL: Value = Value::Null;
pub(super) static TRUE: Value = Value::Bool(true);
pub(super) static FALSE: Value = Value::Bool(false);

/// A value, and where in the document it stands.
#[derive(Clone, Copy)]
pub(super) struct Node<'n> {
    pub value: &'n Value,
    pub place: Place<'n>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum Place<'n> {
    Root,
    Below(&'n Trail<'n>),
    /// It was made, not found.
    Nowhere,
}

/// The last step to a place, and the place it starts from.
pub(super) struct Trail<'n> {
    pub above: Place<'n>,
    pub step: Way<'n>,
}

#[derive(Clone, Copy)]
pub(super) enum Way<'n> {
    Field(&'n str),
    Index(usize),
    /// From the first to before the second.
    Slice(usize, usize),
}

/// The bound variables, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s>(pub Option<&'s Bound<'s>>);

pub(super) struct Bound<'s> {
    pub number: usize,
    pub value: &'s Value,
    pub outer: Scope<'s>,
}

/// Why a filter stops before its end.
pub(super) enum Stop {
    /// An error of jq's, which `?` and `//` forgive.
    Failed(String),
    /// The filter with this number has all it wants.
    Enough(usize),
    /// Nothing forgives this.
    Over(Unheeded),
}

pub(super) type Outcome = Result<(), Stop>;
/// What takes the outputs of a filter.
pub(super) type Emit<'e> = &'e mut dyn FnMut(Node<'_>) -> Outcome;

/// The steps to a place, from the root; several where it ends in a slice.
pub(super) fn steps(place: Place<'_>, found: &mut BTreeSet<Vec<Step>>) -> Result<(), Unheeded> {
    let mut ways = Vec::new();
    let mut here = place;
    loop {
        match here {
            Place::Root => break,
            Place::Nowhere => return Err(Unheeded::NoPlace),
            Place::Below(trail) => {
                ways.push(trail.step);
                here = trail.above;
            }
        }
    }
    if ways.is_empty() {
        return Err(Unheeded::Whole);
    }
    let mut path = Vec::with_capacity(ways.len());
    let mut slice: Option<(usize, usize)> = None;
    for way in ways.into_iter().rev() {
        let offset = slice.map_or(0, |(from, _)| from);
        match way {
            Way::Field(name) => path.push(Step::Field(name.to_owned())),
            Way::Index(place) => path.push(Step::Index(offset.saturating_add(place))),
            Way::Slice(from, to) => {
                slice = Some((offset.saturating_add(from), offset.saturating_add(to)));
                continue;
            }
        }
        slice = None;
    }
    let Some((from, to)) = slice else {
        found.insert(path);
        return Ok(());
    };
    for place in from..to.min(from.saturating_add(MOST_PLACES)) {
        found.insert(path.iter().cloned().chain([Step::Index(place)]).collect());
    }
    Ok(())
}

/// One step below a node.
pub(super) fn below(node: Node<'_>, step: Way<'_>, value: &Value, emit: Emit<'_>) -> Outcome {
    if matches!(node.place, Place::Nowhere) {
        return made(value, emit);
    }
    let trail = Trail { above: node.place, step };
    emit(Node { value, place: Place::Below(&trail) })
}

/// A value that stands nowhere.
pub(super) fn made(value: &Value, emit: Emit<'_>) -> Outcome {
    emit(Node { value, place: Place::Nowhere })
}

pub(super) fn truth(it: bool, emit: Emit<'_>) -> Outcome {
    made(if it { &TRUE } else { &FALSE }, emit)
}

pub(super) fn variable(number: usize, scope: Scope<'_>, emit: Emit<'_>) -> Outcome {
    let mut here = scope.0;
    while let Some(bound) = here {
        if bound.number == number {
            return made(bound.value, emit);
        }
        here = bound.outer.0;
    }
    // The compiler lets no unbound name through.
    made(&NULL, emit)
}

/// `node[index]`
pub(super) fn at(node: Node<'_>, index: &Value, emit: Emit<'_>) -> Outcome {
    match (node.value, index) {
        (Value::Object(fields), Value::String(name)) => {
            below(node, Way::Field(name), fields.get(name).unwrap_or(&NULL), emit)
        }
        (Value::Null, Value::String(name)) => below(node, Way::Field(name), &NULL, emit),
        (Value::Array(items), Value::Number(number)) => {
            // A place before the first holds nothing, as one after the last.
            let place = functions::position(number, items.len()).unwrap_or(usize::MAX);
            below(node, Way::Index(place), items.get(place).unwrap_or(&NULL), emit)
        }
        (Value::Null, Value::Number(number)) => {
            let place = functions::position(number, 0).unwrap_or(usize::MAX);
            below(node, Way::Index(place), &NULL, emit)
        }
        (other, index) => {
            Err(failed(&format!("{} cannot be indexed with {}", kind(other), kind(index))))
        }
    }
}

pub(super) const fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

pub(super) const fn kind(value: &Value) -> &'static str {
    Kind::of(value).name()
}

pub(super) fn failed(why: &str) -> Stop {
    Stop::Failed(why.to_owned())
}
