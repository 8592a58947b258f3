//! A request, read: what it is about, and every parameter a handler may ask for.

use bytes::Bytes;
use http::request::Parts;

use crate::request::{Request, Verb};

/// One API call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    raw_query: String,
    query: Vec<(String, String)>,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    user_agent: String,
    /// What a resource path names; `None` for every other path.
    pub(crate) target: Option<Target>,
    pub(crate) body: Bytes,
}

/// What a resource path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// `/api/v1/watch/…`, the old spelling of `?watch=true`.
    pub(crate) watch_path: bool,
}

impl Target {
    /// Reads `/api/V/…` and `/apis/G/V/…` as the server does
    /// (`k8s.io/apiserver/pkg/endpoints/request.RequestInfoFactory`).
    fn parse(path: &str) -> Option<Self> {
        let mut segments: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        segments.reverse();
        let (group, version) = match segments.pop()?.as_str() {
            "api" => (String::new(), segments.pop()?),
            "apis" => (segments.pop()?, segments.pop()?),
            _ => return None,
        };
        let mut first = segments.pop()?;
        let watch_path = first == "watch" && !segments.is_empty();
        if watch_path {
            first = segments.pop()?;
        }
        let mut namespace = None;
        let plural = if first == "namespaces" && segments.len() >= 2 {
            let name = segments.pop()?;
            let next = segments.pop()?;
            // The namespace's own subresources.
            if group.is_empty() && segments.is_empty() && matches!(&*next, "status" | "finalize") {
                return Some(Self {
                    group,
                    version,
                    plural: first,
                    namespace: None,
                    name: Some(name),
                    subresource: Some(next),
                    watch_path,
                });
            }
            namespace = Some(name);
            next
        } else {
            first
        };
        let name = segments.pop();
        segments.reverse();
        let subresource = (!segments.is_empty()).then(|| segments.join("/"));
        Some(Self { group, version, plural, namespace, name, subresource, watch_path })
    }
}

impl Call {
    /// Reads everything but the body.
    pub(crate) fn parse(parts: &Parts) -> Self {
        let header = |name: http::HeaderName| {
            let values: Vec<&str> = parts
                .headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .collect();
            values.join(",")
        };
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = raw_query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
            })
            .collect();
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            raw_query,
            query,
            accept: header(http::header::ACCEPT),
            content_type: header(http::header::CONTENT_TYPE),
            user_agent: header(http::header::USER_AGENT),
            target: Target::parse(parts.uri.path()),
            body: Bytes::new(),
        }
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.parameter(name).filter(|value| !value.is_empty())
    }

    /// A boolean parameter; everything but `false` and `0` means yes, as the server reads it.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| !matches!(value, "false" | "0"))
    }

    /// The media type of the body, without its parameters.
    pub(crate) fn media_type(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }

    /// Whether this asks for a stream.
    pub(crate) fn is_watch(&self) -> bool {
        self.flag("watch") || self.target.as_ref().is_some_and(|target| target.watch_path)
    }

    /// The manager of the fields this call writes: the parameter, or the user agent up to its first
    /// slash (`k8s.io/apiserver/pkg/endpoints/handlers.managerOrUserAgent`).
    pub(crate) fn manager(&self) -> String {
        let name = match self.text("fieldManager") {
            Some(name) => name,
            None => self.user_agent.split('/').next().unwrap_or_default(),
        };
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(128).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    }

    /// The call as a stream keeps it: without its body.
    pub(crate) fn without_body(&self) -> Self {
        Self { body: Bytes::new(), ..self.clone() }
    }

    /// What it asks of a resource.
    pub(crate) fn verb(&self) -> Verb {
        let Some(target) = &self.target else { return Verb::Other };
        let named = target.name.is_some();
        match self.method.as_str() {
            "GET" | "HEAD" if self.is_watch() => Verb::Watch,
            "GET" | "HEAD" if named => Verb::Get,
            "GET" | "HEAD" => Verb::List,
            "POST" => Verb::Create,
            "PUT" => Verb::Update,
            "PATCH" if self.media_type() == super::APPLY => Verb::Apply,
            "PATCH" => Verb::Patch,
            "DELETE" if named => Verb::Delete,
            "DELETE" => Verb::DeleteCollection,
            _ => Verb::Other,
        }
    }

    /// The entry of the log, but for its number and the answer's code.
    pub(crate) fn describe(&self) -> Request {
        let target = self.target.as_ref();
        Request {
            seq: 0,
            user_agent: self.user_agent.clone(),
            verb: self.verb(),
            method: self.method.to_string(),
            path: self.path.clone(),
            query: self.raw_query.clone(),
            group: target.map(|target| target.group.clone()).unwrap_or_default(),
            resource: target.map(|target| target.plural.clone()).unwrap_or_default(),
            namespace: target.and_then(|target| target.namespace.clone()),
            name: target.and_then(|target| target.name.clone()),
            subresource: target.and_then(|target| target.subresource.clone()),
            dry_run: self.text("dryRun").is_some(),
            field_manager: self.text("fieldManager").map(str::to_owned),
            code: None,
        }
    }
}

/// Undoes percent encoding; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = (byte == b'%').then(|| tail.get(..2)).flatten().and_then(hex_byte);
        if let Some(decoded) = escape {
            out.push(decoded);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Option<(String, String, Option<String>, Option<String>)> {
        let target = Target::parse(path)?;
        Some((target.plural, target.namespace.unwrap_or_default(), target.name, target.subresource))
    }

    #[test]
    fn paths_name_resources() {
        let some = |text: &str| Some(text.to_owned());
        let of = |plural: &str, namespace: &str, name, sub| {
            Some((plural.to_owned(), namespace.to_owned(), name, sub))
        };
        assert_eq!(target("/api/v1/pods"), of("pods", "", None, None));
        assert_eq!(target("/api/v1/namespaces/a"), of("namespaces", "", some("a"), None));
        assert_eq!(
            target("/api/v1/namespaces/a/finalize"),
            of("namespaces", "", some("a"), some("finalize"))
        );
        assert_eq!(
            target("/apis/apps/v1/namespaces/a/deployments/b/scale"),
            of("deployments", "a", some("b"), some("scale"))
        );
        assert_eq!(target("/api/v1/watch/namespaces/a/pods"), of("pods", "a", None, None));
        assert_eq!(target("/version"), None);
        assert_eq!(target("/apis/apps/v1"), None);
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        assert_eq!(decode("a%3Db%2"), "a=b%2");
        assert_eq!(decode("%zz%C3%A9"), "%zzé");
    }
}
