//! Reading the recorded answers of a real server.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The folder of the recordings: `CLEAT_RECORDED`, or `tests/recorded` of this repository.
fn folder() -> PathBuf {
    #[allow(clippy::disallowed_methods, reason = "a test may read recordings kept elsewhere")]
    let elsewhere = std::env::var_os("CLEAT_RECORDED");
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded");
    elsewhere.map_or_else(own, PathBuf::from)
}

/// The files of a group, sorted, each with its name up to the first dot and its text.
pub fn files(group: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder().join(group)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).map(|path| (name(path), text(path))).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    name.split(".json").next().unwrap().to_owned()
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}
