//! Reading the recorded answers of a real server, for tests.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the recordings: `CLEAT_RECORDED`, or `tests/recorded` of this repository.
pub(crate) fn folder() -> PathBuf {
    #[allow(clippy::disallowed_methods, reason = "a test may read recordings kept elsewhere")]
    let elsewhere = std::env::var_os("CLEAT_RECORDED");
    elsewhere.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded"),
        PathBuf::from,
    )
}

/// The text of one file, unpacked if its name ends in `.gz`.
pub(crate) fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

/// The files of a group, in the order of their names.
pub(crate) fn files(group: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join(group))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

/// The cases of a group of steps, by name.
pub(crate) fn cases(group: &str) -> Vec<(String, Value)> {
    files(group)
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            let name = name.split('.').next().unwrap().to_owned();
            (format!("{group}/{name}"), serde_json::from_str(&text(path)).unwrap())
        })
        .collect()
}

/// The cases of `predict`, by name.
pub(crate) fn predictions() -> Vec<(String, Value)> {
    files("predict")
        .iter()
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .flat_map(|path| {
            let lines = text(path);
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .map(|case| (case["name"].as_str().unwrap().to_owned(), case))
        .collect()
}
