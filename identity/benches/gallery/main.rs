//! Searches among many templates, beside the libraries that others search with. `cargo xtask bench gallery` runs it.
//!
//! Faces here are random directions: what a comparison with everybody costs does not depend on whose faces they are, and
//! random directions are the hardest for an index of neighbours. Rivals run where the Python that `REGARD_PYTHON` names
//! has them.
#![expect(clippy::print_stdout, reason = "benches talk to the terminal")]

mod bandwidth;
mod curve;
mod index;
mod made_up;
mod searches;
mod verify;

use std::time::Duration;

use anyhow::Result;

/// Persons asked for by each search.
const K: usize = 10;

/// Environment variable: galleries of more templates are left out, or made with so many; to see that everything runs.
const MOST: &str = "REGARD_BENCH_MOST";

/// The most templates that a gallery here has.
fn most() -> usize {
    let said = std::env::var(MOST).ok();
    said.and_then(|said| said.parse().ok())
        .unwrap_or(usize::MAX)
}

/// How long each case runs, at least.
const TIME_PER_CASE: Duration = Duration::from_secs(8);

/// With a word, only what has it in its name: `million`, `batch`, `verify`, `curve`, `index`.
fn main() -> Result<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wants =
        |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    println!("kernel {}", regard_identity::kernel_name());
    let bandwidth = bandwidth::measure();
    if wants("million") {
        searches::million(&bandwidth)?;
    }
    if wants("batch") {
        searches::batches()?;
    }
    if wants("verify") {
        verify::from_jpeg()?;
    }
    if wants("curve") {
        curve::measure(&bandwidth)?;
    }
    if wants("index") {
        index::measure()?;
    }
    Ok(())
}
