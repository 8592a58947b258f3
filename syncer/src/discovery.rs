//! What kinds the server serves, and under which paths.
//!
//! Two requests tell it all (aggregated discovery, `apidiscovery.k8s.io`); a server without that is
//! asked group by group. A definition that this run applies is asked for again once it is established.

use std::collections::{BTreeMap, BTreeSet};

use merge::GroupVersionKind;
use serde_json::Value;

use crate::client::{Call, Client, RequestError};

/// What we accept, newest first; a server that knows none of the aggregated forms answers the last.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// One served kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The kind, with the version it is served in.
    pub gvk: GroupVersionKind,
    /// The name in paths.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What may be done with it.
    pub verbs: Vec<String>,
}

/// The kinds of one server.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    kinds: BTreeMap<GroupVersionKind, Resource>,
    /// The versions of a group, the server's preference first.
    versions: BTreeMap<String, Vec<String>>,
    /// The groups and versions of aggregated APIs whose own servers do not answer.
    away: BTreeSet<String>,
}

impl Resource {
    /// The path of one object, or of the collection without a name.
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = if self.gvk.group.is_empty() { "/api/" } else { "/apis/" }.to_owned();
        path.push_str(&self.gvk.api_version());
        if let (true, Some(namespace)) = (self.namespaced, namespace) {
            path.push_str("/namespaces/");
            path.push_str(&escaped(namespace));
        }
        path.push('/');
        path.push_str(&self.plural);
        if let Some(name) = name {
            path.push('/');
            path.push_str(&escaped(name));
        }
        path
    }

    /// Whether a verb is served.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// A path segment or query value, percent-encoded (RBAC names may hold `:`, and input may hold anything).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            let pair = [digit(byte >> 4), digit(byte & 15)].map(|it| it.to_ascii_uppercase());
            out.push('%');
            out.extend(pair);
        }
    }
    out
}

impl Discovery {
    /// Asks the server.
    pub async fn read(client: &Client) -> Result<Self, RequestError> {
        let mut discovery = Self::default();
        let (core, groups) = futures::try_join!(ask(client, "/api"), ask(client, "/apis"))?;
        for answer in [core, groups] {
            if answer.get("kind").and_then(Value::as_str) == Some("APIGroupDiscoveryList") {
                discovery.add_aggregated(&answer);
            } else {
                discovery.add_plain(client, &answer).await?;
            }
        }
        Ok(discovery)
    }

    /// Asks again for one group and version, after a definition was established.
    pub async fn refresh(
        &mut self,
        client: &Client,
        gvk: &GroupVersionKind,
    ) -> Result<(), RequestError> {
        let path = group_path(&gvk.api_version());
        let list = ask(client, &path).await?;
        self.add_resource_list(&gvk.api_version(), &list);
        Ok(())
    }

    /// The resource of a kind in exactly this version.
    pub fn resource(&self, gvk: &GroupVersionKind) -> Option<&Resource> {
        self.kinds.get(gvk)
    }

    /// The resource of a kind in the version the server prefers.
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.versions.get(group)?.iter().find_map(|version| {
            self.kinds.get(&GroupVersionKind {
                group: group.to_owned(),
                version: version.clone(),
                kind: kind.to_owned(),
            })
        })
    }

    /// The resource of a kind in this version or, where that is not served, in the preferred one.
    pub fn served(&self, gvk: &GroupVersionKind) -> Option<&Resource> {
        self.resource(gvk).or_else(|| self.preferred(&gvk.group, &gvk.kind))
    }

    /// The APIService that would have to be there for a kind to be known: nobody can say whether a kind
    /// exists while the server of its group and version does not answer.
    pub fn away(&self, gvk: &GroupVersionKind) -> Option<String> {
        if self.kinds.contains_key(gvk) || !self.away.contains(&gvk.api_version()) {
            return None;
        }
        Some(format!("{}.{}", gvk.version, gvk.group))
    }

    /// The versions in which the server serves a kind.
    pub fn served_versions(&self, group: &str, kind: &str) -> Vec<String> {
        self.kinds
            .keys()
            .filter(|known| known.group == group && known.kind == kind)
            .map(GroupVersionKind::api_version)
            .collect()
    }

    /// Every kind of the server.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.kinds.values()
    }

    /// A server of these kinds, all of them namespaced.
    #[cfg(test)]
    pub(crate) fn of_kinds(kinds: &[(&str, &str)]) -> Self {
        let mut discovery = Self::default();
        for (api_version, kind) in kinds {
            let resource = serde_json::json!({"name": format!("{}s", kind.to_lowercase()),
                "kind": kind, "namespaced": true, "verbs": ["list", "watch"]});
            let list = serde_json::json!({"resources": [resource]});
            discovery.add_resource_list(api_version, &list);
        }
        discovery
    }

    fn add(&mut self, resource: Resource) {
        let versions = self.versions.entry(resource.gvk.group.clone()).or_default();
        if !versions.contains(&resource.gvk.version) {
            versions.push(resource.gvk.version.clone());
        }
        self.kinds.entry(resource.gvk.clone()).or_insert(resource);
    }

    /// `APIGroupDiscoveryList`: groups, their versions in order of preference, their resources.
    fn add_aggregated(&mut self, list: &Value) {
        for group in array(list, "items") {
            let name = text(group.get("metadata").unwrap_or(&Value::Null), "name");
            for version in array(group, "versions") {
                // kube-aggregator, `pkg/apiserver/handler_discovery.go`: an APIService that cannot be
                // asked is listed as stale, with what it served before, or with nothing.
                if text(version, "freshness") == "Stale" {
                    self.away.insert(api_version(name, text(version, "version")));
                }
                for resource in array(version, "resources") {
                    let Some(response) = resource.get("responseKind") else { continue };
                    let kind = text(response, "kind");
                    let plural = text(resource, "resource");
                    if kind.is_empty() || plural.is_empty() {
                        continue;
                    }
                    let of = |field: &str, otherwise: &str| {
                        let own = text(response, field);
                        if own.is_empty() { otherwise.to_owned() } else { own.to_owned() }
                    };
                    // A response kind of another group (Scale, say) belongs to subresources alone.
                    self.add(Resource {
                        gvk: GroupVersionKind {
                            group: of("group", name),
                            version: of("version", text(version, "version")),
                            kind: kind.to_owned(),
                        },
                        plural: plural.to_owned(),
                        namespaced: text(resource, "scope") == "Namespaced",
                        verbs: strings(resource, "verbs"),
                    });
                }
            }
        }
    }

    /// `APIVersions` or `APIGroupList`: one more request a group and version.
    async fn add_plain(&mut self, client: &Client, list: &Value) -> Result<(), RequestError> {
        let core = strings(list, "versions");
        let groups = array(list, "groups").iter().flat_map(|group| {
            let preferred =
                text(group.get("preferredVersion").unwrap_or(&Value::Null), "groupVersion");
            let others =
                array(group, "versions").iter().map(|version| text(version, "groupVersion"));
            std::iter::once(preferred).chain(others.filter(move |other| *other != preferred))
        });
        let versions: Vec<String> =
            core.into_iter().chain(groups.map(str::to_owned)).filter(|gv| !gv.is_empty()).collect();
        let asked = versions
            .iter()
            .map(|version| async move { (version, ask(client, &group_path(version)).await) });
        for (version, answer) in futures::future::join_all(asked).await {
            match answer {
                Ok(list) => self.add_resource_list(version, &list),
                // An aggregated API whose server is away hides only its own kinds.
                Err(error) if error.code().is_some_and(|code| code != 401) => {
                    tracing::warn!(version, %error, "a group cannot be discovered");
                    self.away.insert(version.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `APIResourceList` of one group and version.
    fn add_resource_list(&mut self, api_version: &str, list: &Value) {
        for resource in array(list, "resources") {
            let (name, kind) = (text(resource, "name"), text(resource, "kind"));
            if name.is_empty() || kind.is_empty() || name.contains('/') {
                continue;
            }
            self.add(Resource {
                gvk: GroupVersionKind::new(api_version, kind),
                plural: name.to_owned(),
                namespaced: resource.get("namespaced").and_then(Value::as_bool) == Some(true),
                verbs: strings(resource, "verbs"),
            });
        }
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn group_path(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}

async fn ask(client: &Client, path: &str) -> Result<Value, RequestError> {
    let mut call = Call::get(format!("discover the server's kinds at {path}"), path);
    call.accept = Some(AGGREGATED);
    client.call(call).await
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn strings(value: &Value, field: &str) -> Vec<String> {
    array(value, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn aggregated() -> Discovery {
        let mut discovery = Discovery::default();
        discovery.add_aggregated(&json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "configmaps", "scope": "Namespaced", "verbs": ["get", "list"],
                 "responseKind": {"group": "", "version": "", "kind": "ConfigMap"}},
                {"resource": "namespaces", "scope": "Cluster", "verbs": ["get"],
                 "responseKind": {"kind": "Namespace"}}]}]},
            {"metadata": {"name": "autoscaling"}, "versions": [
                {"version": "v2", "resources": [{"resource": "horizontalpodautoscalers",
                    "scope": "Namespaced", "verbs": [],
                    "responseKind": {"group": "autoscaling", "version": "v2",
                                     "kind": "HorizontalPodAutoscaler"}}]},
                {"version": "v1", "resources": [{"resource": "horizontalpodautoscalers",
                    "scope": "Namespaced", "verbs": [],
                    "responseKind": {"kind": "HorizontalPodAutoscaler"}}]}]}]}));
        discovery
    }

    #[test]
    fn paths_are_the_servers() {
        let discovery = aggregated();
        let maps = discovery.resource(&GroupVersionKind::new("v1", "ConfigMap")).unwrap();
        assert_eq!(maps.path(Some("shop"), Some("a")), "/api/v1/namespaces/shop/configmaps/a");
        assert_eq!(maps.path(None, None), "/api/v1/configmaps");
        let namespaces = discovery.resource(&GroupVersionKind::new("v1", "Namespace")).unwrap();
        assert_eq!(namespaces.path(Some("shop"), Some("shop")), "/api/v1/namespaces/shop");
        assert!(maps.can("list") && !maps.can("watch"));
    }

    #[test]
    fn names_are_escaped_in_paths() {
        let discovery = aggregated();
        let maps = discovery.resource(&GroupVersionKind::new("v1", "ConfigMap")).unwrap();
        assert_eq!(
            maps.path(Some("shop"), Some("a/../b?c")),
            "/api/v1/namespaces/shop/configmaps/a%2F..%2Fb%3Fc"
        );
    }

    #[test]
    fn the_servers_preferred_version_comes_first() {
        let discovery = aggregated();
        let preferred = discovery.preferred("autoscaling", "HorizontalPodAutoscaler").unwrap();
        assert_eq!(preferred.gvk.version, "v2");
        assert_eq!(
            discovery.served_versions("autoscaling", "HorizontalPodAutoscaler"),
            ["autoscaling/v1", "autoscaling/v2"]
        );
        assert!(discovery.preferred("apps", "Deployment").is_none());
    }

    #[test]
    fn a_kind_whose_server_is_away_is_not_a_kind_that_does_not_exist() {
        let mut discovery = aggregated();
        discovery.add_aggregated(&json!({"items": [
            {"metadata": {"name": "shop.example"}, "versions": [
                {"version": "v1", "freshness": "Stale", "resources": []},
                {"version": "v2", "freshness": "Current", "resources": []}]}]}));
        let away = |version| discovery.away(&GroupVersionKind::new(version, "Basket"));
        assert_eq!(away("shop.example/v1").as_deref(), Some("v1.shop.example"));
        assert_eq!(away("shop.example/v2"), None, "its server answers: there is no such kind");
        assert_eq!(away("blog.example/v1"), None);
    }

    #[test]
    fn a_plain_resource_list_leaves_subresources_out() {
        let mut discovery = Discovery::default();
        discovery.add_resource_list(
            "apps/v1",
            &json!({"resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["get"]},
            {"name": "deployments/scale", "kind": "Scale", "group": "autoscaling"}]}),
        );
        assert_eq!(discovery.resources().count(), 1);
    }
}
