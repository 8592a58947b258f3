//! A set of paths that is asked what lies below or above others: a question costs the depth of a path,
//! however many there are.

use std::collections::BTreeSet;

use merge::path::{Path, Segment};

/// Paths in their order, in which everything below a path comes right after it.
#[derive(Debug, Default)]
pub(super) struct Places<'a>(BTreeSet<&'a [Segment]>);

impl Places<'_> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path is one of these, or lies below one.
    pub fn hold(&self, path: &Path) -> bool {
        let segments = path.segments();
        (0..=segments.len()).any(|length| self.has(segments.get(..length)))
    }

    /// Whether a path lies below one of these.
    pub fn lie_above(&self, path: &Path) -> bool {
        let segments = path.segments();
        (0..segments.len()).any(|length| self.has(segments.get(..length)))
    }

    /// Whether one of these is this path, or lies below it.
    pub fn lie_within(&self, path: &Path) -> bool {
        let segments = path.segments();
        self.0.range(segments..).next().is_some_and(|next| next.starts_with(segments))
    }

    fn has(&self, segments: Option<&[Segment]>) -> bool {
        segments.is_some_and(|segments| self.0.contains(segments))
    }
}

impl<'a> FromIterator<&'a Path> for Places<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Path>>(paths: I) -> Self {
        Self(paths.into_iter().map(Path::segments).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_above_and_below_is_told() {
        let path = |text: &str| Path::fields(text.split('.').filter(|it| !it.is_empty()));
        let known = ["a.b", "a.b.c", "d", "e.f.g"].map(path);
        let places: Places<'_> = known.iter().collect();
        for (text, hold, above, within) in [
            ("", false, false, true),
            ("a", false, false, true),
            ("a.b", true, false, true),
            ("a.b.c", true, true, true),
            ("a.b.x", true, true, false),
            ("a.bb", false, false, false),
            ("d", true, false, true),
            ("d.x.y", true, true, false),
            ("e.f", false, false, true),
            ("e.f.h", false, false, false),
            ("z", false, false, false),
        ] {
            let path = path(text);
            let found = (places.hold(&path), places.lie_above(&path), places.lie_within(&path));
            assert_eq!(found, (hold, above, within), "{text}");
            let naive = (
                known.iter().any(|it| path.starts_with(it)),
                known.iter().any(|it| it.starts_with(&path)),
            );
            assert_eq!((found.0, found.2), naive, "{text}");
        }
        assert!(!Places::default().hold(&path("a")));
    }
}
