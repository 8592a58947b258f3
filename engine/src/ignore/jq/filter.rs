//! What a path expression may say, compiled: a closed list of filters that choose and compare.

use regex::Regex;
use serde_json::Value;

/// A filter: from a value to a stream of values, each with the place it stands in, if it stands in any.
#[derive(Debug)]
pub(super) enum Filter {
    /// `.`
    Identity,
    /// `..`
    Recurse,
    /// A number, a text, `null`, `true`, `false`.
    Literal(Value),
    /// `$name`, by its depth among the bound ones.
    Variable(usize),
    /// `[f]`
    Collect(Option<Box<Filter>>),
    /// `-f`
    Negate(Box<Filter>),
    /// `f | g`
    Pipe(Box<Filter>, Box<Filter>),
    /// `f as $name | g`
    Bind(Box<Filter>, Box<Filter>),
    /// `f, g, …`
    All(Vec<Filter>),
    /// `f // g`
    Otherwise(Box<Filter>, Box<Filter>),
    /// `f and g`
    And(Box<Filter>, Box<Filter>),
    /// `f or g`
    Or(Box<Filter>, Box<Filter>),
    /// `f == g` and its kin.
    Compare(Comparison, Box<Filter>, Box<Filter>),
    /// `f + g`, `f - g`
    Sum(Sign, Box<Filter>, Box<Filter>),
    /// `f?`
    Try(Box<Filter>),
    /// `if f then g elif … else h end`
    Choose(Vec<(Filter, Filter)>, Option<Box<Filter>>),
    /// `f.a`, `f["a"]`, `f[0]`: the index is evaluated where the whole filter is.
    Index(Box<Filter>, Box<Filter>),
    /// `f[]`
    Iterate(Box<Filter>),
    /// `f[a:b]`
    Slice(Box<Filter>, Option<Box<Filter>>, Option<Box<Filter>>),
    /// `select(f)`
    Select(Box<Filter>),
    /// `first(f)`, `limit(n; f)` with a number.
    Limit(usize, Box<Filter>),
    /// `last(f)`
    Last(Box<Filter>),
    /// `getpath(f)`
    GetPath(Box<Filter>),
    /// `any(f; g)`, `all(f; g)`; and `IN(f; g)`, which is `any(f == g; .)`.
    Quantified(Quantifier, Box<Filter>, Box<Filter>),
    /// `strings`, `values`, …
    OfType(&'static [Kind]),
    /// A function without arguments, from a value to a value.
    Plain(Plain),
    /// A function of one value more.
    WithValue(WithValue, Box<Filter>),
    /// `test("…")`
    Test(Box<Regex>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Plus or minus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// Whether one is enough, or all are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// One is enough.
    Any,
    /// All are needed.
    All,
}

/// The kinds of JSON values, in jq's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `null`
    Null,
    /// `false`, `true`
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// A map.
    Object,
}

impl Kind {
    /// The kind of a value.
    pub(super) const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }

    /// As jq's `type` names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// Functions without arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// `not`
    Not,
    /// `length`
    Length,
    /// `keys`
    Keys,
    /// `type`
    Type,
    /// `tostring`
    ToString,
    /// `tonumber`
    ToNumber,
    /// `ascii_downcase`
    Lower,
    /// `ascii_upcase`
    Upper,
    /// `to_entries`
    ToEntries,
}

/// Functions of one value more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithValue {
    /// `has`
    Has,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `contains`
    Contains,
    /// `inside`
    Inside,
    /// `index`
    Index,
    /// `ltrimstr`
    TrimStart,
    /// `rtrimstr`
    TrimEnd,
    /// `split`
    Split,
}
