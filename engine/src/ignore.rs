//! ignoreDifferences: fields that people want left alone, in Argo CD's shape and names.
//!
//! ```text
//! file ─ Rules ─ for_object ─ Selection (what the rules choose in this object) ─┬─ hidden from the diff
//!                                                                              ├─ kept as it is in the body
//!                                                                              └─ out of the settled digest
//! ```
//!
//! An ignored field is no change, is listed as ignored, and is *respected*: once the object exists, no
//! apply of ours changes it, takes it over, or removes it. A rule is data: it is checked when it is
//! read, and its evaluation is bounded in steps, so that no rule can hold a sync up.

mod error;
mod jq;
mod pointer;
mod selection;
mod selector;
mod spec;
mod spell;
mod step;
mod suggest;

use std::sync::Arc;

use merge::ObjectId;
use serde_json::Value;

use crate::application::MANAGER;

pub use error::{Fault, RuleError};
pub(crate) use selection::{Chosen, Selection, restore_mark, take};
pub use spec::RuleSpec;
pub(crate) use step::Step;
pub use suggest::{Examined, Hidden, Suggestion, suggest};

use jq::{Expression, Unheeded};
use pointer::Pointer;
use selector::Selector;

/// The most rules one application may have. Each costs a little at every comparison.
const MOST_RULES: usize = 1_000;

/// What chose a field: a rule's number in its list, and the pointer, expression or manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct By {
    /// The rule's number, from 1.
    pub rule: usize,
    /// The pointer, expression or manager.
    pub text: String,
}

/// The rules of one application, checked. Cloning shares them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    rules: Vec<Arc<Rule>>,
}

/// No rules at all, for comparisons that have none.
pub static NONE: Rules = Rules { rules: Vec::new() };

/// One rule, checked and ready to be evaluated.
#[derive(Debug)]
pub struct Rule {
    /// As it was written.
    spec: RuleSpec,
    /// Its place in its list, from 1.
    number: usize,
    selector: Selector,
    pointers: Vec<Pointer>,
    expressions: Vec<Expression>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (self.number, &self.spec) == (other.number, &other.spec)
    }
}

impl Rules {
    /// Reads a list of rules: all of them, or everything that is wrong with them.
    pub fn parse(list: &Value) -> Result<Self, Vec<RuleError>> {
        let Some(items) = list.as_array() else {
            return Err(vec![RuleError::whole(Fault::NotAList)]);
        };
        if items.len() > MOST_RULES {
            let fault = Fault::TooMany { count: items.len(), most: MOST_RULES };
            return Err(vec![RuleError::whole(fault)]);
        }
        let mut rules = Vec::new();
        let mut errors = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match Rule::read(place + 1, item) {
                Ok(rule) => rules.push(Arc::new(rule)),
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() { Ok(Self { rules }) } else { Err(errors) }
    }

    /// These rules and others, each with the number it has in its own list.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self { rules: self.rules.iter().chain(&others.rules).cloned().collect() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules that concern an object.
    pub fn for_object<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().map(AsRef::as_ref).filter(|rule| rule.selector.matches(id))
    }
}

impl Rule {
    fn read(number: usize, item: &Value) -> Result<Self, Vec<RuleError>> {
        let wrong = |fault| vec![RuleError { rule: Some(number), fault }];
        let spec: RuleSpec = serde::Deserialize::deserialize(item)
            .map_err(|error: serde_json::Error| wrong(Fault::Shape(error.to_string())))?;
        let selector = Selector::new(&spec).map_err(&wrong)?;
        let mut errors = Vec::new();
        let mut pointers = Vec::new();
        for text in &spec.json_pointers {
            match Pointer::parse(text) {
                Ok(pointer) => pointers.push(pointer),
                Err(fault) => errors.extend(wrong(fault)),
            }
        }
        let mut expressions = Vec::new();
        for text in &spec.jq_path_expressions {
            match Expression::parse(text) {
                Ok(expression) => expressions.push(expression),
                Err(fault) => errors.extend(wrong(fault)),
            }
        }
        if spec.managed_fields_managers.iter().any(|name| name == MANAGER) {
            errors.extend(wrong(Fault::OurOwn(MANAGER)));
        }
        if errors.is_empty() {
            Ok(Self { spec, number, selector, pointers, expressions })
        } else {
            Err(errors)
        }
    }

    /// The places that its pointers and expressions choose in a document, each with what chose it;
    /// and what could not be evaluated, with the reason.
    pub(crate) fn places(&self, document: &Value) -> (Vec<(Vec<Step>, By)>, Vec<String>) {
        let by = |text: &String| By { rule: self.number, text: text.clone() };
        let mut found = Vec::new();
        for (pointer, text) in self.pointers.iter().zip(&self.spec.json_pointers) {
            found.extend(pointer.place(document).map(|place| (place, by(text))));
        }
        let mut unheeded = Vec::new();
        for (expression, text) in self.expressions.iter().zip(&self.spec.jq_path_expressions) {
            match expression.places(document) {
                Ok(places) => found.extend(places.into_iter().map(|place| (place, by(text)))),
                // An expression for what the object does not have. Argo CD is silent about it too.
                Err(Unheeded::Inapplicable(_)) => {}
                Err(why) => {
                    unheeded
                        .push(format!("rule {}: jqPathExpressions `{text}`: {why}", self.number));
                }
            }
        }
        (found, unheeded)
    }

    /// The managers whose fields it chooses.
    pub(crate) fn managers(&self) -> impl Iterator<Item = (&str, By)> {
        let by = |name: &String| By { rule: self.number, text: name.clone() };
        self.spec.managed_fields_managers.iter().map(move |name| (name.as_str(), by(name)))
    }

    /// The rule as it was written.
    pub const fn spec(&self) -> &RuleSpec {
        &self.spec
    }

    /// Its place in its list, from 1.
    pub const fn number(&self) -> usize {
        self.number
    }
}

#[cfg(test)]
mod tests;
