//! The functions of path expressions that go from values to values, as jq 1.7's manual has them.

use std::cmp::Ordering;

use serde_json::{Number, Value, json};

use super::filter::{Kind, Plain, Sign, WithValue};

type Made = Result<Value, String>;

/// A function without arguments.
pub(super) fn plain(function: Plain, input: &Value) -> Made {
    let kind = Kind::of(input).name();
    Ok(match (function, input) {
        (Plain::Not, Value::Null | Value::Bool(false)) => Value::Bool(true),
        (Plain::Not, _) => Value::Bool(false),
        (Plain::Type, _) => kind.into(),
        (Plain::Length, Value::Null) => 0.into(),
        (Plain::Length, Value::Number(number)) => match number.as_i64() {
            Some(whole) => whole.unsigned_abs().into(),
            None => json!(number.as_f64().unwrap_or(0.0).abs()),
        },
        (Plain::Length, Value::String(text)) => text.chars().count().into(),
        (Plain::Length, Value::Array(items)) => items.len().into(),
        (Plain::Length, Value::Object(fields)) => fields.len().into(),
        (Plain::Keys, Value::Object(fields)) => {
            Value::Array(fields.keys().map(|name| name.as_str().into()).collect())
        }
        (Plain::Keys, Value::Array(items)) => {
            Value::Array((0..items.len()).map(Value::from).collect())
        }
        (Plain::ToString, Value::String(_)) | (Plain::ToNumber, Value::Number(_)) => input.clone(),
        (Plain::ToString, _) => input.to_string().into(),
        (Plain::ToNumber, Value::String(text)) => serde_json::from_str::<Number>(text.trim())
            .map_err(|_| "the text is no number".to_owned())?
            .into(),
        (Plain::Lower, Value::String(text)) => text.to_ascii_lowercase().into(),
        (Plain::Upper, Value::String(text)) => text.to_ascii_uppercase().into(),
        (Plain::ToEntries, Value::Object(fields)) => Value::Array(
            fields.iter().map(|(name, value)| json!({"key": name, "value": value})).collect(),
        ),
        (
            Plain::Length
            | Plain::Keys
            | Plain::ToNumber
            | Plain::Lower
            | Plain::Upper
            | Plain::ToEntries,
            _,
        ) => {
            return Err(format!("{kind} has no {}", name(function)));
        }
    })
}

const fn name(function: Plain) -> &'static str {
    match function {
        Plain::Not => "not",
        Plain::Length => "length",
        Plain::Keys => "keys",
        Plain::Type => "type",
        Plain::ToString => "tostring",
        Plain::ToNumber => "tonumber",
        Plain::Lower => "ascii_downcase",
        Plain::Upper => "ascii_upcase",
        Plain::ToEntries => "to_entries",
    }
}

/// A function of one value more.
pub(super) fn with_value(function: WithValue, input: &Value, argument: &Value) -> Made {
    let mismatch = || {
        Err(format!(
            "{} and {} do not go together",
            Kind::of(input).name(),
            Kind::of(argument).name()
        ))
    };
    Ok(match (function, input, argument) {
        (WithValue::Has, Value::Object(fields), Value::String(name)) => {
            fields.contains_key(name).into()
        }
        (WithValue::Has, Value::Array(items), Value::Number(number)) => {
            let at = number.as_i64().and_then(|it| usize::try_from(it).ok());
            at.is_some_and(|at| at < items.len()).into()
        }
        (WithValue::StartsWith, Value::String(text), Value::String(part)) => {
            text.starts_with(part).into()
        }
        (WithValue::EndsWith, Value::String(text), Value::String(part)) => {
            text.ends_with(part).into()
        }
        (WithValue::Contains, ..) => contains(input, argument)?.into(),
        (WithValue::Inside, ..) => contains(argument, input)?.into(),
        (WithValue::Index, Value::Null, _) => Value::Null,
        (WithValue::Index, Value::String(text), Value::String(part)) => match text.find(part) {
            Some(place) if !part.is_empty() => {
                text.get(..place).unwrap_or_default().chars().count().into()
            }
            _ => Value::Null,
        },
        (WithValue::Index, Value::Array(items), Value::Array(part)) => {
            let found = items.windows(part.len().max(1)).position(|window| window == part);
            found.map_or(Value::Null, Value::from)
        }
        (WithValue::Index, Value::Array(items), _) => {
            let found = items.iter().position(|item| order(item, argument).is_eq());
            found.map_or(Value::Null, Value::from)
        }
        (WithValue::TrimStart, Value::String(text), Value::String(part)) => {
            text.strip_prefix(part.as_str()).unwrap_or(text).into()
        }
        (WithValue::TrimEnd, Value::String(text), Value::String(part)) => {
            text.strip_suffix(part.as_str()).unwrap_or(text).into()
        }
        (WithValue::TrimStart | WithValue::TrimEnd, ..) => input.clone(),
        (WithValue::Split, Value::String(text), Value::String(_)) if text.is_empty() => json!([]),
        (WithValue::Split, Value::String(text), Value::String(part)) if part.is_empty() => {
            Value::Array(text.chars().map(|letter| letter.to_string().into()).collect())
        }
        (WithValue::Split, Value::String(text), Value::String(part)) => {
            Value::Array(text.split(part.as_str()).map(Value::from).collect())
        }
        _ => return mismatch(),
    })
}

/// Whether the second is contained in the first, as jq's `contains` has it.
fn contains(whole: &Value, part: &Value) -> Result<bool, String> {
    Ok(match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, part) in part {
                match whole.get(name) {
                    Some(whole) if contains(whole, part)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Array(whole), Value::Array(part)) => {
            for part in part {
                let mut found = false;
                for whole in whole {
                    // In a list of several kinds, what cannot be compared is not it.
                    found = found || contains(whole, part).unwrap_or(false);
                }
                if !found {
                    return Ok(false);
                }
            }
            true
        }
        (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
        _ if Kind::of(whole) == Kind::of(part) => order(whole, part).is_eq(),
        _ => {
            return Err(format!(
                "{} cannot be contained in {}",
                Kind::of(part).name(),
                Kind::of(whole).name()
            ));
        }
    })
}

/// jq's order: null, false, true, numbers, texts, lists, maps.
pub(super) fn order(one: &Value, two: &Value) -> Ordering {
    match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Number(one), Value::Number(two)) => numbers(one, two),
        (Value::String(one), Value::String(two)) => one.cmp(two),
        (Value::Array(one), Value::Array(two)) => one
            .iter()
            .zip(two)
            .map(|(one, two)| order(one, two))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| one.len().cmp(&two.len())),
        (Value::Object(one), Value::Object(two)) => {
            // First by their sets of names, then value by value.
            one.keys().cmp(two.keys()).then_with(|| {
                let mut pairs = one.values().zip(two.values()).map(|(one, two)| order(one, two));
                pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        _ => Kind::of(one).cmp(&Kind::of(two)),
    }
}

fn numbers(one: &Number, two: &Number) -> Ordering {
    if let (Some(one), Some(two)) = (one.as_i64(), two.as_i64()) {
        return one.cmp(&two);
    }
    let float = |number: &Number| number.as_f64().unwrap_or(0.0);
    float(one).partial_cmp(&float(two)).unwrap_or(Ordering::Equal)
}

/// `-f`
pub(super) fn negated(value: &Value) -> Made {
    sum(Sign::Minus, &0.into(), value)
}

/// `f + g` and `f - g`
pub(super) fn sum(sign: Sign, one: &Value, two: &Value) -> Made {
    match (sign, one, two) {
        (Sign::Plus, Value::Null, other) | (Sign::Plus, other, Value::Null) => Ok(other.clone()),
        (Sign::Plus, Value::String(one), Value::String(two)) => Ok(format!("{one}{two}").into()),
        (_, Value::Number(one), Value::Number(two)) => {
            let whole = one.as_i64().zip(two.as_i64()).and_then(|(one, two)| match sign {
                Sign::Plus => one.checked_add(two),
                Sign::Minus => one.checked_sub(two),
            });
            let (one, two) = (one.as_f64().unwrap_or(0.0), two.as_f64().unwrap_or(0.0));
            Ok(whole.map_or_else(
                || json!(if sign == Sign::Plus { one + two } else { one - two }),
                Value::from,
            ))
        }
        _ => Err(format!("{} and {} have no sum", Kind::of(one).name(), Kind::of(two).name())),
    }
}

/// The place in a list of this length that a number means, from its end if it is negative; `None` if
/// that is before the first.
pub(super) fn position(number: &Number, length: usize) -> Option<usize> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "jq cuts what is after the point off, and a cast saturates"
    )]
    let whole = number.as_i64().unwrap_or_else(|| number.as_f64().unwrap_or(0.0).floor() as i64);
    match usize::try_from(whole) {
        Ok(place) => Some(place),
        Err(_) => length.checked_sub(usize::try_from(whole.unsigned_abs()).ok()?),
    }
}
