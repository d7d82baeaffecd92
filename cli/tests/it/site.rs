//! A small installation: a browser's camera, one screen, nothing to compute.

use std::fs;
use std::path::Path;

const CONFIG: &str = "
[[camera]]
id = \"entrance\"
source = \"push:browser\"
[[screen]]
id = \"window\"
camera = \"entrance\"
in_process = true
[engine]
runtime = \"rten\"
";

/// Its folder, with a configuration and commitments.
pub(crate) fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regard.toml"), CONFIG).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    fs::write(folder.path().join("commitments.toml"), demo).unwrap();
    folder
}

/// Copies the files of a data folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Changes bytes that stand somewhere in a file, as someone with a hex editor does.
pub(crate) fn tamper(file: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(file).unwrap();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{from} is nowhere");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(file, bytes).unwrap();
}
