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
mod selector;
mod spec;
mod step;

use std::sync::Arc;

use merge::ObjectId;
use serde_json::Value;

pub use error::{Fault, RuleError};
pub use spec::RuleSpec;

use selector::Selector;

/// The most rules one application may have. Each costs a little at every comparison.
const MOST_RULES: usize = 1_000;

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
        Ok(Self { spec, number, selector })
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
