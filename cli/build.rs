//! Tells the program which version of the analysis it has: a number over all that rows of `regard analyze` come from, so that
//! what an earlier build found out is not taken for what this one would.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Sources, of this room and of those that rows pass through; the lock file stands for what others wrote.
const SOURCES: [&str; 8] = [
    "src/analyze",
    "../audience/src",
    "../commitments/src",
    "../domain/src",
    "../inference/src",
    "../library/src",
    "../vision/src",
    "../Cargo.lock",
];

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        add(Path::new(source), &mut hasher)?;
    }
    println!("cargo::rustc-env=REGARD_ANALYSIS={:016x}", hasher.finish());
    Ok(())
}

/// Adds a file, or all files below a folder in the order of their names.
fn add(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let mut below: Vec<PathBuf> = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        below.sort();
        return below.iter().try_for_each(|path| add(path, hasher));
    }
    let content = fs::read(path)?;
    hasher.write(path.as_os_str().as_encoded_bytes());
    hasher.write_usize(content.len());
    hasher.write(&content);
    Ok(())
}
