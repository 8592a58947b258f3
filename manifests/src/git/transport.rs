//! Which URLs can be fetched, and how. This is the one place where a transport is added: a scheme in
//! the table below, and its registration with libgit2 beside it.

use super::error::GitError;

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// A path of this machine. libgit2 cannot fetch shallowly here.
    Local,
    /// The Git protocol over a connection, which can be shallow.
    Wire,
}

/// The schemes that are known, and those of them that this build has.
const SCHEMES: &[(&str, Option<Transport>)] = &[
    ("file", Some(Transport::Local)),
    ("git", Some(Transport::Wire)),
    ("https", None),
    ("http", None),
    ("ssh", None),
    ("git+ssh", None),
    ("ssh+git", None),
];

/// A URL that is safe to hand to libgit2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub url: String,
    pub transport: Transport,
}

impl Address {
    /// Reads a URL, a path, or the `user@host:path` form.
    pub fn parse(url: &str) -> Result<Self, GitError> {
        let bad = |why: &str| GitError::BadUrl { url: shown(url), why: why.to_owned() };
        if url.trim().is_empty() {
            return Err(bad("it is empty"));
        }
        if url.contains(char::is_control) {
            return Err(bad("it has a control character"));
        }
        if url.starts_with('-') {
            return Err(bad("it begins with `-`, as an option would"));
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            let known = SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme));
            let Some((scheme, transport)) = known else {
                return Err(bad("its scheme is not known; use a path, file:// or git://"));
            };
            let Some(transport) = *transport else {
                return Err(GitError::NoTransport {
                    url: shown(url),
                    scheme: (*scheme).to_owned(),
                });
            };
            if rest.starts_with('-') || rest.is_empty() {
                return Err(bad("it names no host or path"));
            }
            return Ok(Self { url: url.to_owned(), transport });
        }
        if url.contains("::") {
            return Err(bad("helpers (`name::address`) are not run"));
        }
        if is_scp_like(url) {
            return Err(GitError::NoTransport { url: shown(url), scheme: "ssh".to_owned() });
        }
        Ok(Self { url: url.to_owned(), transport: Transport::Local })
    }

    /// The URL as it may be shown.
    pub fn shown(&self) -> String {
        shown(&self.url)
    }
}

/// Git's rule: a colon before the first slash, and nothing of that path here.
fn is_scp_like(url: &str) -> bool {
    url.find(':').is_some_and(|colon| url.find('/').is_none_or(|slash| colon < slash))
        && !std::path::Path::new(url).exists()
}

/// A URL without its password or token.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.escape_debug().to_string() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}").escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::ErrorClass;

    #[test]
    fn paths_and_the_two_schemes_of_this_build_are_addresses() {
        for (url, transport) in [
            ("/srv/git/shop.git", Transport::Local),
            ("../shop", Transport::Local),
            (".", Transport::Local),
            ("file:///srv/git/shop.git", Transport::Local),
            ("git://host/shop.git", Transport::Wire),
            ("GIT://host/shop.git", Transport::Wire),
        ] {
            assert_eq!(Address::parse(url).unwrap().transport, transport, "{url}");
        }
    }

    #[test]
    fn a_transport_that_is_not_built_says_so_and_hides_the_password() {
        for url in [
            "https://me:secret@host/shop.git",
            "http://host/shop",
            "ssh://git@host/shop",
            "git@host:shop.git",
            "host:shop",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(matches!(error, GitError::NoTransport { .. }), "{url}: {error}");
            assert_eq!(error.class(), ErrorClass::Config);
            assert!(error.hint().is_some());
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_could_be_taken_for_an_option_or_a_command_is_refused() {
        for url in [
            "",
            " ",
            "-oProxyCommand=true",
            "--upload-pack=touch x",
            "git://-oProxyCommand/x",
            "ext::sh -c true",
            "git://host/a\nb",
            "ftp://host/x",
            "file://",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(matches!(error, GitError::BadUrl { .. }), "{url:?}: {error}");
            assert!(!error.to_string().contains('\n'), "{error:?}");
        }
    }
}
