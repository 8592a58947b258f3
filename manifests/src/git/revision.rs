//! Names of commits: what a user writes, what a repository advertises, and the one commit that is
//! meant.

use std::fmt;

use git2::Oid;
use serde::{Deserialize, Serialize};

use super::error::GitError;

/// A commit's full id, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(String);

impl Revision {
    pub(crate) fn of(oid: Oid) -> Self {
        Self(oid.to_string())
    }

    /// The full id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits: enough to name a commit to a person.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which commit of a repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The one that the repository's HEAD names.
    Head,
    /// A branch, a tag or a commit, looked for in that order. A commit may be abbreviated; `refs/…`
    /// is taken as it is.
    Name(String),
}

impl From<Option<&str>> for Reference {
    /// `None` and `HEAD` are the repository's HEAD.
    fn from(name: Option<&str>) -> Self {
        match name {
            None | Some("HEAD") => Self::Head,
            Some(name) => Self::Name(name.to_owned()),
        }
    }
}

/// One line of a repository's advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advertised {
    pub name: String,
    pub oid: Oid,
}

/// What a reference comes to, before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A reference of the repository, what it points at, and the commit if that is known to be another.
    Ref { name: String, oid: Oid, peeled: Option<Oid> },
    /// The hex digits of a commit, all of them or the first few.
    Commit(String),
}

/// Abbreviations are no shorter, as in Git.
const SHORTEST_ABBREVIATION: usize = 4;
/// The digits of a whole id.
pub(super) const FULL: usize = 40;

/// Finds what a reference means among what a repository advertises.
pub(super) fn resolve(
    url: &str,
    advertised: &[Advertised],
    reference: &Reference,
) -> Result<Target, GitError> {
    if advertised.is_empty() {
        return Err(GitError::Empty { url: url.to_owned() });
    }
    let find = |name: &str| {
        let found = advertised.iter().find(|head| head.name == name)?;
        let peeled = format!("{name}^{{}}");
        let peeled = advertised.iter().find(|head| head.name == peeled).map(|head| head.oid);
        Some(Target::Ref { name: name.to_owned(), oid: found.oid, peeled })
    };
    let name = match reference {
        Reference::Head => {
            return find("HEAD").ok_or_else(|| GitError::NoHead {
                url: url.to_owned(),
                branches: short_names(advertised, "refs/heads/").map(str::to_owned).collect(),
            });
        }
        Reference::Name(name) => name.as_str(),
    };
    if name.starts_with('-') || !git2::Reference::is_valid_name(&format!("refs/heads/{name}")) {
        return Err(GitError::BadReference { name: name.escape_debug().to_string() });
    }
    if name.starts_with("refs/")
        && let Some(target) = find(name)
    {
        return Ok(target);
    }
    match (find(&format!("refs/heads/{name}")), find(&format!("refs/tags/{name}"))) {
        (Some(branch), Some(tag)) if commit_of(&branch) != commit_of(&tag) => {
            Err(GitError::Ambiguous {
                name: name.to_owned(),
                what: "a branch and a tag of this name point at different commits".to_owned(),
            })
        }
        (Some(target), _) | (None, Some(target)) => Ok(target),
        (None, None) if is_commit_like(name) => Ok(Target::Commit(name.to_ascii_lowercase())),
        (None, None) => Err(no_revision(url, advertised, name)),
    }
}

fn commit_of(target: &Target) -> Option<Oid> {
    match target {
        Target::Ref { oid, peeled, .. } => Some(peeled.unwrap_or(*oid)),
        Target::Commit(_) => None,
    }
}

fn is_commit_like(name: &str) -> bool {
    (SHORTEST_ABBREVIATION..=FULL).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The error for a name that is nothing, with the names it may have been meant for.
pub(super) fn no_revision(url: &str, advertised: &[Advertised], name: &str) -> GitError {
    const MOST: usize = 8;
    let mut names: Vec<&str> = short_names(advertised, "refs/heads/")
        .chain(short_names(advertised, "refs/tags/"))
        .collect();
    names.sort_by_cached_key(|known| (distance(known, name), (*known).to_owned()));
    names.truncate(MOST);
    let near = names.into_iter().map(str::to_owned).collect();
    GitError::NoRevision { url: url.to_owned(), name: name.to_owned(), near }
}

fn short_names<'a>(
    advertised: &'a [Advertised],
    prefix: &'a str,
) -> impl Iterator<Item = &'a str> + 'a {
    advertised
        .iter()
        .filter_map(move |head| head.name.strip_prefix(prefix))
        .filter(|name| !name.ends_with("^{}"))
}

/// How many characters have to be added, left out or changed; names are compared up to a length that
/// keeps this cheap.
fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let one: Vec<char> = one.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (index, wanted) in other.chars().take(LONGEST).enumerate() {
        let mut next = vec![index + 1];
        for ((found, above), diagonal) in one.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            let change = diagonal + usize::from(*found != wanted);
            next.push(change.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: char) -> Oid {
        Oid::from_str(&digit.to_string().repeat(FULL)).unwrap()
    }

    fn advertised() -> Vec<Advertised> {
        [
            ("HEAD", 'a'),
            ("refs/heads/main", 'a'),
            ("refs/heads/release", 'b'),
            ("refs/heads/deadbeef", 'c'),
            ("refs/heads/both", 'd'),
            ("refs/tags/both", 'e'),
            ("refs/heads/same", 'd'),
            ("refs/tags/same", 'e'),
            ("refs/tags/same^{}", 'd'),
            ("refs/tags/v1.0.0", 'f'),
        ]
        .into_iter()
        .map(|(name, digit)| Advertised { name: name.to_owned(), oid: oid(digit) })
        .collect()
    }

    fn find(name: &str) -> Result<Target, GitError> {
        resolve("u", &advertised(), &Reference::Name(name.to_owned()))
    }

    #[test]
    fn a_branch_goes_before_a_tag_and_a_tag_before_a_commit() {
        for (name, expected) in [
            ("main", "refs/heads/main"),
            ("v1.0.0", "refs/tags/v1.0.0"),
            ("deadbeef", "refs/heads/deadbeef"),
            ("same", "refs/heads/same"),
            ("refs/tags/both", "refs/tags/both"),
        ] {
            let Target::Ref { name: found, .. } = find(name).unwrap() else { panic!("{name}") };
            assert_eq!(found, expected);
        }
        assert_eq!(find("DEADBEE").unwrap(), Target::Commit("deadbee".to_owned()));
    }

    #[test]
    fn a_branch_and_a_tag_that_differ_are_ambiguous() {
        assert!(matches!(find("both"), Err(GitError::Ambiguous { .. })));
    }

    #[test]
    fn a_name_that_is_nothing_is_told_the_nearest() {
        let Err(GitError::NoRevision { near, .. }) = find("relaese") else { panic!() };
        assert_eq!(near.first().map(String::as_str), Some("release"));
        assert!(near.contains(&"v1.0.0".to_owned()));
    }

    #[test]
    fn what_can_be_no_name_is_refused() {
        for name in ["-x", "--upload-pack=x", "a b", "a..b", "", "a\nb", "a~1", "a:b"] {
            assert!(matches!(find(name), Err(GitError::BadReference { .. })), "{name:?}");
        }
    }
}
