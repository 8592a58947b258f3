//! managedFields read into managers by identity, and written back in the server's order.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Entry, Operation};
use crate::fields::FieldSet;
use crate::path::quoted;

/// What tells entries apart. The version is left out for applies: a manager has one set of applied
/// fields, whichever version it last used (`BuildManagerIdentifier`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub manager: String,
    pub operation: Operation,
    pub api_version: String,
    pub subresource: String,
}

impl Identity {
    pub fn new(
        manager: &str,
        operation: Operation,
        api_version: &str,
        subresource: Option<&str>,
    ) -> Self {
        Self {
            manager: if manager.is_empty() { "unknown" } else { manager }.to_owned(),
            operation,
            api_version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => api_version.to_owned(),
            },
            subresource: subresource.unwrap_or_default().to_owned(),
        }
    }

    /// The server's own identifier, which it sorts by: the entry as JSON.
    pub fn text(&self) -> String {
        let optional = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!(r#","{name}":{}"#, json!(value)) }
        };
        format!(
            r#"{{"manager":{},"operation":"{}"{}{}}}"#,
            json!(self.manager),
            self.operation.as_str(),
            optional("apiVersion", &self.api_version),
            optional("subresource", &self.subresource),
        )
    }

    /// As a conflict names it (`printManager`).
    pub fn words(&self) -> String {
        let subresource = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource {}", quoted(&self.subresource))
        };
        let version = match self.operation {
            Operation::Apply => String::new(),
            Operation::Update => format!(" using {}", self.api_version),
        };
        format!("{}{subresource}{version}", quoted(&self.manager))
    }
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub fields: FieldSet,
    pub api_version: String,
    pub time: Option<String>,
}

/// All managers of an object.
pub(crate) type Managers = BTreeMap<Identity, Owned>;

/// `metadata.managedFields`, if it is a list.
pub(crate) fn managed_fields(object: &Value) -> Option<&Vec<Value>> {
    object.get("metadata")?.get("managedFields")?.as_array()
}

/// Read managedFields; what cannot be read is said in the server's words.
pub(crate) fn decode(object: &Value) -> Result<Managers, String> {
    let mut managers = Managers::new();
    for entry in managed_fields(object).into_iter().flatten() {
        let entry = read_entry(entry)?;
        let identity = Identity::new(
            &entry.manager,
            entry.operation,
            &entry.api_version,
            entry.subresource.as_deref(),
        );
        let owned =
            Owned { fields: entry.fields, api_version: entry.api_version, time: entry.time };
        managers.insert(identity, owned);
    }
    Ok(managers)
}

pub(super) fn read_entry(entry: &Value) -> Result<Entry, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        other => return Err(format!("invalid operation: `{other}`")),
    };
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err("missing fieldsType in managed fields entry".to_owned()),
        other => return Err(format!("invalid fieldsType in managed fields entry: {other}")),
    }
    let empty = Value::Object(Map::new());
    let fields = entry.get("fieldsV1").filter(|fields| !fields.is_null()).unwrap_or(&empty);
    let fields = FieldSet::from_v1(fields)
        .map_err(|error| format!("error decoding managed fields entry: {error}"))?;
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Entry {
        manager: text("manager").to_owned(),
        operation,
        api_version: text("apiVersion").to_owned(),
        time: some("time"),
        subresource: some("subresource"),
        fields,
    })
}

/// Written as managedFields: applies first, then by time, manager, version and subresource
/// (`sortEncodedManagedFields`).
pub(crate) fn encode(managers: &Managers) -> Vec<Value> {
    let mut sorted: Vec<(&Identity, &Owned)> = managers.iter().collect();
    sorted.sort_by(|(one, mine), (two, theirs)| {
        (one.operation.cmp(&two.operation))
            .then_with(|| mine.time.cmp(&theirs.time))
            .then_with(|| one.manager.cmp(&two.manager))
            .then_with(|| mine.api_version.cmp(&theirs.api_version))
            .then_with(|| one.subresource.cmp(&two.subresource))
    });
    sorted.into_iter().map(|(identity, owned)| entry(identity, owned)).collect()
}

/// One entry, as managedFields hold it.
pub(super) fn entry(identity: &Identity, owned: &Owned) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let mut entry = Map::new();
    entry.insert("manager".to_owned(), text(&identity.manager));
    entry.insert("operation".to_owned(), text(identity.operation.as_str()));
    entry.insert("apiVersion".to_owned(), text(&owned.api_version));
    entry.insert("fieldsType".to_owned(), text("FieldsV1"));
    entry.insert("fieldsV1".to_owned(), owned.fields.to_v1());
    if let Some(time) = &owned.time {
        entry.insert("time".to_owned(), text(time));
    }
    if !identity.subresource.is_empty() {
        entry.insert("subresource".to_owned(), text(&identity.subresource));
    }
    Value::Object(entry)
}

/// Put managedFields into an object; none at all when there are no entries.
pub(crate) fn replace(object: &mut Value, fields: Vec<Value>) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if fields.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(fields));
        }
    }
}
