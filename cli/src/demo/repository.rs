//! The demo's Git repository: the example shop of `deploy/examples/shop`, and the commits the story
//! makes on it.

use std::path::Path;

use sandbox::remote::{Message, Remote, RemoteError};

/// The files of the example, by their path in the repository.
const SHOP: &[(&str, &str)] = &[
    ("base/config.yaml", include_str!("../../../deploy/examples/shop/base/config.yaml")),
    ("base/namespace.yaml", include_str!("../../../deploy/examples/shop/base/namespace.yaml")),
    ("data/database.yaml", include_str!("../../../deploy/examples/shop/data/database.yaml")),
    ("web/banner.yaml", include_str!("../../../deploy/examples/shop/web/banner.yaml")),
    ("web/web.yaml", include_str!("../../../deploy/examples/shop/web/web.yaml")),
];

/// A remote with the shop's files, nothing committed yet.
pub fn shop(folder: &Path) -> Result<Remote, RemoteError> {
    let mut remote = Remote::create(folder)?;
    for (path, text) in SHOP {
        remote.write(path, *text);
    }
    Ok(remote)
}

/// A commit of the story.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The full commit id.
    pub id: String,
    /// The first line of its message.
    pub subject: &'static str,
}

impl Commit {
    /// Commits what a remote has now.
    pub fn of(
        remote: &Remote,
        author: &str,
        at: i64,
        subject: &'static str,
    ) -> Result<Self, RemoteError> {
        Ok(Self { id: remote.commit(Message { author, at, subject })?, subject })
    }

    /// The first seven digits, as Git's own tools show an id.
    pub fn short(&self) -> &str {
        self.id.get(..7).unwrap_or(&self.id)
    }
}
