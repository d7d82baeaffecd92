//! Writes the seeds of every target, or of those named, into folders of their names: `seeds DIR [TARGET…]`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut words = env::args().skip(1);
    let folder = PathBuf::from(words.next().unwrap_or_else(|| "fuzz/corpus".to_owned()));
    let wanted: Vec<String> = words.collect();
    for target in regard_fuzz::TARGETS {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == target.name) {
            continue;
        }
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (i, seed) in regard_fuzz::seeds(target.name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{i:03}")), seed)?;
        }
    }
    Ok(())
}
