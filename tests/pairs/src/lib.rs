//! What must hold of any desired and live object, whatever they are: the body of the fuzz target
//! `diff_pairs`, and of the test that replays its seeds.
//!
//! ```text
//! JSON text ─► Pair{desired, live, previous} ─► rules ─► fine, or which rule is broken and how
//!     └─► mutate ─► another text: structured changes find more than flipped bytes
//! ```
//!
//! An input is a JSON map of `desired`, `live` and, if something was applied before, `previous`. What is
//! no such map is no input.

mod canary;
mod mutate;
mod order;
mod rules;

use std::sync::OnceLock;

use merge::{GroupVersionKind, Schemas};
use serde_json::Value;

pub use mutate::mutate;
pub use rules::Broken;

/// How deep values may nest: the loader lets nothing deeper in.
const DEPTH: usize = 100;

/// The objects of one comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// As Git wants it.
    pub desired: Value,
    /// As the cluster has it; `null` if it has none.
    pub live: Value,
    /// As it was applied last.
    pub previous: Option<Value>,
}

impl Pair {
    /// Reads an input. What neither a repository nor a server can hold is none: a desired object
    /// without a kind or a name, a namespace that is no text, values that nest too deep.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut input: Value = serde_json::from_slice(bytes).ok()?;
        let fields = input.as_object_mut()?;
        let desired = fields.remove("desired")?;
        let live = fields.remove("live").unwrap_or_default();
        let previous = fields.remove("previous").filter(|previous| !previous.is_null());
        let fits = |value: &Value| {
            let namespace = value.pointer("/metadata/namespace");
            let named = namespace.is_none_or(|it| it.is_string() || it.is_null());
            named && merge::ObjectId::of(value).is_some() && nests(value) <= DEPTH
        };
        let known = fits(&desired)
            && (live.is_null() || fits(&live))
            && previous.as_ref().is_none_or(fits)
            && (live.is_null() || same_kind(&desired, &live));
        known.then_some(Self { desired, live, previous })
    }

    /// Its text.
    pub fn write(&self) -> Vec<u8> {
        let mut input = serde_json::json!({"desired": self.desired, "live": self.live});
        if let (Some(previous), Some(fields)) = (&self.previous, input.as_object_mut()) {
            fields.insert("previous".to_owned(), previous.clone());
        }
        input.to_string().into_bytes()
    }
}

/// Objects are compared under one identity; only the version may be another.
fn same_kind(one: &Value, other: &Value) -> bool {
    let of = |object| GroupVersionKind::of(object).map(|gvk| (gvk.group, gvk.kind));
    of(one) == of(other)
}

fn nests(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(nests).max(),
        Value::Object(fields) => fields.values().map(nests).max(),
        _ => return 0,
    };
    1 + below.unwrap_or_default()
}

/// Tries an input. `Ok(false)` if it is none.
pub fn check(bytes: &[u8]) -> Result<bool, Broken> {
    let Some(pair) = Pair::read(bytes) else { return Ok(false) };
    rules::check(&pair)?;
    Ok(true)
}

/// The schemas that every pair is compared by: the built-in ones, and those of two custom kinds.
pub fn schemas() -> &'static Schemas {
    const DEFINITIONS: &str = include_str!("../../recorded/predict/definitions.json");
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let definitions: Vec<Value> = serde_json::from_str(DEFINITIONS).unwrap_or_default();
        definitions.iter().fold(Schemas::builtin(), |all, definition| {
            all.with_definition(definition).unwrap_or(all)
        })
    })
}
