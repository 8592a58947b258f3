//! Include and exclude patterns. One without `/` matches a name at any depth; one with `/` matches
//! the path from the rendered folder, where `*` stays inside a folder and `**` does not.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::problem::Problem;

/// Compiled patterns.
pub(crate) struct Globs {
    names: GlobSet,
    paths: GlobSet,
    empty: bool,
}

impl Globs {
    /// Compiles patterns; each that is none is a problem that names it.
    pub fn new(patterns: &[String], problems: &mut Vec<Problem>) -> Self {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let trimmed = pattern.trim_start_matches("./").trim_end_matches('/');
            let rooted = trimmed.trim_start_matches('/');
            match GlobBuilder::new(rooted).literal_separator(true).build() {
                Ok(glob) if trimmed.contains('/') => {
                    paths.add(glob);
                }
                Ok(glob) => {
                    names.add(glob);
                }
                Err(error) => problems.push(bad(pattern, &error)),
            }
        }
        let mut build = |builder: GlobSetBuilder| {
            builder.build().unwrap_or_else(|error| {
                problems.push(bad(&patterns.join(" "), &error));
                GlobSet::empty()
            })
        };
        Self { names: build(names), paths: build(paths), empty: patterns.is_empty() }
    }

    /// Whether no pattern was given.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether a pattern matches an entry, by its name or its path below the rendered folder.
    pub fn matches(&self, path: &str, name: &str) -> bool {
        self.names.is_match(name) || self.paths.is_match(path)
    }
}

fn bad(pattern: &str, error: &globset::Error) -> Problem {
    Problem::in_file(pattern, format!("this is not a glob: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_slash_matches_names_and_one_with_a_slash_paths() {
        let mut problems = Vec::new();
        let globs = Globs::new(
            &["*.tpl.yaml".into(), "base/*.yaml".into(), "/top.yaml".into()],
            &mut problems,
        );
        assert!(problems.is_empty());
        for (path, name, expected) in [
            ("x/y/a.tpl.yaml", "a.tpl.yaml", true),
            ("base/a.yaml", "a.yaml", true),
            ("base/b/a.yaml", "a.yaml", false),
            ("x/base/a.yaml", "a.yaml", false),
            ("top.yaml", "top.yaml", true),
            ("x/top.yaml", "top.yaml", false),
        ] {
            assert_eq!(globs.matches(path, name), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_glob_is_named() {
        let mut problems = Vec::new();
        Globs::new(&["a[".into(), "b{".into()], &mut problems);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[0].file, "a[");
    }
}
