//! One connection: read the advertisement, find the commit, transfer what is missing.

use git2::{AutotagOption, Direction, FetchOptions, Oid, Remote, RemoteCallbacks, Repository};
use merge::Digest;

use super::error::GitError;
use super::revision::{self, Advertised, FULL, Reference, Target};
use super::transport::{Address, Transport};

/// No transfer takes more; a repository beyond it is not one of manifests.
const MOST_MEBIBYTES: usize = 2048;
/// What libgit2 calls "everything": a shallow mirror is made whole.
const UNSHALLOW: i32 = i32::MAX;

/// Sees to it that the mirror holds the commit that a reference means.
pub(super) fn bring(
    repository: &Repository,
    address: &Address,
    reference: &Reference,
) -> Result<Oid, GitError> {
    let mut session = Session::open(repository, address)?;
    match revision::resolve(&address.shown(), &session.advertised, reference)? {
        Target::Ref { name, oid, peeled } => {
            if !session.holds(peeled.unwrap_or(oid)) {
                session.fetch_one(&name, &name)?;
            }
            session.peel(oid, &name)
        }
        Target::Commit(digits) => session.commit(&digits),
    }
}

struct Session<'r> {
    repository: &'r Repository,
    address: &'r Address,
    remote: Remote<'r>,
    advertised: Vec<Advertised>,
}

impl<'r> Session<'r> {
    fn open(repository: &'r Repository, address: &'r Address) -> Result<Self, GitError> {
        let refused = |error: git2::Error| refusal(address, error);
        let mut remote = repository.remote_anonymous(&address.url).map_err(refused)?;
        remote.connect(Direction::Fetch).map_err(refused)?;
        let advertised = remote
            .list()
            .map_err(refused)?
            .iter()
            .map(|head| Advertised { name: head.name().to_owned(), oid: head.oid() })
            .collect();
        Ok(Self { repository, address, remote, advertised })
    }

    /// Whether a commit and its tree are here. Packs are complete or absent, so the rest is too.
    fn holds(&self, oid: Oid) -> bool {
        self.repository.find_commit(oid).is_ok_and(|commit| commit.tree().is_ok())
    }

    /// The commit that an object is, or that a tag names.
    fn peel(&self, oid: Oid, name: &str) -> Result<Oid, GitError> {
        let damaged = |source| GitError::Mirror { folder: self.repository.path().into(), source };
        let object = match self.advertised_commit(name) {
            Some(commit) if self.holds(commit) => return Ok(commit),
            _ => self.repository.find_object(oid, None).map_err(damaged)?,
        };
        let commit =
            object.peel_to_commit().map_err(|_| GitError::NotACommit { name: name.to_owned() })?;
        commit.tree().map_err(damaged)?;
        Ok(commit.id())
    }

    fn advertised_commit(&self, name: &str) -> Option<Oid> {
        let peeled = format!("{name}^{{}}");
        self.advertised.iter().find(|head| head.name == peeled).map(|head| head.oid)
    }

    /// The commit that hex digits name, whether or not a branch or a tag points at it.
    fn commit(&mut self, digits: &str) -> Result<Oid, GitError> {
        if let Some(oid) = self.known(digits)? {
            return Ok(oid);
        }
        let whole = digits.len() == FULL;
        let tip = self.advertised.iter().find(|head| head.oid.to_string().starts_with(digits));
        if whole && let Some(tip) = tip.map(|head| head.name.clone()) {
            self.fetch_one(tip.trim_end_matches("^{}"), digits)?;
        } else if !(whole && self.fetch_one(digits, digits).is_ok()) {
            // Not every server, and no local transport, gives out a commit by its id alone.
            self.fetch_all()?;
        }
        self.known(digits)?
            .ok_or_else(|| revision::no_revision(&self.address.shown(), &self.advertised, digits))
    }

    /// The commit here that digits name.
    fn known(&self, digits: &str) -> Result<Option<Oid>, GitError> {
        let bad = |_| GitError::BadReference { name: digits.to_owned() };
        let oid = Oid::from_str(digits).map_err(bad)?;
        if digits.len() == FULL {
            return Ok(Some(oid).filter(|oid| self.holds(*oid)));
        }
        let odb = self
            .repository
            .odb()
            .map_err(|source| GitError::Mirror { folder: self.repository.path().into(), source })?;
        match odb.exists_prefix(oid, digits.len()) {
            Ok(oid) if self.holds(oid) => Ok(Some(oid)),
            Err(error) if error.code() == git2::ErrorCode::Ambiguous => Err(GitError::Ambiguous {
                name: digits.to_owned(),
                what: "more than one object's id begins with it".to_owned(),
            }),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Fetches one reference or commit, as little of its history as the transport allows. It is kept
    /// under a name made of its own, so that no name can stand in the way of another.
    fn fetch_one(&mut self, source: &str, name: &str) -> Result<(), GitError> {
        let kept = Digest::of_bytes(name.as_bytes()).short();
        let refspec = format!("+{source}:refs/cleat/{kept}");
        let depth = (self.address.transport == Transport::Wire).then_some(1);
        self.transfer(&[refspec], depth)
    }

    /// Fetches every branch and tag with all of their history.
    fn fetch_all(&mut self) -> Result<(), GitError> {
        let refspecs = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/cleat/{kind}/*"));
        let depth = self.repository.is_shallow().then_some(UNSHALLOW);
        match self.transfer(&refspecs, depth) {
            Err(GitError::Unreachable { cause, .. })
                if cause.class() == git2::ErrorClass::Reference =>
            {
                // A branch `a` that became `a/b`: the old names stand in the way of the new.
                self.forget()?;
                self.transfer(&refspecs, depth)
            }
            other => other,
        }
    }

    fn forget(&self) -> Result<(), GitError> {
        let damaged = |source| GitError::Mirror { folder: self.repository.path().into(), source };
        for kept in self.repository.references_glob("refs/cleat/*").map_err(damaged)? {
            kept.and_then(|mut kept| kept.delete()).map_err(damaged)?;
        }
        Ok(())
    }

    fn transfer(&mut self, refspecs: &[String], depth: Option<i32>) -> Result<(), GitError> {
        let mut exceeded = false;
        let result = {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.transfer_progress(|progress| {
                exceeded = progress.received_bytes() >> 20 > MOST_MEBIBYTES;
                !exceeded
            });
            let mut options = FetchOptions::new();
            options
                .remote_callbacks(callbacks)
                .download_tags(AutotagOption::None)
                .update_fetchhead(false);
            if let Some(depth) = depth {
                options.depth(depth);
            }
            self.remote.fetch(refspecs, Some(&mut options), None)
        };
        match result {
            Err(_) if exceeded => {
                Err(GitError::TooLarge { url: self.address.shown(), most: MOST_MEBIBYTES })
            }
            Err(source) => Err(refusal(self.address, source)),
            Ok(()) => Ok(()),
        }
    }
}

/// What libgit2's refusal means.
fn refusal(address: &Address, source: git2::Error) -> GitError {
    let url = address.shown();
    if source.code() == git2::ErrorCode::Owner {
        return GitError::NotTrusted { url };
    }
    let local = address.transport == Transport::Local;
    // What libgit2 says of a path where nothing is, and of such a file:// URL.
    let nowhere = ["unsupported URL protocol", "failed to resolve path"];
    if local && nowhere.iter().any(|said| source.message().starts_with(said)) {
        return GitError::NoRepository { url, why: "nothing is there".to_owned() };
    }
    if local
        && (source.code() == git2::ErrorCode::NotFound
            || source.message().starts_with("could not find repository"))
        || source.message().starts_with("remote error")
    {
        return GitError::NoRepository { url, why: source.message().to_owned() };
    }
    GitError::Unreachable { url, cause: source }
}
