//! From jq's terms to our filters: the list of what an expression may say, and for everything else
//! the reason why not.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part, Path};
use regex::RegexBuilder;
use serde_json::{Map, Value};

use super::filter::{Comparison, Filter, Kind, Plain, Quantifier, Sign, WithValue};

/// How much memory a compiled pattern may take.
const LARGEST_PATTERN: usize = 1 << 20;

/// What is said of a filter that has no place here.
const KNOWN: &str = "select, has, test, startswith, endswith, contains, inside, index, IN, any, all, \
    length, keys, type, not, first, last, limit, getpath, recurse, empty, strings and their like, \
    tostring, tonumber, ascii_downcase, ascii_upcase, ltrimstr, rtrimstr, split, to_entries and map";

type Compiled = Result<Filter, String>;

/// Compiles a whole expression.
pub(super) fn expression(term: &Term<&str>) -> Compiled {
    Compiler { variables: Vec::new() }.filter(term)
}

struct Compiler<'s> {
    /// The names bound around here, outermost first.
    variables: Vec<&'s str>,
}

impl<'s> Compiler<'s> {
    fn filter(&mut self, term: &Term<&'s str>) -> Compiled {
        Ok(match term {
            Term::Id => Filter::Identity,
            Term::Recurse => Filter::Recurse,
            Term::Num(text) => Filter::Literal(number(text)?),
            Term::Str(None, parts) => Filter::Literal(Value::String(text(parts)?)),
            Term::Str(Some(format), _) => return Err(unknown(format)),
            Term::Arr(inner) => {
                Filter::Collect(inner.as_ref().map(|it| self.boxed(it)).transpose()?)
            }
            Term::Neg(inner) => Filter::Negate(self.boxed(inner)?),
            Term::BinOp(left, operator, right) => self.joined(left, operator, right)?,
            Term::TryCatch(inner, None) => Filter::Try(self.boxed(inner)?),
            Term::IfThenElse(branches, otherwise) => {
                let branches = branches
                    .iter()
                    .map(|(condition, then)| Ok((self.filter(condition)?, self.filter(then)?)))
                    .collect::<Result<_, String>>()?;
                let otherwise = otherwise.as_ref().map(|it| self.boxed(it)).transpose()?;
                Filter::Choose(branches, otherwise)
            }
            Term::Var(name) => {
                let found = self.variables.iter().rposition(|it| it == name);
                Filter::Variable(found.ok_or_else(|| format!("`{name}` is bound nowhere"))?)
            }
            Term::Path(head, Path(parts)) => {
                let mut filter = self.filter(head)?;
                for (part, optional) in parts {
                    filter = self.part(filter, part)?;
                    if matches!(optional, Opt::Optional) {
                        filter = Filter::Try(Box::new(filter));
                    }
                }
                filter
            }
            Term::Call(name, arguments) => self.call(name, arguments)?,
            Term::Obj(fields) if fields.is_empty() => Filter::Literal(Value::Object(Map::new())),
            Term::Obj(_) => {
                return Err(
                    "it makes a map with {…}; only fields that are there can be chosen".to_owned()
                );
            }
            Term::TryCatch(_, Some(_))
            | Term::Label(..)
            | Term::Break(_)
            | Term::Fold(..)
            | Term::Def(..) => {
                return Err(
                    "it defines, loops or jumps; an expression chooses fields by paths".to_owned()
                );
            }
        })
    }

    fn boxed(&mut self, term: &Term<&'s str>) -> Result<Box<Filter>, String> {
        self.filter(term).map(Box::new)
    }

    fn part(&mut self, head: Filter, part: &Part<Term<&'s str>>) -> Compiled {
        let head = Box::new(head);
        Ok(match part {
            Part::Index(index) => Filter::Index(head, self.boxed(index)?),
            Part::Range(None, None) => Filter::Iterate(head),
            Part::Range(from, to) => {
                let from = from.as_ref().map(|it| self.boxed(it)).transpose()?;
                Filter::Slice(head, from, to.as_ref().map(|it| self.boxed(it)).transpose()?)
            }
        })
    }

    fn joined(
        &mut self,
        left: &Term<&'s str>,
        operator: &BinaryOp<&'s str>,
        right: &Term<&'s str>,
    ) -> Compiled {
        if let BinaryOp::Pipe(Some(pattern)) = operator {
            let Pattern::Var(name) = pattern else {
                return Err(
                    "it takes a value apart with `as [` or `as {`; bind one name".to_owned()
                );
            };
            let source = self.boxed(left)?;
            self.variables.push(name);
            let body = self.boxed(right);
            self.variables.pop();
            return Ok(Filter::Bind(source, body?));
        }
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        Ok(match operator {
            BinaryOp::Pipe(_) => Filter::Pipe(left, right),
            BinaryOp::Comma => {
                // A long list of paths nests no deeper than a short one.
                let mut all = match *left {
                    Filter::All(filters) => filters,
                    one => vec![one],
                };
                all.push(*right);
                Filter::All(all)
            }
            BinaryOp::Alt => Filter::Otherwise(left, right),
            BinaryOp::Or => Filter::Or(left, right),
            BinaryOp::And => Filter::And(left, right),
            BinaryOp::Math(Math::Add) => Filter::Sum(Sign::Plus, left, right),
            BinaryOp::Math(Math::Sub) => Filter::Sum(Sign::Minus, left, right),
            BinaryOp::Math(_) => {
                return Err("it multiplies or divides; only + and - are known here".to_owned());
            }
            BinaryOp::Cmp(comparison) => Filter::Compare(compared(*comparison), left, right),
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                return Err(
                    "it assigns; compare with `==`, and only name what to ignore".to_owned()
                );
            }
        })
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>]) -> Compiled {
        if name == "test" {
            return pattern(arguments).map(|it| Filter::Test(Box::new(it)));
        }
        let mut given = Vec::with_capacity(arguments.len());
        for argument in arguments {
            given.push(self.filter(argument)?);
        }
        let mut given = given.into_iter();
        let found = match (arguments.len(), given.next(), given.next()) {
            (0, ..) => without_arguments(name),
            (1, Some(one), _) => with_one(name, one)?,
            (2, Some(one), Some(two)) => with_two(name, one, two)?,
            _ => None,
        };
        found.ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> String {
    match name {
        "del" | "delpaths" => {
            format!("`{name}` is not needed: the expression itself names what to ignore")
        }
        _ => format!("`{name}` is not known here with what it is given; what is: {KNOWN}"),
    }
}

/// `.[]`
fn every() -> Filter {
    Filter::Iterate(Box::new(Filter::Identity))
}

fn without_arguments(name: &str) -> Option<Filter> {
    use Kind::{Array, Boolean, Null, Number, Object, String};
    let at = |place: i64| {
        Filter::Index(Box::new(Filter::Identity), Box::new(Filter::Literal(place.into())))
    };
    let quantified =
        |which| Filter::Quantified(which, Box::new(every()), Box::new(Filter::Identity));
    Some(match name {
        "null" => Filter::Literal(Value::Null),
        "true" => Filter::Literal(Value::Bool(true)),
        "false" => Filter::Literal(Value::Bool(false)),
        "empty" => Filter::All(Vec::new()),
        "recurse" => Filter::Recurse,
        "first" => at(0),
        "last" => at(-1),
        "any" => quantified(Quantifier::Any),
        "all" => quantified(Quantifier::All),
        "not" => Filter::Plain(Plain::Not),
        "length" => Filter::Plain(Plain::Length),
        "keys" | "keys_unsorted" => Filter::Plain(Plain::Keys),
        "type" => Filter::Plain(Plain::Type),
        "tostring" => Filter::Plain(Plain::ToString),
        "tonumber" => Filter::Plain(Plain::ToNumber),
        "ascii_downcase" => Filter::Plain(Plain::Lower),
        "ascii_upcase" => Filter::Plain(Plain::Upper),
        "to_entries" => Filter::Plain(Plain::ToEntries),
        "nulls" => Filter::OfType(&[Null]),
        "values" => Filter::OfType(&[Boolean, Number, String, Array, Object]),
        "booleans" => Filter::OfType(&[Boolean]),
        "numbers" => Filter::OfType(&[Number]),
        "strings" => Filter::OfType(&[String]),
        "arrays" => Filter::OfType(&[Array]),
        "objects" => Filter::OfType(&[Object]),
        "iterables" => Filter::OfType(&[Array, Object]),
        "scalars" => Filter::OfType(&[Null, Boolean, Number, String]),
        _ => return None,
    })
}

fn with_one(name: &str, one: Filter) -> Result<Option<Filter>, String> {
    let identity = || Box::new(Filter::Identity);
    let one = Box::new(one);
    let of_value = |function, one| Filter::WithValue(function, one);
    Ok(Some(match name {
        "select" => Filter::Select(one),
        "first" => Filter::Limit(1, one),
        "last" => Filter::Last(one),
        "getpath" => Filter::GetPath(one),
        "map" => Filter::Collect(Some(Box::new(Filter::Pipe(Box::new(every()), one)))),
        "any" => Filter::Quantified(Quantifier::Any, Box::new(every()), one),
        "all" => Filter::Quantified(Quantifier::All, Box::new(every()), one),
        "isempty" => {
            let some = Filter::Pipe(one, Box::new(Filter::Literal(Value::Bool(true))));
            let some = Filter::Quantified(Quantifier::Any, Box::new(some), identity());
            Filter::Pipe(Box::new(some), Box::new(Filter::Plain(Plain::Not)))
        }
        "IN" => {
            // What is compared with is the value outside of the stream.
            let same = Filter::Compare(Comparison::Equal, identity(), one);
            Filter::Quantified(Quantifier::Any, Box::new(same), identity())
        }
        "has" => of_value(WithValue::Has, one),
        "startswith" => of_value(WithValue::StartsWith, one),
        "endswith" => of_value(WithValue::EndsWith, one),
        "contains" => of_value(WithValue::Contains, one),
        "inside" => of_value(WithValue::Inside, one),
        "index" => of_value(WithValue::Index, one),
        "ltrimstr" => of_value(WithValue::TrimStart, one),
        "rtrimstr" => of_value(WithValue::TrimEnd, one),
        "split" => of_value(WithValue::Split, one),
        _ => return Ok(None),
    }))
}

fn with_two(name: &str, one: Filter, two: Filter) -> Result<Option<Filter>, String> {
    let (one, two) = (Box::new(one), Box::new(two));
    Ok(Some(match name {
        "any" => Filter::Quantified(Quantifier::Any, one, two),
        "all" => Filter::Quantified(Quantifier::All, one, two),
        "IN" => {
            let same = Filter::Compare(Comparison::Equal, one, two);
            Filter::Quantified(Quantifier::Any, Box::new(same), Box::new(Filter::Identity))
        }
        "limit" => {
            let Filter::Literal(Value::Number(count)) = *one else {
                return Err("limit(…) takes a number that is written out".to_owned());
            };
            let count = count.as_u64().and_then(|it| usize::try_from(it).ok());
            Filter::Limit(count.ok_or("limit(…) takes a whole number")?, two)
        }
        _ => return Ok(None),
    }))
}

const fn compared(comparison: Cmp) -> Comparison {
    match comparison {
        Cmp::Eq => Comparison::Equal,
        Cmp::Ne => Comparison::Unequal,
        Cmp::Lt => Comparison::Less,
        Cmp::Le => Comparison::LessOrEqual,
        Cmp::Gt => Comparison::Greater,
        Cmp::Ge => Comparison::GreaterOrEqual,
    }
}

fn number(text: &str) -> Result<Value, String> {
    serde_json::from_str::<serde_json::Number>(text)
        .map(Value::Number)
        .map_err(|_| format!("`{text}` is no number"))
}

fn text(parts: &[StrPart<&str, Term<&str>>]) -> Result<String, String> {
    let mut out = String::new();
    for part in parts {
        match part {
            StrPart::Str(text) => out.push_str(text),
            StrPart::Char(letter) => out.push(*letter),
            StrPart::Term(_) => {
                return Err("a text inside it is put together with `\\(`; write it out".to_owned());
            }
        }
    }
    Ok(out)
}

/// The pattern of `test`, which must be written out: it is compiled once, and matching it takes time
/// in proportion to the text, whatever the pattern.
fn pattern(arguments: &[Term<&str>]) -> Result<regex::Regex, String> {
    let written = |term: &Term<&str>| match term {
        Term::Str(None, parts) => text(parts),
        _ => Err("test(…) takes a pattern that is written out, as in test(\"^kube-\")".to_owned()),
    };
    let [pattern, rest @ ..] = arguments else {
        return Err("test(…) takes a pattern".to_owned());
    };
    let pattern = written(pattern)?;
    let flags = match rest {
        [] => String::new(),
        [flags] => written(flags)?,
        _ => return Err("test(…) takes a pattern, and flags".to_owned()),
    };
    let mut builder = RegexBuilder::new(&pattern);
    builder.size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'x' => builder.ignore_whitespace(true),
            's' => builder.dot_matches_new_line(true),
            // Whether a text matches does not depend on how many matches are wanted.
            'g' => &mut builder,
            _ => return Err(format!("test(…) knows no flag `{flag}`")),
        };
    }
    builder.build().map_err(|error| {
        let error = error.to_string();
        format!(
            "its pattern `{pattern}` cannot be read: {}",
            error.lines().last().unwrap_or_default()
        )
    })
}
