//! The fields whose values a user wants masked, by name or by place.

use std::fmt;

/// Names of fields, as globs: `*` is any text and `?` any character, in any case. One that has a dot
/// may also be the place of a field from the object's root, list entries left out:
/// `spec.template.spec.containers.args`.
///
/// Besides the field of that name, a listed name covers what stands beside it under `value` in an
/// entry such as `{name: DB_PASSWORD, value: …}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Glob>);

#[derive(Clone, PartialEq, Eq)]
struct Glob(Vec<char>);

/// A key that names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key to mask is empty; write a field's name, such as '*password*'")]
pub struct EmptyKey;

impl EmptyKey {
    /// Who can mend it.
    pub const fn class(self) -> merge::ErrorClass {
        merge::ErrorClass::User
    }
}

impl Keys {
    /// No key at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads globs.
    pub fn parse<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, EmptyKey> {
        let read = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| Glob(folded(text))).ok_or(EmptyKey)
        };
        globs.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is listed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is listed.
    pub(super) fn names(&self, name: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let name = folded(name);
        self.0.iter().any(|glob| glob.matches(&name))
    }

    /// Whether a field is listed: by its name, or by its place.
    pub(super) fn lists(&self, name: &str, place: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let place = folded(place);
        self.names(name) || self.0.iter().any(|glob| glob.0.contains(&'.') && glob.matches(&place))
    }
}

fn folded(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl Glob {
    /// Goes back to the latest `*` where it must, and to no earlier one: that is enough, and bounds
    /// the work by the product of both lengths.
    fn matches(&self, text: &[char]) -> bool {
        let (mut glob, mut here) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while here < text.len() {
            match (self.0.get(glob), text.get(here)) {
                (Some('*'), _) => {
                    star = Some((glob, here));
                    glob += 1;
                }
                (Some(wanted), Some(found)) if *wanted == '?' || wanted == found => {
                    glob += 1;
                    here += 1;
                }
                _ => {
                    let Some((at, from)) = star else { return false };
                    star = Some((at, from + 1));
                    glob = at + 1;
                    here = from + 1;
                }
            }
        }
        self.0.iter().skip(glob).all(|rest| *rest == '*')
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().collect::<String>().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names_in_any_case() {
        for (glob, name, matches) in [
            ("password", "password", true),
            ("password", "Password", true),
            ("password", "passwords", false),
            ("*password*", "DB_PASSWORD_FILE", true),
            ("*password", "dbPassword", true),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*c", "abab", false),
            ("?oken", "token", true),
            ("?oken", "oken", false),
            ("*", "", true),
            ("api-key", "api_key", false),
            ("ключ", "КЛЮЧ", true),
        ] {
            assert_eq!(Keys::parse([glob]).unwrap().names(name), matches, "{glob} {name}");
        }
    }

    #[test]
    fn a_place_is_matched_from_the_root() {
        for (glob, place, listed) in [
            ("spec.token", "spec.token", true),
            ("spec.token", "spec.auth.token", false),
            ("spec.*.token", "spec.auth.token", true),
            ("auth.token", "spec.auth.token", false),
            ("spec*token", "spec.token", false),
        ] {
            let keys = Keys::parse([glob]).unwrap();
            let name = place.rsplit('.').next().unwrap();
            assert_eq!(keys.lists(name, place), listed, "{glob} {place}");
        }
        assert!(Keys::parse(["example.com/token"]).unwrap().names("example.com/token"));
    }

    #[test]
    fn nothing_is_listed_by_nothing() {
        assert_eq!(Keys::parse(["token", " "]), Err(EmptyKey));
        assert!(!Keys::none().lists("token", "spec.token"));
    }

    #[test]
    fn a_hostile_glob_takes_no_long_time() {
        let keys = Keys::parse(["*a*a*a*a*a*a*a*a*a*a*a*b"]).unwrap();
        assert!(!keys.names(&"a".repeat(20_000)));
    }
}
