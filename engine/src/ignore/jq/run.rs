//! Evaluation: a filter is walked over a document, and every output is handed on at once, with the
//! place it stands in. Nothing is kept but what is being looked at, and every step is counted.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::filter::{Filter, Kind, Quantifier};
use super::node::{
    Bound, Emit, NULL, Node, Outcome, Place, Scope, Stop, Way, at, below, failed, is_true, kind,
    made, steps, truth, variable,
};
use super::{Unheeded, functions, weigh};
use crate::ignore::step::Step;

/// How many steps one expression may take for one object. A search through a definition of half a
/// megabyte takes less than half of it.
pub(super) const MOST_STEPS: u64 = 400_000;
/// How deep filters and values may be nested in one another while they are followed.
pub(super) const DEEPEST: usize = 300;
/// How many fields of one object one expression may choose.
pub(super) const MOST_PLACES: usize = 10_000;

/// The places a filter chooses in a document.
pub(super) fn places(filter: &Filter, document: &Value) -> Result<BTreeSet<Vec<Step>>, Unheeded> {
    let run = Run::default();
    let mut found = BTreeSet::new();
    let root = Node { value: document, place: Place::Root };
    let outcome = run.filter(filter, root, Scope(None), &mut |node| {
        steps(node.place, &mut found).map_err(Stop::Over)?;
        if found.len() > MOST_PLACES {
            return Err(Stop::Over(Unheeded::TooMany));
        }
        Ok(())
    });
    match outcome {
        Ok(()) | Err(Stop::Enough(_)) => Ok(found),
        Err(Stop::Failed(why)) => Err(Unheeded::Inapplicable(why)),
        Err(Stop::Over(why)) => Err(why),
    }
}

/// One evaluation, and what it has spent.
#[derive(Default)]
pub(super) struct Run {
    steps: Cell<u64>,
    depth: Cell<usize>,
    wanted: Cell<usize>,
}

impl Run {
    pub(super) fn spend(&self, steps: u64) -> Outcome {
        let spent = self.steps.get().saturating_add(steps);
        self.steps.set(spent);
        if spent > MOST_STEPS { Err(Stop::Over(Unheeded::TooLong)) } else { Ok(()) }
    }

    /// Goes one level deeper.
    fn nested(&self, inner: impl FnOnce() -> Outcome) -> Outcome {
        self.spend(1)?;
        let depth = self.depth.get();
        if depth >= DEEPEST {
            return Err(Stop::Over(Unheeded::TooDeep));
        }
        self.depth.set(depth + 1);
        let outcome = inner();
        self.depth.set(depth);
        outcome
    }

    pub(super) fn filter(
        &self,
        filter: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        self.nested(|| match filter {
            Filter::Identity => emit(input),
            Filter::Recurse => self.recurse(input, emit),
            Filter::Literal(value) => made(value, emit),
            Filter::Variable(number) => variable(*number, scope, emit),
            Filter::All(filters) => {
                filters.iter().try_for_each(|it| self.filter(it, input, scope, emit))
            }
            Filter::Pipe(first, then) => {
                self.filter(first, input, scope, &mut |node| self.filter(then, node, scope, emit))
            }
            Filter::Bind(source, body) => self.bind(source, body, input, scope, emit),
            Filter::Try(inner) => self.forgiving(inner, input, scope, emit),
            Filter::Otherwise(one, other) => self.otherwise(one, other, input, scope, emit),
            Filter::Choose(branches, last) => {
                self.choose(branches, last.as_deref(), input, scope, emit)
            }
            Filter::Index(head, index) => self.filter(head, input, scope, &mut |node| {
                self.filter(index, input, scope, &mut |index| at(node, index.value, emit))
            }),
            Filter::Iterate(head) => {
                self.filter(head, input, scope, &mut |node| self.iterate(node, emit))
            }
            Filter::Slice(head, from, to) => self.filter(head, input, scope, &mut |node| {
                self.bound(from.as_deref(), input, scope, &mut |from| {
                    self.bound(to.as_deref(), input, scope, &mut |to| {
                        self.slice(node, from.value, to.value, emit)
                    })
                })
            }),
            Filter::Select(condition) => self.filter(condition, input, scope, &mut |node| {
                if is_true(node.value) { emit(input) } else { Ok(()) }
            }),
            Filter::Limit(count, inner) => self.limit(*count, inner, input, scope, emit),
            Filter::Last(inner) => self.last(inner, input, scope, emit),
            Filter::GetPath(path) => self.filter(path, input, scope, &mut |node| {
                let steps = node.value.as_array();
                let steps = steps.ok_or_else(|| failed("getpath takes a list"))?;
                self.follow(input, steps, emit)
            }),
            Filter::OfType(kinds) => {
                let kind = Kind::of(input.value);
                if kinds.contains(&kind) { emit(input) } else { Ok(()) }
            }
            _ => self.computed(filter, input, scope, emit),
        })
    }

    fn recurse(&self, node: Node<'_>, emit: Emit<'_>) -> Outcome {
        self.nested(|| {
            emit(node)?;
            match node.value {
                Value::Array(_) | Value::Object(_) => {
                    self.iterate(node, &mut |child| self.recurse(child, emit))
                }
                _ => Ok(()),
            }
        })
    }

    fn iterate(&self, node: Node<'_>, emit: Emit<'_>) -> Outcome {
        match node.value {
            Value::Array(items) => items.iter().enumerate().try_for_each(|(place, value)| {
                self.spend(1)?;
                below(node, Way::Index(place), value, emit)
            }),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                self.spend(1)?;
                below(node, Way::Field(name), value, emit)
            }),
            other => Err(failed(&format!("{} cannot be iterated over", kind(other)))),
        }
    }

    fn bind(
        &self,
        source: &Filter,
        body: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        let number = scope.0.map_or(0, |bound| bound.number + 1);
        self.filter(source, input, scope, &mut |node| {
            let bound = Bound { number, value: node.value, outer: scope };
            self.filter(body, input, Scope(Some(&bound)), emit)
        })
    }

    /// `f?`: what fails in the filter itself is forgiven, what fails after it is not.
    fn forgiving(
        &self,
        inner: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        let mut later = false;
        let outcome =
            self.filter(inner, input, scope, &mut |node| emit(node).inspect_err(|_| later = true));
        match outcome {
            Err(Stop::Failed(_)) if !later => Ok(()),
            outcome => outcome,
        }
    }

    fn otherwise(
        &self,
        one: &Filter,
        other: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        let (mut any, mut later) = (false, false);
        let outcome = self.filter(one, input, scope, &mut |node| {
            if !is_true(node.value) {
                return Ok(());
            }
            any = true;
            emit(node).inspect_err(|_| later = true)
        });
        match outcome {
            Err(Stop::Failed(_)) if !later => {}
            Err(stop) => return Err(stop),
            Ok(()) => {}
        }
        if any { Ok(()) } else { self.filter(other, input, scope, emit) }
    }

    fn choose(
        &self,
        branches: &[(Filter, Filter)],
        last: Option<&Filter>,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        let Some(((condition, then), rest)) = branches.split_first() else {
            return match last {
                Some(last) => self.filter(last, input, scope, emit),
                None => emit(input),
            };
        };
        self.filter(condition, input, scope, &mut |node| {
            if is_true(node.value) {
                self.filter(then, input, scope, emit)
            } else {
                self.choose(rest, last, input, scope, emit)
            }
        })
    }

    fn limit(
        &self,
        count: usize,
        inner: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        if count == 0 {
            return Ok(());
        }
        let mut left = count;
        self.until_enough(|enough| {
            self.filter(inner, input, scope, &mut |node| {
                emit(node)?;
                left -= 1;
                if left == 0 { Err(Stop::Enough(enough)) } else { Ok(()) }
            })
        })
    }

    /// Evaluated twice: to count, and to hand on the last. What is handed on stands on the stack.
    fn last(&self, inner: &Filter, input: Node<'_>, scope: Scope<'_>, emit: Emit<'_>) -> Outcome {
        let mut count = 0_usize;
        self.filter(inner, input, scope, &mut |_| {
            count += 1;
            Ok(())
        })?;
        self.until_enough(|enough| {
            self.filter(inner, input, scope, &mut |node| {
                count -= 1;
                if count > 0 {
                    return Ok(());
                }
                emit(node)?;
                Err(Stop::Enough(enough))
            })
        })
    }

    pub(super) fn quantified(
        &self,
        which: Quantifier,
        stream: &Filter,
        condition: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        // `any` is decided by the first that holds, `all` by the first that does not.
        let deciding = which == Quantifier::Any;
        let mut result = !deciding;
        self.until_enough(|enough| {
            self.filter(stream, input, scope, &mut |node| {
                self.filter(condition, node, scope, &mut |holds| {
                    if is_true(holds.value) != deciding {
                        return Ok(());
                    }
                    result = deciding;
                    Err(Stop::Enough(enough))
                })
            })
        })?;
        truth(result, emit)
    }

    /// Runs what may stop itself early, with the number to stop with.
    fn until_enough(&self, inner: impl FnOnce(usize) -> Outcome) -> Outcome {
        let enough = self.wanted.get();
        self.wanted.set(enough + 1);
        match inner(enough) {
            Err(Stop::Enough(number)) if number == enough => Ok(()),
            outcome => outcome,
        }
    }

    fn bound(
        &self,
        filter: Option<&Filter>,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        match filter {
            Some(filter) => self.filter(filter, input, scope, emit),
            None => made(&NULL, emit),
        }
    }

    fn slice(&self, node: Node<'_>, from: &Value, to: &Value, emit: Emit<'_>) -> Outcome {
        let items = match node.value {
            Value::Array(items) => items,
            Value::Null => return below(node, Way::Slice(0, 0), &NULL, emit),
            other => return Err(failed(&format!("{} cannot be sliced", kind(other)))),
        };
        let bound = |bound: &Value, otherwise: usize| match bound {
            Value::Null => Ok(otherwise),
            Value::Number(number) => {
                Ok(functions::position(number, items.len()).unwrap_or(0).min(items.len()))
            }
            other => Err(failed(&format!("{} is no bound of a slice", kind(other)))),
        };
        let from = bound(from, 0)?;
        let to = bound(to, items.len())?.max(from);
        let part = items.get(from..to).unwrap_or_default();
        self.spend(part.iter().map(weigh::value).sum())?;
        below(node, Way::Slice(from, to), &Value::Array(part.to_vec()), emit)
    }

    fn follow(&self, node: Node<'_>, steps: &[Value], emit: Emit<'_>) -> Outcome {
        self.nested(|| match steps.split_first() {
            None => emit(node),
            Some((first, rest)) => at(node, first, &mut |node| self.follow(node, rest, emit)),
        })
    }
}
