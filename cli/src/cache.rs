//! What lives between runs in a folder of this user: mirrors, one for each URL, and servers' schemas.
//! It may be deleted at any time.

use std::path::{Path, PathBuf};

use anyhow::Context;
use merge::Digest;

/// The folder of a URL's mirror. A local path is told apart by where it really is, so that the same
/// name in two places is two mirrors.
pub fn mirror_folder(cache: Option<&Path>, url: &str) -> anyhow::Result<PathBuf> {
    let cache = cache.context(
        "no folder to keep mirrors in: set XDG_CACHE_HOME or HOME, or name one by --mirror",
    )?;
    let place = std::fs::canonicalize(url).ok();
    let place = place.as_deref().and_then(Path::to_str).unwrap_or(url);
    Ok(cache.join("cleat").join("mirrors").join(Digest::of_bytes(place.as_bytes()).short()))
}

/// The folder of servers' schemas.
pub fn schema_folder(cache: &Path) -> PathBuf {
    cache.join("cleat").join("schemas")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_has_a_folder_and_a_path_is_the_same_however_it_is_written() {
        let cache = Path::new("/cache");
        let folder = |url: &str| mirror_folder(Some(cache), url).unwrap();
        assert_ne!(folder("git://host/one"), folder("git://host/two"));
        let here = std::env::current_dir().unwrap();
        assert_eq!(folder("."), folder(here.to_str().unwrap()));
        assert!(folder("git://host/one").starts_with("/cache/cleat/mirrors"));
        assert!(mirror_folder(None, "git://host/one").is_err());
    }
}
