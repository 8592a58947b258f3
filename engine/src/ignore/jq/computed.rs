//! Filters whose outputs are made, not found: comparisons, collections, functions of values.

use serde_json::Value;

use super::filter::{Comparison, Filter};
use super::node::{Emit, Node, Outcome, Scope, Stop, failed, is_true, kind, made, truth};
use super::run::Run;
use super::{functions, weigh};

impl Run {
    /// Filters whose outputs are made, and stand nowhere.
    pub(super) fn computed(
        &self,
        filter: &Filter,
        input: Node<'_>,
        scope: Scope<'_>,
        emit: Emit<'_>,
    ) -> Outcome {
        match filter {
            Filter::Collect(inner) => {
                let mut items = Vec::new();
                if let Some(inner) = inner {
                    self.filter(inner, input, scope, &mut |node| {
                        self.spend(weigh::value(node.value))?;
                        items.push(node.value.clone());
                        Ok(())
                    })?;
                }
                made(&Value::Array(items), emit)
            }
            Filter::Negate(inner) => self.filter(inner, input, scope, &mut |node| {
                made(&functions::negated(node.value).map_err(Stop::Failed)?, emit)
            }),
            Filter::Sum(sign, one, two) => self.filter(two, input, scope, &mut |two| {
                self.filter(one, input, scope, &mut |one| {
                    self.spend(weigh::value(one.value).saturating_add(weigh::value(two.value)))?;
                    let sum = functions::sum(*sign, one.value, two.value);
                    made(&sum.map_err(Stop::Failed)?, emit)
                })
            }),
            Filter::Compare(comparison, one, two) => self.filter(two, input, scope, &mut |two| {
                self.filter(one, input, scope, &mut |one| {
                    self.spend(weigh::value(one.value).min(weigh::value(two.value)))?;
                    truth(compare(*comparison, one.value, two.value), emit)
                })
            }),
            Filter::And(one, two) => self.filter(one, input, scope, &mut |node| {
                if !is_true(node.value) {
                    return truth(false, emit);
                }
                self.filter(two, input, scope, &mut |node| truth(is_true(node.value), emit))
            }),
            Filter::Or(one, two) => self.filter(one, input, scope, &mut |node| {
                if is_true(node.value) {
                    return truth(true, emit);
                }
                self.filter(two, input, scope, &mut |node| truth(is_true(node.value), emit))
            }),
            Filter::Quantified(which, stream, condition) => {
                self.quantified(*which, stream, condition, input, scope, emit)
            }
            Filter::Plain(function) => {
                self.spend(weigh::value(input.value))?;
                let result = functions::plain(*function, input.value);
                made(&result.map_err(Stop::Failed)?, emit)
            }
            Filter::WithValue(function, argument) => {
                self.filter(argument, input, scope, &mut |argument| {
                    // Every part of the one may be compared with every part of the other.
                    let work =
                        weigh::value(input.value).saturating_mul(weigh::value(argument.value));
                    self.spend(work)?;
                    let result = functions::with_value(*function, input.value, argument.value);
                    made(&result.map_err(Stop::Failed)?, emit)
                })
            }
            Filter::Test(pattern) => {
                let Value::String(text) = input.value else {
                    return Err(failed(&format!("{} is no text to be tested", kind(input.value))));
                };
                self.spend(weigh::text(text))?;
                truth(pattern.is_match(text), emit)
            }
            // Every other filter is followed by `filter`.
            _ => Ok(()),
        }
    }
}

fn compare(comparison: Comparison, one: &Value, two: &Value) -> bool {
    let order = functions::order(one, two);
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
