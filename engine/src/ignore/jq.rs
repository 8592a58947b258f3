//! jq path expressions: `.spec.template.spec.containers[] | select(.name == "sidecar") | .resources`.
//!
//! The grammar is jq's, read by `jaq-core`. What an expression may say is a list of filters that
//! choose ([`compile`]); there is no way to define, to loop, or to build anything large. Evaluation
//! ([`run`]) walks the document itself and counts every step, so it ends, whatever the expression
//! and whatever the document: no clock is needed to bound it.

mod compile;
mod computed;
mod filter;
mod functions;
mod grammar;
mod node;
mod run;
#[cfg(test)]
mod tests;
mod weigh;

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::Fault;
use super::step::Step;
use filter::Filter;

/// A path expression, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Expression {
    filter: Filter,
}

/// Why an expression chose nothing in a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unheeded {
    /// A step that jq itself refuses, as iterating over nothing. Argo CD says nothing about it either:
    /// most expressions are written for objects that have what they name.
    #[error("{0}")]
    Inapplicable(String),
    /// It yields a value that stands nowhere in the document.
    #[error(
        "it makes a value instead of naming a place in the object: end it with the field to ignore"
    )]
    NoPlace,
    /// It chooses everything.
    #[error(
        "it chooses the whole object, which cannot be ignored: end it with the field to ignore"
    )]
    Whole,
    /// It looks at more than may be looked at.
    #[error(
        "it takes more than {} steps for this object: name the way to the field instead of searching for it",
        run::MOST_STEPS
    )]
    TooLong,
    /// It is nested deeper than may be followed.
    #[error("it goes more than {} levels deep in this object", run::DEEPEST)]
    TooDeep,
    /// It chooses more than may be chosen.
    #[error(
        "it chooses more than {} fields of this object: choose what they are parts of",
        run::MOST_PLACES
    )]
    TooMany,
}

impl Expression {
    /// Reads an expression, or says why it cannot be one.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        grammar::term(text, compile::expression)
            .map(|filter| Self { filter })
            .map_err(|why| Fault::Expression { expression: super::pointer::shortened(text), why })
    }

    /// The places it chooses in a document. As in `del(…)`, an expression that fails half-way chooses
    /// nothing.
    pub(super) fn places(&self, document: &Value) -> Result<BTreeSet<Vec<Step>>, Unheeded> {
        run::places(&self.filter, document)
    }
}
