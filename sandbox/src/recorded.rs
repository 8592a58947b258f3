//! Where the recorded answers of a real server are, for this crate's tests.

use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;

/// `CLEAT_RECORDED`, or the copy in the repository.
#[allow(clippy::disallowed_methods, reason = "tests may be pointed at other recordings")]
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("CLEAT_RECORDED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recorded")),
        PathBuf::from,
    )
}

/// One recorded file, parsed.
pub(crate) fn case(name: &str) -> Value {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    if std::path::Path::new(name).extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    } else {
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// Every recorded rollout.
pub(crate) fn rollouts() -> Vec<Value> {
    let mut names: Vec<String> = std::fs::read_dir(folder().join("rollout"))
        .unwrap()
        .map(|entry| format!("rollout/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    names.sort();
    names.iter().map(|name| case(name)).collect()
}
