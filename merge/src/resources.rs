//! The built-in resources: which kind is served under which name, with which verbs and subresources.
//!
//! The table `resources/builtin.json` is generated from a recorded server's aggregated discovery. A
//! test reads the recording again and finds no difference; the ignored test `write_the_table` writes
//! it anew.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::object::GroupVersionKind;
use crate::schema::Scope;

static TABLE: &str = include_str!("resources/builtin.json");

/// The text is part of the program and a test reads it, so what cannot be read is an empty table.
static BUILTIN: LazyLock<Vec<Resource>> =
    LazyLock::new(|| serde_json::from_str(TABLE).unwrap_or_default());

/// A resource: a kind under a name in URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its kind.
    pub gvk: GroupVersionKind,
    /// Its name in URLs, `deployments`.
    pub plural: String,
    /// Its name for one object, `deployment`.
    pub singular: String,
    /// Short names, `deploy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whether its objects live in namespaces.
    pub scope: Scope,
    /// What can be done with it; empty for a resource that only has subresources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    /// Its subresources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subresources: Vec<Subresource>,
}

/// A subresource, such as `status` or `scale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subresource {
    /// Its name in URLs.
    pub name: String,
    /// The kind it answers with.
    pub gvk: GroupVersionKind,
    /// What can be done with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
}

impl Resource {
    /// A subresource by name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether a verb, such as `list`, may be used.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// Every built-in resource, groups and versions in the order of discovery: a group's preferred version
/// first.
pub fn builtin() -> &'static [Resource] {
    &BUILTIN
}

/// The built-in resource of a kind.
pub fn of_kind(gvk: &GroupVersionKind) -> Option<&'static Resource> {
    builtin().iter().find(|resource| resource.gvk == *gvk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;
    use serde_json::{Value, json};

    fn texts(value: &Value) -> Vec<String> {
        let listed = value.as_array().into_iter().flatten();
        listed.map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    fn text(value: &Value) -> String {
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Kinds of a resource's own group and version are recorded without them.
    fn kind(value: &Value, group: &str, version: &str) -> GroupVersionKind {
        let own = text(&value["version"]).is_empty();
        GroupVersionKind {
            group: if own { group.to_owned() } else { text(&value["group"]) },
            version: if own { version.to_owned() } else { text(&value["version"]) },
            kind: text(&value["kind"]),
        }
    }

    fn generate() -> Vec<Resource> {
        let path = recorded::folder().join("discovery/aggregated-v2beta1.json.gz");
        let case: Value = serde_json::from_str(&recorded::text(&path)).unwrap();
        let mut resources = Vec::new();
        for step in case["steps"].as_array().unwrap() {
            for group in step["response"]["body"]["items"].as_array().into_iter().flatten() {
                let name = text(&group["metadata"]["name"]);
                for version in group["versions"].as_array().unwrap() {
                    for found in version["resources"].as_array().unwrap() {
                        resources.push(read(found, &name, &text(&version["version"])));
                    }
                }
            }
        }
        resources
    }

    fn read(found: &Value, group: &str, version: &str) -> Resource {
        let subresources = found["subresources"].as_array().into_iter().flatten();
        Resource {
            gvk: kind(&found["responseKind"], group, version),
            plural: text(&found["resource"]),
            singular: text(&found["singularResource"]),
            short_names: texts(&found["shortNames"]),
            categories: texts(&found["categories"]),
            scope: if found["scope"] == json!("Cluster") {
                Scope::Cluster
            } else {
                Scope::Namespaced
            },
            verbs: texts(&found["verbs"]),
            subresources: subresources
                .map(|found| Subresource {
                    name: text(&found["subresource"]),
                    gvk: kind(&found["responseKind"], group, version),
                    verbs: texts(&found["verbs"]),
                })
                .collect(),
        }
    }

    #[test]
    fn the_table_is_what_the_recorded_discovery_says() {
        assert!(builtin() == generate(), "run the ignored test write_the_table");
        assert!(builtin().len() > 40);
    }

    #[test]
    #[ignore = "writes src/resources/builtin.json"]
    fn write_the_table() {
        let rows: Vec<String> =
            generate().iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/resources/builtin.json");
        std::fs::write(path, format!("[\n{}\n]\n", rows.join(",\n"))).unwrap();
    }

    #[test]
    fn a_resource_is_found_by_its_kind() {
        let found = of_kind(&GroupVersionKind::new("apps/v1", "Deployment")).unwrap();
        assert_eq!(found.plural, "deployments");
        assert_eq!(found.short_names, ["deploy"]);
        assert!(found.can("patch") && !found.can("proxy"));
        assert_eq!(found.subresource("scale").unwrap().gvk.kind, "Scale");
        assert_eq!(of_kind(&GroupVersionKind::new("example.com/v1", "Widget")), None);
    }

    #[test]
    fn scopes_agree_with_the_schemas() {
        let schemas = crate::Schemas::builtin();
        for resource in builtin().iter().filter(|resource| resource.can("patch")) {
            assert_eq!(schemas.scope(&resource.gvk), Some(resource.scope), "{}", resource.gvk);
        }
    }
}
