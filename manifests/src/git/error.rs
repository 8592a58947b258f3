//! What can go wrong between a URL and a commit.

use std::path::PathBuf;

use merge::ErrorClass;

/// A repository, a revision or a mirror that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The URL is none, or could be taken for something else than a URL.
    #[error("`{url}` is not the address of a repository: {why}")]
    BadUrl {
        /// The URL, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The URL asks for a transport that is not part of this build.
    #[error("`{url}` needs the {scheme} transport, which is not part of this build")]
    NoTransport {
        /// The URL, without a password.
        url: String,
        /// Its transport.
        scheme: String,
    },
    /// The name can be no branch, tag or commit.
    #[error("`{name}` cannot be the name of a branch, a tag or a commit")]
    BadReference {
        /// The name.
        name: String,
    },
    /// There is no repository at the URL.
    #[error("there is no Git repository at `{url}`: {why}")]
    NoRepository {
        /// The URL, without a password.
        url: String,
        /// What was found instead.
        why: String,
    },
    /// The repository belongs to another user, and Git was not told to trust it.
    #[error("the repository at `{url}` belongs to another user, and Git does not trust it")]
    NotTrusted {
        /// The URL.
        url: String,
    },
    /// The repository could not be reached, or the transfer broke off.
    #[error("`{url}` could not be fetched: {}", cause.message())]
    Unreachable {
        /// The URL, without a password.
        url: String,
        /// What libgit2 says.
        cause: git2::Error,
    },
    /// The repository has no commit.
    #[error("the repository at `{url}` is empty: it has no commit yet")]
    Empty {
        /// The URL, without a password.
        url: String,
    },
    /// HEAD names a branch that is not there.
    #[error("HEAD of `{url}` names no branch that exists")]
    NoHead {
        /// The URL, without a password.
        url: String,
        /// The branches there are.
        branches: Vec<String>,
    },
    /// No branch, tag or commit has the name.
    #[error("`{url}` has no branch, tag or commit `{name}`")]
    NoRevision {
        /// The URL, without a password.
        url: String,
        /// The name.
        name: String,
        /// Names that are near to it, or some of those there are.
        near: Vec<String>,
    },
    /// The name stands for more than one commit.
    #[error("`{name}` is ambiguous: {what}")]
    Ambiguous {
        /// The name.
        name: String,
        /// What it may stand for.
        what: String,
    },
    /// The revision is a tree or a file.
    #[error("`{name}` names no commit, but another kind of object")]
    NotACommit {
        /// The name.
        name: String,
    },
    /// A fetch would take more than is allowed.
    #[error("a fetch from `{url}` exceeds {most} MiB and was broken off")]
    TooLarge {
        /// The URL, without a password.
        url: String,
        /// The limit.
        most: usize,
    },
    /// The mirror's folder holds something else.
    #[error("`{}` holds files that are no mirror of ours", folder.display())]
    NotAMirror {
        /// The folder.
        folder: PathBuf,
    },
    /// The mirror's folder cannot be written.
    #[error("the mirror in `{}` cannot be kept: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The mirror cannot be read, though it was just built.
    #[error("the mirror in `{}` cannot be read: {source}", folder.display())]
    Mirror {
        /// The folder.
        folder: PathBuf,
        /// What libgit2 says.
        source: git2::Error,
    },
}

impl GitError {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::BadUrl { .. }
            | Self::BadReference { .. }
            | Self::NoRepository { .. }
            | Self::Empty { .. }
            | Self::NoHead { .. }
            | Self::NoRevision { .. }
            | Self::Ambiguous { .. }
            | Self::NotACommit { .. }
            | Self::TooLarge { .. } => ErrorClass::User,
            Self::NoTransport { .. }
            | Self::NotTrusted { .. }
            | Self::NotAMirror { .. }
            | Self::Folder { .. } => ErrorClass::Config,
            Self::Unreachable { .. } => ErrorClass::Transient,
            Self::Mirror { .. } => ErrorClass::Internal,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoTransport { .. } => Some(
                "use a path, file:// or git://, for instance a clone on this machine that is kept up to date".to_owned(),
            ),
            Self::NoHead { branches, .. } => {
                Some(format!("name a revision; its branches are {}", branches.join(", ")))
            }
            Self::NoRevision { near, .. } if !near.is_empty() => {
                Some(format!("it has {}", near.join(", ")))
            }
            Self::Ambiguous { .. } => Some(
                "write refs/heads/… or refs/tags/…, or more digits of the commit".to_owned(),
            ),
            Self::NotTrusted { url } => {
                Some(format!("git config --global --add safe.directory {url}"))
            }
            Self::NotAMirror { .. } => Some("name an empty folder, or one that is not there".to_owned()),
            Self::Folder { .. } => Some("name another folder with --mirror".to_owned()),
            Self::BadReference { name } if name.contains(['~', '^', '@']) => Some(
                "write the commit's id: `git rev-parse` turns such a name into one".to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether building the mirror anew may help.
    pub(super) fn may_be_damage(&self) -> bool {
        match self {
            Self::Mirror { .. } => true,
            Self::Unreachable { cause, .. } => !matches!(
                cause.class(),
                git2::ErrorClass::Net | git2::ErrorClass::Http | git2::ErrorClass::Ssh
            ),
            _ => false,
        }
    }
}
