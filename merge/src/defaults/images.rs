//! The pull policy that an image's tag implies.

/// `Always` for the tag `latest`, written or implied; `IfNotPresent` for everything else, a name that
/// is no image reference included (`SetDefaults_Container` ignores the parser's error).
pub(super) fn pull_policy(image: &str) -> &'static str {
    if tag(image) == Some("latest") { "Always" } else { "IfNotPresent" }
}

/// `parsers.ParseImageName`: a reference with neither tag nor digest has the tag `latest`.
fn tag(image: &str) -> Option<&str> {
    let (named, digest) =
        image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last_component = named.rfind('/').map_or(0, |slash| slash + 1);
    let colon = named.get(last_component..)?.find(':').map(|colon| last_component + colon);
    let (name, tag) = match colon {
        Some(colon) => (named.get(..colon)?, named.get(colon + 1..)),
        None => (named, None),
    };
    if !is_name(name) || !tag.is_none_or(is_tag) {
        return None;
    }
    match (tag, digest) {
        (Some(tag), _) => Some(tag),
        (None, Some(_)) => None,
        (None, None) => Some("latest"),
    }
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && !tag.starts_with(['.', '-'])
        && !tag.is_empty()
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A registry's host first, if there is one, may hold capitals and a port; the path is lower case.
fn is_name(name: &str) -> bool {
    let mut components = name.split('/').peekable();
    let host_first = name.contains('/')
        && components.peek().is_some_and(|first| {
            *first == "localhost" || first.contains(['.', ':']) || first.to_lowercase() != **first
        });
    if host_first {
        components.next();
    }
    components.all(|component| {
        !component.is_empty()
            && !component.starts_with(['.', '-', '_'])
            && !component.ends_with(['.', '-', '_'])
            && component.chars().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::pull_policy;

    #[test]
    fn the_tag_decides() {
        let digest = format!("web@sha256:{}", "a".repeat(64));
        for (image, policy) in [
            ("web", "Always"),
            ("web:latest", "Always"),
            ("registry.example:5000/shop/web", "Always"),
            ("registry.example:5000/shop/web:1.2", "IfNotPresent"),
            ("Registry.example/web", "Always"),
            ("web:1", "IfNotPresent"),
            (digest.as_str(), "IfNotPresent"),
            ("web:latest@sha256:0", "Always"),
            ("", "IfNotPresent"),
            ("Web", "IfNotPresent"),
            ("web:", "IfNotPresent"),
            ("shop//web", "IfNotPresent"),
            ("ex ample", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
