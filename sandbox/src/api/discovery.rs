//! Discovery: which groups, versions and resources there are, in the old form (a document a level) and
//! in the aggregated one (two documents for everything), chosen by `Accept` as kube-apiserver 1.28 does.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::Call;
use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::registry::{DISCOVERY, Registry, Resource};

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

const NOT_ACCEPTABLE: &str = "only the following media types are accepted: application/json, \
                              application/yaml, application/vnd.kubernetes.protobuf";

/// Answers every path that is about no resource.
pub(crate) fn answer(call: &Call, registry: &Registry) -> Result<Answer, Refusal> {
    let path = call.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if !matches!(call.method.as_str(), "GET" | "HEAD") {
        return Err(Refusal::page_not_found());
    }
    match segments.as_slice() {
        [] | [""] => Ok(Answer::json(200, &root(registry))),
        ["version"] => Ok(Answer::json(200, DISCOVERY.get("version").unwrap_or(&Value::Null))),
        ["api"] => match form(call)? {
            Form::Aggregated => Ok(aggregated(DISCOVERY.get("api").unwrap_or(&Value::Null))),
            Form::Plain => Ok(Answer::json(200, &core_versions())),
        },
        ["apis"] => match form(call)? {
            Form::Aggregated => Ok(aggregated(&aggregated_groups(registry))),
            Form::Plain => {
                let groups: Vec<Value> = registry
                    .groups()
                    .iter()
                    .filter(|(name, _)| !name.is_empty())
                    .map(|(name, versions)| group(name, versions))
                    .collect();
                let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
                Ok(Answer::json(200, &list))
            }
        },
        ["apis", name] => {
            let versions = registry.versions(name).ok_or_else(Refusal::page_not_found)?;
            let mut body = group(name, versions);
            if let Value::Object(map) = &mut body {
                map.insert("kind".to_owned(), json!("APIGroup"));
                map.insert("apiVersion".to_owned(), json!("v1"));
            }
            Ok(Answer::json(200, &body))
        }
        ["api", version] => resources(registry, "", version),
        ["apis", name, version] => resources(registry, name, version),
        _ => Err(Refusal::page_not_found()),
    }
}

enum Form {
    Aggregated,
    Plain,
}

/// The first acceptable form. Aggregated discovery `v2` is younger than the server that is played
/// here, so a client that accepts nothing else is refused, as it would be.
fn form(call: &Call) -> Result<Form, Refusal> {
    if call.accept.is_empty() {
        return Ok(Form::Plain);
    }
    for accepted in call.accept.split(',') {
        let mut parts = accepted.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<&str> = parts.collect();
        if !matches!(media, "application/json" | "application/*" | "*/*") {
            continue;
        }
        if !parameters.iter().any(|parameter| parameter.starts_with("as=")) {
            return Ok(Form::Plain);
        }
        let wanted = ["as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2beta1"];
        if wanted.iter().all(|parameter| parameters.contains(parameter)) {
            return Ok(Form::Aggregated);
        }
    }
    Err(Refusal::not_acceptable(NOT_ACCEPTABLE))
}

fn aggregated(body: &Value) -> Answer {
    let etag = hex_upper(&Sha512::digest(body.to_string()));
    Answer::json(200, body)
        .header("content-type", AGGREGATED)
        .header("cache-control", "public")
        .header("vary", "Accept")
        .header("etag", &format!("\"{etag}\""))
}

/// Upper-case hex: the form of a document's hash.
pub(super) fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn core_versions() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    })
}

fn group(name: &str, versions: &[String]) -> Value {
    let of =
        |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(of).collect();
    json!({"name": name, "preferredVersion": versions.first(), "versions": versions})
}

fn resources(registry: &Registry, group: &str, version: &str) -> Result<Answer, Refusal> {
    if !registry.versions(group).is_some_and(|known| known.iter().any(|one| one == version)) {
        return Err(if Registry::is_builtin_group(group) {
            Refusal::no_resource()
        } else {
            Refusal::page_not_found()
        });
    }
    let mut list = Vec::new();
    for resource in registry.in_version(group, version) {
        list.push(plain_resource(resource));
        list.extend(plain_subresources(resource));
    }
    let group_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut body = json!({
        "kind": "APIResourceList", "groupVersion": group_version, "resources": list,
    });
    if let (false, Value::Object(map)) = (group.is_empty(), &mut body) {
        map.insert("apiVersion".to_owned(), json!("v1"));
    }
    Ok(Answer::json(200, &body))
}

fn plain_resource(resource: &Resource) -> Value {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(resource.plural));
    entry.insert("singularName".to_owned(), json!(resource.singular));
    entry.insert("namespaced".to_owned(), json!(resource.namespaced));
    entry.insert("kind".to_owned(), json!(resource.kind));
    entry.insert("verbs".to_owned(), json!(resource.verbs));
    if !resource.short_names.is_empty() {
        entry.insert("shortNames".to_owned(), json!(resource.short_names));
    }
    if !resource.categories.is_empty() {
        entry.insert("categories".to_owned(), json!(resource.categories));
    }
    Value::Object(entry)
}

fn plain_subresources(resource: &Resource) -> impl Iterator<Item = Value> {
    resource.subresources.iter().map(|subresource| {
        let mut entry = Map::new();
        let name = format!("{}/{}", resource.plural, subresource.name);
        entry.insert("name".to_owned(), json!(name));
        entry.insert("singularName".to_owned(), json!(""));
        entry.insert("namespaced".to_owned(), json!(resource.namespaced));
        entry.insert("kind".to_owned(), json!(subresource.gvk.kind));
        entry.insert("verbs".to_owned(), json!(subresource.verbs));
        if subresource.gvk.group != resource.group || subresource.gvk.version != resource.version {
            entry.insert("group".to_owned(), json!(subresource.gvk.group));
            entry.insert("version".to_owned(), json!(subresource.gvk.version));
        }
        Value::Object(entry)
    })
}

/// The recorded groups, then those of definitions.
fn aggregated_groups(registry: &Registry) -> Value {
    let mut body = DISCOVERY.get("apis").cloned().unwrap_or_default();
    let custom: Vec<Value> = registry
        .groups()
        .iter()
        .filter(|(name, _)| !Registry::is_builtin_group(name))
        .map(|(name, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| aggregated_version(registry, name, version))
                .collect();
            json!({"metadata": {"name": name, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.extend(custom);
    }
    body
}

fn aggregated_version(registry: &Registry, group: &str, version: &str) -> Value {
    let resources: Vec<Value> =
        registry.in_version(group, version).map(|resource| aggregated_resource(resource)).collect();
    json!({"version": version, "resources": resources, "freshness": "Current"})
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |gvk: &merge::GroupVersionKind| json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind});
    let mut entry = Map::new();
    entry.insert("resource".to_owned(), json!(resource.plural));
    entry.insert("responseKind".to_owned(), kind(&resource.gvk()));
    let scope = if resource.namespaced { "Namespaced" } else { "Cluster" };
    entry.insert("scope".to_owned(), json!(scope));
    entry.insert("singularResource".to_owned(), json!(resource.singular));
    entry.insert("verbs".to_owned(), json!(resource.verbs));
    if !resource.short_names.is_empty() {
        entry.insert("shortNames".to_owned(), json!(resource.short_names));
    }
    if !resource.categories.is_empty() {
        entry.insert("categories".to_owned(), json!(resource.categories));
    }
    if !resource.subresources.is_empty() {
        let subresources: Vec<Value> = resource
            .subresources
            .iter()
            .map(|one| {
                json!({"subresource": one.name, "responseKind": kind(&one.gvk), "verbs": one.verbs})
            })
            .collect();
        entry.insert("subresources".to_owned(), json!(subresources));
    }
    Value::Object(entry)
}

/// Every path there is something at.
fn root(registry: &Registry) -> Value {
    let mut paths: Vec<String> =
        ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned)
            .to_vec();
    for (group, versions) in registry.groups() {
        let base = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        paths.extend(versions.iter().map(|version| format!("{base}/{version}")));
        if !group.is_empty() {
            paths.push(base);
        }
    }
    paths.sort();
    json!({ "paths": paths })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::items;

    #[test]
    fn the_embedded_discovery_is_the_recorded_one() {
        let read = |name: &str| crate::recorded::case(&format!("discovery/{name}"));
        let aggregated = read("aggregated-v2beta1.json.gz");
        let of_path = |path: &str| {
            items(&aggregated, &["steps"])
                .find(|step| step.pointer("/request/path").and_then(Value::as_str) == Some(path))
                .and_then(|step| step.pointer("/response/body"))
                .cloned()
        };
        assert_eq!(DISCOVERY.get("api").cloned(), of_path("/api"));
        assert_eq!(DISCOVERY.get("apis").cloned(), of_path("/apis"));
        let version = read("version.json");
        assert_eq!(DISCOVERY.get("version"), version.pointer("/steps/0/response/body"));
    }
}
