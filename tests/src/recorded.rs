//! Recorded cases of a real API server, and how they are replayed against another.
//!
//! [`Case`] is a file of `tests/recorded`; [`replay::run`] sends its requests over HTTP;
//! [`normal::Normal`] makes what was recorded and what was answered comparable.

pub mod normal;
pub mod replay;
mod words;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One recorded case.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name, which is its file's.
    pub name: String,
    /// What it tries.
    #[serde(default)]
    pub about: String,
    /// Its requests and answers, in order.
    pub steps: Vec<Step>,
}

/// A request and its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub response: Response,
}

/// A recorded request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The query's parameters.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// Headers that were set on purpose.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The `Content-Type`.
    pub content_type: Option<String>,
    /// A JSON body.
    pub body: Option<Value>,
    /// A body that is not JSON, or whose spelling matters.
    pub body_text: Option<String>,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The status code.
    pub code: u16,
    /// A JSON body.
    pub body: Option<Value>,
    /// A body that is not JSON.
    pub body_text: Option<String>,
}

/// Where the recordings are: `CLEAT_RECORDED`, or the copy in the repository.
#[allow(clippy::disallowed_methods, reason = "tests may be pointed at other recordings")]
pub fn folder() -> PathBuf {
    std::env::var_os("CLEAT_RECORDED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded"), PathBuf::from)
}

/// Every case of a group, by name.
pub fn cases(group: &str) -> anyhow::Result<Vec<Case>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join(group))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> anyhow::Result<Case> {
    let bytes = std::fs::read(path)?;
    let text = if path.extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
        text
    } else {
        String::from_utf8(bytes)?
    };
    let mut case: Value = serde_json::from_str(&text)?;
    expand(&mut case);
    Ok(serde_json::from_value(case)?)
}

/// Writes out `{"$repeat": "x", "times": 3}` as `xxx`.
fn expand(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let text = map.get("$repeat").and_then(Value::as_str);
            let times = map.get("times").and_then(Value::as_u64);
            if let (Some(text), Some(times)) = (text, times) {
                let times = usize::try_from(times).unwrap_or_default();
                *value = Value::String(text.repeat(times));
                return;
            }
            map.values_mut().for_each(expand);
        }
        Value::Array(list) => list.iter_mut().for_each(expand),
        _ => {}
    }
}
