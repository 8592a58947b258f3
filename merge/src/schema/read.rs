//! OpenAPI v3 documents in, a [`Layer`] out.
//!
//! The rules are those of kube-openapi's `schemaconv.ToSchemaFromOpenAPI`, which is what a server
//! builds its own merge schemas with: a list is atomic unless it says otherwise, by list type or by
//! patch strategy; an object with no properties is free-form; a schema with no type admits anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::SchemaError;
use super::types::{
    DEDUCED, Entries, Field, Format, Kind, KindKey, Layer, ListType, MapType, Name, Patch, Scalar,
    Scope, Type, TypeId, UNTYPED,
};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// Builds a layer: first every name gets a number, then every definition its type.
pub(super) struct Reader {
    layer: Layer,
    names: BTreeMap<String, TypeId>,
    /// Types without a name: equal ones are kept once.
    inline: HashMap<Type, TypeId>,
    /// Copies by the name of what they are of, and whether they are atomic.
    relations: BTreeMap<(String, bool), TypeId>,
    /// Copies of named types whose map is atomic (or not) in one place only: copy, original.
    copies: Vec<(TypeId, TypeId, bool)>,
    /// What is said again and again is kept once.
    texts: HashMap<String, Name>,
    defaults: HashMap<Value, Arc<Value>>,
    patches: HashMap<Patch, Arc<Patch>>,
}

impl Reader {
    pub fn new() -> Self {
        Self {
            layer: Layer::empty(),
            names: BTreeMap::new(),
            inline: HashMap::new(),
            relations: BTreeMap::new(),
            copies: Vec::new(),
            texts: HashMap::new(),
            defaults: HashMap::new(),
            patches: HashMap::new(),
        }
    }

    /// Read named definitions, which may refer to each other.
    pub fn definitions(&mut self, definitions: &BTreeMap<&str, &Value>) -> Result<(), SchemaError> {
        for name in definitions.keys() {
            let id = self.push(Type::default())?;
            self.names.insert((*name).to_owned(), id);
        }
        for (name, schema) in definitions {
            let read = match *name {
                QUANTITY => Type {
                    scalar: Some(Scalar::Any),
                    format: Some(Format::Quantity),
                    ..Type::default()
                },
                RAW_EXTENSION => self.layer.get(UNTYPED).cloned().unwrap_or_default(),
                _ => self.schema(schema, false)?,
            };
            let id = self.names.get(*name).copied().unwrap_or(DEDUCED);
            if let Some(place) = self.layer.types.get_mut(id as usize) {
                *place = read;
            }
        }
        for (copy, original, atomic) in std::mem::take(&mut self.copies) {
            let mut read = self.layer.get(original).cloned().unwrap_or_default();
            if let Some(map) = &mut read.map {
                map.atomic = atomic;
            }
            if let Some(place) = self.layer.types.get_mut(copy as usize) {
                *place = read;
            }
        }
        Ok(())
    }

    /// Make a definition known as a kind; `kind` has everything but its type.
    pub fn kind(&mut self, key: KindKey, name: &str, kind: Kind) {
        if let Some(id) = self.names.get(name) {
            self.layer.put(key, Kind { root: *id, ..kind });
        }
    }

    /// The layer, with the types that its kinds lead to.
    pub fn finish(mut self) -> Layer {
        self.layer.keep_reachable();
        self.layer
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let name: Name = text.into();
        self.texts.insert(text.to_owned(), Arc::clone(&name));
        name
    }

    fn push(&mut self, read: Type) -> Result<TypeId, SchemaError> {
        let id = TypeId::try_from(self.layer.types.len()).map_err(|_| SchemaError::TooLarge)?;
        self.layer.types.push(read);
        Ok(id)
    }

    fn schema(&mut self, schema: &Value, preserve: bool) -> Result<Type, SchemaError> {
        let preserve = preserve || flag(schema, "x-kubernetes-preserve-unknown-fields");
        let text = |field: &str| schema.get(field).and_then(Value::as_str).unwrap_or_default();
        let mut read = match text("type") {
            "" => Type {
                scalar: Some(Scalar::Any),
                list: Some(self.list(schema, preserve)?),
                map: Some(self.map(schema, preserve)?),
                ..Type::default()
            },
            "object" => Type { map: Some(self.map(schema, preserve)?), ..Type::default() },
            "array" => Type { list: Some(self.list(schema, preserve)?), ..Type::default() },
            scalar => Type { scalar: Some(read_scalar(scalar, text("format"))), ..Type::default() },
        };
        read.format = match text("format") {
            "int-or-string" => Some(Format::IntOrString),
            "byte" => Some(Format::Bytes),
            "date-time" => Some(Format::Time),
            _ if flag(schema, "x-kubernetes-int-or-string") => Some(Format::IntOrString),
            _ => None,
        };
        read.nullable = flag(schema, "nullable");
        Ok(read)
    }

    /// The type a schema stands for where it is used: a reference, or one of its own.
    fn refer(&mut self, schema: &Value, preserve: bool) -> Result<TypeId, SchemaError> {
        let Some(name) = reference(schema) else {
            let read = self.schema(schema, preserve)?;
            return self.intern(read);
        };
        let Some(id) = self.names.get(name).copied() else {
            return Err(SchemaError::UnknownReference(name.to_owned()));
        };
        match schema.get("x-kubernetes-map-type").and_then(Value::as_str) {
            None => Ok(id),
            Some(relation) => self.with_relation(name, id, relation == "atomic"),
        }
    }

    /// A named type used where its map is atomic, though the type itself does not say so. It may
    /// not have been read yet, so the copy is filled when all are.
    fn with_relation(
        &mut self,
        name: &str,
        id: TypeId,
        atomic: bool,
    ) -> Result<TypeId, SchemaError> {
        let key = (name.to_owned(), atomic);
        if let Some(known) = self.relations.get(&key) {
            return Ok(*known);
        }
        let copy = self.push(Type::default())?;
        self.copies.push((copy, id, atomic));
        self.relations.insert(key, copy);
        Ok(copy)
    }

    fn intern(&mut self, read: Type) -> Result<TypeId, SchemaError> {
        if let Some(id) = self.inline.get(&read) {
            return Ok(*id);
        }
        let id = self.push(read.clone())?;
        self.inline.insert(read, id);
        Ok(id)
    }

    fn map(&mut self, schema: &Value, preserve: bool) -> Result<MapType, SchemaError> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields = Vec::new();
        for (name, member) in properties {
            let kind = self.refer(member, preserve)?;
            let default = member.get("default").map(|default| {
                let known = self.defaults.entry(default.clone());
                Arc::clone(known.or_insert_with(|| Arc::new(default.clone())))
            });
            let mut extension =
                |key: &str| member.get(key).and_then(Value::as_str).map(|text| self.name(text));
            let patch = Patch {
                strategy: extension("x-kubernetes-patch-strategy"),
                key: extension("x-kubernetes-patch-merge-key"),
            };
            let patch = (patch != Patch::default()).then(|| {
                let known = self.patches.entry(patch.clone());
                Arc::clone(known.or_insert_with(|| Arc::new(patch)))
            });
            let required = required.contains(name.as_str());
            fields.push((self.name(name), Field { kind, required, default, patch }));
        }
        let fields = fields.into_iter().collect();
        let element = match schema.get("additionalProperties") {
            None if preserve || properties.is_empty() => Some(DEDUCED),
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(DEDUCED),
            Some(inner) => Some(self.refer(inner, preserve)?),
        };
        let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
        Ok(MapType { fields, element, atomic })
    }

    fn list(&mut self, schema: &Value, preserve: bool) -> Result<ListType, SchemaError> {
        let element = match schema.get("items") {
            Some(items) => self.refer(items, preserve)?,
            None => DEDUCED,
        };
        Ok(ListType { element, entries: read_entries(schema) })
    }
}

/// Read whole documents: their definitions, and which kinds their paths serve.
pub(super) fn documents<'a>(
    documents: impl IntoIterator<Item = &'a Value>,
) -> Result<Layer, SchemaError> {
    let mut definitions = BTreeMap::new();
    let mut served: BTreeMap<KindKey, Served> = BTreeMap::new();
    for document in documents {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        definitions.extend(schemas.into_iter().flatten().map(|(name, body)| (name.as_str(), body)));
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, operations) in paths.into_iter().flatten() {
            read_path(path, operations, &mut served);
        }
    }
    let mut reader = Reader::new();
    reader.definitions(&definitions)?;
    for (name, schema) in &definitions {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        for key in kinds.into_iter().flatten().filter_map(key_of) {
            if let Some(how) = served.get(&key) {
                let custom = !name.starts_with("io.k8s.");
                let (scope, status) = (how.scope, how.status);
                let kind = Kind { root: DEDUCED, scope, status, custom, stored: false };
                reader.kind(key, name, kind);
            }
        }
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Served {
    scope: Option<Scope>,
    status: bool,
}

/// Which kind a path serves, and how: `…/namespaces/{namespace}/deployments/{name}/status`.
fn read_path(path: &str, operations: &Value, served: &mut BTreeMap<KindKey, Served>) {
    let Some((prefix, rest)) = path.split_once("/{name}") else {
        return;
    };
    let methods = ["get", "put", "patch", "post", "delete"];
    for operation in methods.iter().filter_map(|method| operations.get(method)) {
        let Some(key) = operation.get("x-kubernetes-group-version-kind").and_then(key_of) else {
            continue;
        };
        let entry = served.entry(key).or_default();
        match rest {
            "" if prefix.contains("/namespaces/{namespace}/") => {
                entry.scope = Some(Scope::Namespaced);
            }
            "" => entry.scope = Some(Scope::Cluster),
            "/status" => entry.status = true,
            _ => {}
        }
    }
}

fn key_of(gvk: &Value) -> Option<KindKey> {
    let text = |field: &str| gvk.get(field).and_then(Value::as_str);
    Some(KindKey::new(text("group")?, text("version")?, text("kind")?))
}

/// The name a schema refers to, by `$ref` or by an `allOf` with nothing but one `$ref`.
fn reference(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref").and_then(Value::as_str);
    let wrapped = || match schema.get("allOf").and_then(Value::as_array)?.as_slice() {
        [only] => only.get("$ref")?.as_str(),
        _ => None,
    };
    direct.or_else(wrapped)?.rsplit('/').next()
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

fn read_scalar(kind: &str, format: &str) -> Scalar {
    match (kind, format) {
        ("integer", _) => Scalar::Integer,
        ("number", _) => Scalar::Number,
        ("boolean", _) => Scalar::Boolean,
        ("string", "" | "byte") => Scalar::Text,
        _ => Scalar::Any,
    }
}

fn read_entries(schema: &Value) -> Entries {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    match (text("x-kubernetes-list-type"), text("x-kubernetes-patch-strategy")) {
        (Some("set"), _) => Entries::Set,
        (Some("map"), _) => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let mut keys: Vec<String> =
                keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            keys.sort();
            Entries::Keyed(keys)
        }
        (None, Some("merge" | "merge,retainKeys")) => match text("x-kubernetes-patch-merge-key") {
            Some(key) => Entries::Keyed(vec![key.to_owned()]),
            None => Entries::Set,
        },
        _ => Entries::Atomic,
    }
}
