//! Symbolic links, resolved inside the tree only, also through folders that are links themselves.

use super::{Entry, ReadError, Tree};

/// Where a path leads.
#[derive(Debug)]
pub(crate) enum Found<N> {
    File(N),
    /// A folder, with its path without links.
    Folder(N, Vec<String>),
    Submodule,
    Other,
    /// Nothing stands there: the deepest folder that does, and the name it has not.
    Missing {
        folder: N,
        at: Vec<String>,
        name: String,
    },
    /// It leads out of the tree.
    Outside,
    /// It passes through too many links.
    Loop,
}

/// Follows a symbolic link of the folder whose path without links is `at`.
pub(crate) fn follow<T: Tree>(
    tree: &T,
    at: &[String],
    link: &T::Node,
    most_links: usize,
) -> Result<Found<T::Node>, ReadError> {
    let target = tree.target(link)?;
    if target.starts_with('/') {
        return Ok(Found::Outside);
    }
    resolve(tree, at, &target, most_links.saturating_sub(1))
}

/// Follows a path from the folder whose path without links is `at`.
pub(crate) fn resolve<T: Tree>(
    tree: &T,
    at: &[String],
    path: &str,
    most_links: usize,
) -> Result<Found<T::Node>, ReadError> {
    let mut stack: Vec<(T::Node, String)> = Vec::new();
    let top = tree.root();
    let mut left: Vec<String> = parts(path);
    left.extend(at.iter().rev().cloned());
    let mut links = 0;
    let names = |stack: &[(T::Node, String)]| -> Vec<String> {
        stack.iter().map(|(_, name)| name.clone()).collect()
    };
    while let Some(part) = left.pop() {
        let folder = stack.last().map_or(&top, |(node, _)| node).clone();
        if part == ".." {
            if stack.pop().is_none() {
                return Ok(Found::Outside);
            }
            continue;
        }
        match tree.entry(&folder, &part)? {
            Some(Entry::Folder(node)) => stack.push((node, part)),
            Some(Entry::File(node)) if left.is_empty() => return Ok(Found::File(node)),
            Some(Entry::Link(node)) => {
                links += 1;
                if links > most_links {
                    return Ok(Found::Loop);
                }
                let target = tree.target(&node)?;
                if target.starts_with('/') {
                    return Ok(Found::Outside);
                }
                left.extend(parts(&target));
            }
            Some(Entry::Submodule) => return Ok(Found::Submodule),
            Some(Entry::Other) => return Ok(Found::Other),
            Some(Entry::File(_)) | None => {
                return Ok(Found::Missing { folder, at: names(&stack), name: part });
            }
        }
    }
    let at = names(&stack);
    Ok(Found::Folder(stack.pop().map_or(top, |(node, _)| node), at))
}

/// A path's parts, the last first.
fn parts(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect()
}
