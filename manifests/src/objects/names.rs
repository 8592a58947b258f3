//! The syntax of names, as the API server checks it (k8s.io/apimachinery/pkg/util/validation and
//! pkg/api/validation/path).

/// A DNS-1123 label is no longer.
const LONGEST_LABEL: usize = 63;
/// A DNS-1123 subdomain is no longer.
const LONGEST_SUBDOMAIN: usize = 253;

/// What is wrong with an object's name, in words that follow it. Most kinds want a DNS subdomain;
/// namespaces a label; roles, and what aggregated servers define for themselves, only what may stand
/// in a URL's path.
pub(crate) fn fault_of_name(api_version: &str, kind: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".to_owned());
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "Namespace") => fault_of_label(name),
        ("rbac.authorization.k8s.io" | "certificates.k8s.io" | "apiregistration.k8s.io", _)
        | ("networking.k8s.io", "IPAddress") => fault_of_segment(name),
        (group, _) if group.ends_with(".openshift.io") => fault_of_segment(name),
        _ => fault_of_subdomain(name),
    }
}

/// What is wrong with a DNS-1123 label.
pub(crate) fn fault_of_label(name: &str) -> Option<String> {
    if name.len() > LONGEST_LABEL {
        return Some(format!("is longer than {LONGEST_LABEL} characters"));
    }
    (!is_label(name)).then(|| {
        "is not a DNS label: lower-case letters, digits and `-`, a letter or digit at both ends"
            .to_owned()
    })
}

fn fault_of_subdomain(name: &str) -> Option<String> {
    if name.len() > LONGEST_SUBDOMAIN {
        return Some(format!("is longer than {LONGEST_SUBDOMAIN} characters"));
    }
    (!is_subdomain(name)).then(|| {
        "is not a DNS name: lower-case letters, digits, `-` and `.`, a letter or digit at both ends"
            .to_owned()
    })
}

fn fault_of_segment(name: &str) -> Option<String> {
    if matches!(name, "." | "..") || name.contains(['/', '%']) || name.contains(char::is_control) {
        return Some("cannot stand in a path: `/`, `%`, `.` and `..` are not allowed".to_owned());
    }
    None
}

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = label.as_bytes();
    bytes.iter().all(|byte| sound(*byte) || *byte == b'-')
        && bytes.first().is_some_and(|byte| sound(*byte))
        && bytes.last().is_some_and(|byte| sound(*byte))
}

/// `v1` or `apps/v1`.
pub(crate) fn is_api_version(text: &str) -> bool {
    match text.split_once('/') {
        Some((group, version)) => is_subdomain(group) && is_label(version),
        None => is_label(text),
    }
}

/// A kind is a DNS label in any case.
pub(crate) fn is_kind(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_label(&text.to_ascii_lowercase())
}
