//! Which resources are served: the built-in ones, from embedded discovery, and those of installed
//! definitions. A registry is a value; installing a definition makes the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use merge::GroupVersionKind;
use merge::schema::Schemas;
use serde_json::Value;

use crate::custom::Definition;

/// What the embedded `data/discovery.json` holds: aggregated discovery of the core group and of the
/// named groups, and the answer of `/version`.
pub(crate) static DISCOVERY: LazyLock<Value> = LazyLock::new(|| {
    // A build with a broken file would serve nothing; the tests read it.
    serde_json::from_str(include_str!("data/discovery.json")).unwrap_or_default()
});

/// What names a collection in the store, whatever version it is asked for in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupResource {
    pub(crate) group: Arc<str>,
    pub(crate) plural: Arc<str>,
}

impl GroupResource {
    pub(crate) fn new(group: &str, plural: &str) -> Self {
        Self { group: group.into(), plural: plural.into() }
    }
}

/// A resource at one version.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) subresources: Vec<Subresource>,
    pub(crate) storage: GroupResource,
    /// The definition it comes from; `None` for a built-in resource.
    pub(crate) custom: Option<Arc<Definition>>,
}

/// A subresource: its name, and the kind it is read and written as.
#[derive(Debug, Clone)]
pub(crate) struct Subresource {
    pub(crate) name: String,
    pub(crate) gvk: GroupVersionKind,
    pub(crate) verbs: Vec<String>,
}

impl Resource {
    /// `deployments.apps`, or `configmaps` for the core group.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    pub(crate) fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
        }
    }

    pub(crate) fn api_version(&self) -> String {
        self.gvk().api_version()
    }

    /// The kind of its lists.
    pub(crate) fn list_kind(&self) -> String {
        let named = self.custom.as_ref().and_then(|definition| {
            definition.body.pointer("/spec/names/listKind").and_then(Value::as_str)
        });
        named.map_or_else(|| format!("{}List", self.kind), str::to_owned)
    }

    /// A stored object as this version shows it.
    pub(crate) fn present(&self, object: &Arc<Value>) -> Arc<Value> {
        crate::convert::present(self, object)
    }

    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|allowed| allowed == verb)
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether it is this built-in resource, at any version.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// Every resource that is served.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// By group, version and plural.
    resources: BTreeMap<(String, String, String), Arc<Resource>>,
    /// The versions of each group, the preferred first, in the order groups are listed in.
    groups: Vec<(String, Vec<String>)>,
    /// Schemas of everything that is served.
    pub(crate) schemas: Schemas,
}

impl Registry {
    /// The built-in resources.
    pub(crate) fn builtin() -> Self {
        let mut registry =
            Self { resources: BTreeMap::new(), groups: Vec::new(), schemas: Schemas::builtin() };
        for list in ["api", "apis"] {
            for group in items(&DISCOVERY, &[list, "items"]) {
                registry.add_group(group);
            }
        }
        registry
    }

    fn add_group(&mut self, group: &Value) {
        let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let mut versions = Vec::new();
        for entry in items(group, &["versions"]) {
            let version = text(entry, "version");
            for resource in items(entry, &["resources"]) {
                let resource = builtin_resource(name, &version, resource);
                self.insert(resource);
            }
            versions.push(version);
        }
        self.groups.push((name.to_owned(), versions));
    }

    fn insert(&mut self, resource: Resource) {
        let key = (resource.group.clone(), resource.version.clone(), resource.plural.clone());
        self.resources.insert(key, Arc::new(resource));
    }

    /// This registry with exactly these definitions installed.
    pub(crate) fn with_definitions(definitions: Vec<Arc<Definition>>) -> Self {
        let mut registry = Self::builtin();
        for definition in definitions {
            if let Ok(schemas) = registry.schemas.with_definition(&definition.body) {
                registry.schemas = schemas;
            }
            registry.install(&definition);
        }
        registry
    }

    fn install(&mut self, definition: &Arc<Definition>) {
        let versions = definition.resources();
        let listed = self.groups.iter_mut().find(|(group, _)| *group == definition.group);
        let mut all: Vec<String> = versions.iter().map(|one| one.version.clone()).collect();
        if let Some((_, known)) = listed {
            known.append(&mut all);
            known.sort_by(|one, two| crate::custom::version_order(one, two));
            known.dedup();
        } else {
            all.sort_by(|one, two| crate::custom::version_order(one, two));
            self.groups.push((definition.group.clone(), all));
        }
        for resource in versions {
            self.insert(resource);
        }
    }

    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.resources.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    pub(crate) fn groups(&self) -> &[(String, Vec<String>)] {
        &self.groups
    }

    pub(crate) fn versions(&self, group: &str) -> Option<&[String]> {
        self.groups.iter().find(|(name, _)| name == group).map(|(_, versions)| versions.as_slice())
    }

    /// Whether a group is built in: such a group answers with a `Status` where others have no page.
    pub(crate) fn is_builtin_group(group: &str) -> bool {
        group.is_empty()
            || items(&DISCOVERY, &["apis", "items"])
                .any(|entry| entry.pointer("/metadata/name").and_then(Value::as_str) == Some(group))
    }

    /// The resources of one version of a group, by plural.
    pub(crate) fn in_version<'a>(
        &'a self,
        group: &str,
        version: &str,
    ) -> impl Iterator<Item = &'a Arc<Resource>> {
        let (group, version) = (group.to_owned(), version.to_owned());
        let start = (group.clone(), version.clone(), String::new());
        self.resources
            .range(start..)
            .take_while(move |((g, v, _), _)| *g == group && *v == version)
            .map(|(_, resource)| resource)
    }
}

fn builtin_resource(group: &str, version: &str, entry: &Value) -> Resource {
    let plural = text(entry, "resource");
    let kind = entry.pointer("/responseKind/kind").and_then(Value::as_str).unwrap_or_default();
    let subresources = items(entry, &["subresources"])
        .map(|sub| {
            let of = |field: &str, otherwise: &str| {
                let pointer = format!("/responseKind/{field}");
                let value = sub.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
                if value.is_empty() { otherwise.to_owned() } else { value.to_owned() }
            };
            let foreign = sub
                .pointer("/responseKind/version")
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty());
            let own_group = if foreign { "" } else { group };
            Subresource {
                name: text(sub, "subresource"),
                gvk: GroupVersionKind {
                    group: of("group", own_group),
                    version: of("version", version),
                    kind: of("kind", kind),
                },
                verbs: texts(sub, "verbs"),
            }
        })
        .collect();
    // The two groups that events are served in are one collection.
    let storage = if group == "events.k8s.io" {
        GroupResource::new("", "events")
    } else {
        GroupResource::new(group, &plural)
    };
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        singular: text(entry, "singularResource"),
        kind: kind.to_owned(),
        namespaced: entry.get("scope").and_then(Value::as_str) == Some("Namespaced"),
        short_names: texts(entry, "shortNames"),
        categories: texts(entry, "categories"),
        verbs: texts(entry, "verbs"),
        subresources,
        storage,
        custom: None,
        plural,
    }
}

/// The elements of a list that may be missing.
pub(crate) fn items<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = &'a Value> {
    let found = path.iter().try_fold(value, |value, field| value.get(field));
    found.and_then(Value::as_array).into_iter().flatten()
}

/// A text field, empty if it is missing.
pub(crate) fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list of texts, empty if it is missing.
pub(crate) fn texts(value: &Value, field: &str) -> Vec<String> {
    items(value, &[field]).filter_map(Value::as_str).map(str::to_owned).collect()
}
