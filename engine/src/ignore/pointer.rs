//! JSON pointers (RFC 6901): `/spec/template/metadata/annotations/example.com~1checksum`.

use serde_json::Value;

use super::error::Fault;
use super::step::Step;

/// The longest pointer. Names of Kubernetes objects and keys are at most a few hundred letters long.
const LONGEST: usize = 4_096;
/// The most steps of a pointer: no object is nested deeper.
const DEEPEST: usize = 128;

/// A pointer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    tokens: Vec<String>,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| {
            let pointer = shortened(text);
            Fault::Pointer { pointer, why: why.to_owned() }
        };
        if text.is_empty() {
            return Err(wrong(
                "it points at the whole object, which cannot be ignored; name a field",
            ));
        }
        if text.len() > LONGEST {
            return Err(wrong(&format!("it is longer than {LONGEST} letters")));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(wrong("a pointer begins with `/`, as in /spec/replicas"));
        };
        let tokens: Vec<String> =
            rest.split('/').map(unescaped).collect::<Option<_>>().ok_or_else(|| {
                wrong("`~` stands before 0 or 1: write ~0 for `~` and ~1 for `/`")
            })?;
        if tokens.len() > DEEPEST {
            return Err(wrong(&format!("it has more than {DEEPEST} steps")));
        }
        Ok(Self { tokens })
    }

    /// The place in a document, whether there is something or not; `None` where it cannot lead.
    pub(super) fn place(&self, document: &Value) -> Option<Vec<Step>> {
        let mut here = Some(document);
        let mut steps = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            match here {
                Some(Value::Array(items)) => {
                    let place = index(token)?;
                    here = Some(items.get(place)?);
                    steps.push(Step::Index(place));
                }
                Some(Value::Object(fields)) => {
                    here = fields.get(token);
                    steps.push(Step::Field(token.clone()));
                }
                Some(Value::Null) | None => {
                    here = None;
                    steps.push(Step::Field(token.clone()));
                }
                Some(_) => return None,
            }
        }
        Some(steps)
    }
}

/// A place in a list: digits, without leading zeros. `-`, the place after the last, holds nothing.
fn index(token: &str) -> Option<usize> {
    let plain =
        token == "0" || (!token.starts_with('0') && token.bytes().all(|it| it.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

/// One token as it is meant; `None` if a `~` escapes nothing.
fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            (None, None) => return None,
        };
        text.push(letter);
        text.push_str(rest);
    }
    Some(text)
}

/// A token of a pointer for a name.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The beginning of a text, for an error.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 200;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(pointer: &str, document: &Value) -> Option<String> {
        let steps = Pointer::parse(pointer).unwrap().place(document)?;
        Some(steps.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_pointer_leads_through_maps_and_lists() {
        let document = json!({"a": {"b/c": [10, {"m~n": 1}], "": 2, "~1": 3}, "0": 4, "t": "x"});
        for (pointer, expected) in [
            ("/a", Some(".a")),
            ("/a/b~1c/0", Some(".a.b/c[0]")),
            ("/a/b~1c/1/m~0n", Some(".a.b/c[1].m~n")),
            ("/a/", Some(".a.")),
            ("/a/~01", Some(".a.~1")),
            ("/0", Some(".0")),
            ("/missing/deeper/0", Some(".missing.deeper.0")),
            ("/a/b~1c/2", None),
            ("/a/b~1c/-", None),
            ("/a/b~1c/01", None),
            ("/a/b~1c/+1", None),
            ("/a/b~1c/99999999999999999999", None),
            ("/t/x", None),
        ] {
            assert_eq!(place(pointer, &document).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer_says_why() {
        for (text, why) in [
            ("", "the whole object"),
            ("spec/replicas", "begins with `/`"),
            (".spec.replicas", "begins with `/`"),
            ("/a~", "~0 for `~`"),
            ("/a~2b", "~0 for `~`"),
            ("/a~~1", "~0 for `~`"),
        ] {
            let error = Pointer::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(Pointer::parse(&"/a".repeat(129)).is_err());
        assert!(Pointer::parse(&format!("/{}", "a".repeat(5_000))).is_err());
    }

    #[test]
    fn an_escaped_name_is_read_back() {
        for name in ["", "a", "a/b", "~", "~1", "/~0~1/", "ü/~"] {
            let pointer = Pointer::parse(&format!("/{}", escaped(name))).unwrap();
            assert_eq!(pointer.tokens, [name]);
        }
    }
}
