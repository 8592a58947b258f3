//! Schemas of definitions against what a kube-apiserver (1.36) said of each: all its words, in its order.
//! Where that one spells a refused value as JSON, it stands as Go spells it, as in 1.28.

use serde_json::{Value, json};

use super::create;

const CASES: &str = include_str!("../../../tests/cases/structural/schemas.jsonl");

fn definition(versions: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": versions,
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget",
                "listKind": "WidgetList"}},
    })
}

fn version(name: &str, schema: &Value) -> Value {
    json!({"name": name, "served": true, "storage": name == "v1",
        "schema": {"openAPIV3Schema": schema}})
}

fn said(definition: &Value) -> Vec<String> {
    let causes = create(definition).into_iter();
    causes.map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
}

#[test]
fn each_schema_is_refused_in_the_servers_words() {
    let (mut refused, mut admitted) = (0, 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected: Vec<String> = case["says"]
            .as_array()
            .unwrap()
            .iter()
            .map(|words| format!("spec.validation.openAPIV3Schema.{}", words.as_str().unwrap()))
            .collect();
        let found = said(&definition(&json!([version("v1", &case["schema"])])));
        assert_eq!(found, expected, "{}", case["schema"]);
        *if expected.is_empty() { &mut admitted } else { &mut refused } += 1;
    }
    assert!(refused >= 38 && admitted >= 4, "{refused} refused, {admitted} admitted");
}

/// What all versions share stands once, outside of them.
#[test]
fn a_schema_is_named_where_the_server_keeps_it() {
    let (good, bad) = (json!({"type": "object"}), json!({"type": "array", "items": {}}));
    let twice = definition(&json!([version("v1", &bad), version("v2", &bad)]));
    let once = definition(&json!([version("v1", &good), version("v2", &bad)]));
    for (definition, place) in [
        (twice, "spec.validation.openAPIV3Schema"),
        (once, "spec.versions[1].schema.openAPIV3Schema"),
    ] {
        let expected = [
            format!(
                "{place}.items.type: Required value: must not be empty for specified array items"
            ),
            format!("{place}.type: Invalid value: \"array\": must be object at the root"),
        ];
        assert_eq!(said(&definition), expected);
    }
}

/// Versions are spelled as a server holds them: what they share is not in them.
#[test]
fn two_versions_of_storage_are_spelled_with_what_is_their_own() {
    let mut definition = definition(&json!([
        version("v1", &json!({"type": "object"})),
        version("v2", &json!({"type": "object", "properties": {"a": {"type": "string"}}})),
    ]));
    definition["spec"]["versions"][1]["storage"] = json!(true);
    definition["spec"]["versions"][1]["additionalPrinterColumns"] =
        json!([{"name": "A", "type": "string", "jsonPath": ".a"}]);
    let words = said(&definition).join("\n");
    for part in [
        "spec.versions: Invalid value: []apiextensions.CustomResourceDefinitionVersion{",
        "Name:\"v1\", Served:true, Storage:true, Deprecated:false, DeprecationWarning:(*string)(nil), \
         Schema:(*apiextensions.CustomResourceValidation)(0xc000000000), ",
        "AdditionalPrinterColumns:[]apiextensions.CustomResourceColumnDefinition(nil)}, ",
        "apiextensions.CustomResourceColumnDefinition{Name:\"A\", Type:\"string\", Format:\"\", \
         Description:\"\", Priority:0, JSONPath:\".a\"}}}}: must have exactly one version marked as \
         storage version",
    ] {
        assert!(words.contains(part), "{words} has no {part}");
    }
}
