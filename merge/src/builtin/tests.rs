//! Tables and laws of builtin.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Link, Shape, TABLE};
use crate::recorded;

fn structs_in(shape: &Shape) -> Option<Link> {
    match shape {
        Shape::Struct(link) => Some(*link),
        Shape::List(inner) | Shape::Map(inner) => structs_in(inner),
        _ => None,
    }
}

#[test]
fn every_type_a_field_names_is_in_the_table() {
    let declared =
        include_str!("types.txt").lines().filter(|line| line.starts_with("type ")).count();
    assert_eq!(TABLE.types.len(), declared);
    for kind in &TABLE.types {
        for (name, field) in kind.fields() {
            if let Some(inner) = structs_in(&field.shape) {
                let found = inner.get().map(|found| found.name);
                assert_eq!(found, Some(inner.name), "{}.{name}", kind.name);
            }
        }
    }
    for link in TABLE.kinds.values() {
        assert_eq!(link.get().map(|found| found.name), Some(link.name));
    }
    assert!(TABLE.types.iter().enumerate().all(|(place, kind)| kind.place == place));
}

/// The name a Go type has in an OpenAPI document.
fn definition_name(name: &str) -> String {
    let path = name.replace('/', ".");
    match name.split('/').next().unwrap() {
        "meta" => format!("io.k8s.apimachinery.pkg.apis.{path}"),
        "apiextensions" => format!("io.k8s.apiextensions-apiserver.pkg.apis.{path}"),
        _ => format!("io.k8s.api.{path}"),
    }
}

/// The table was read from Go's types; the server's own documents say the same.
#[test]
fn the_table_agrees_with_the_recorded_openapi_documents() {
    let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
    for path in recorded::files("discovery/openapi-v3") {
        let document: Value = serde_json::from_str(&recorded::text(&path)).unwrap();
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            definitions.insert(name.clone(), schema.clone());
        }
    }
    let (mut checked, mut missing) = (0, Vec::new());
    for kind in &TABLE.types {
        let Some(definition) = definitions.get(&definition_name(kind.name)) else {
            missing.push(kind.name);
            continue;
        };
        let properties = definition["properties"].as_object().cloned().unwrap_or_default();
        for (name, property) in &properties {
            let Some(field) = kind.field(name) else {
                assert!(matches!(name.as_str(), "kind" | "apiVersion"), "{}.{name}", kind.name);
                continue;
            };
            checked += 1;
            let place = format!("{}.{name}", kind.name);
            let reference =
                property["$ref"].as_str().or_else(|| property["allOf"][0]["$ref"].as_str());
            let ends =
                |suffix: &str| reference.is_some_and(|reference| reference.ends_with(suffix));
            let agrees = match &field.shape {
                Shape::Text => property["type"] == "string",
                Shape::Integer => property["type"] == "integer",
                Shape::Number => property["type"] == "number",
                Shape::Boolean => property["type"] == "boolean",
                Shape::Bytes => property["format"] == "byte",
                Shape::Quantity => ends(".Quantity"),
                Shape::IntOrString => ends(".IntOrString"),
                Shape::Time => ends("Time"),
                Shape::Duration => ends(".Duration"),
                Shape::Any => reference.is_some() || property["type"] == "object",
                Shape::Struct(inner) => ends(&definition_name(inner.name)),
                Shape::List(_) => property["type"] == "array",
                Shape::Map(_) => property["type"] == "object",
            };
            assert!(agrees, "{place}: {:?} against {property}", field.shape);
            // A struct that is no pointer has a default of {}.
            if matches!(field.shape, Shape::Struct(_)) {
                assert_eq!(!field.pointer, property["default"].is_object(), "{place}");
            }
        }
        for (name, _) in kind.fields() {
            assert!(properties.contains_key(name), "{}.{name} is not in the documents", kind.name);
        }
    }
    println!(
        "{checked} fields of {} types checked, {} not in the documents: {missing:?}",
        TABLE.types.len(),
        missing.len()
    );
    assert!(checked > 1400 && missing.is_empty(), "{checked} {missing:?}");
}
