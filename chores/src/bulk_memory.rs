//! `chores bulk-memory`: the memory of a job of `regard analyze` that goes on and on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use regard_domain::FrameSize;
use regard_vision::{PhotoFormat, RgbView, encode_photo};
use tempfile::TempDir;

use crate::bulk_files::{LargePhotos, MAX_MB, Ran, analyze};
use xtask::run::release_binary;

/// One file in so many is a photograph of 12 megapixels.
const ONE_IN_LARGE: usize = 500;

/// Files of one folder.
const IN_A_FOLDER: usize = 1_000;

/// How much more it may be in the last tenth of the run than in the second. Origin: of 100,000 files a job remembers what they
/// are called (`CONTENTS_REMEMBERED`) and how they look, some 20 MB.
const MAX_GROWTH_MB: f64 = 40.0;

/// How long a run has to last until its growth is judged: in one of a second all of it is beginning.
const LEAST_SECS_TO_GROW: f64 = 30.0;

/// The job.
#[derive(Args)]
pub(crate) struct BulkMemoryArgs {
    /// How many files.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    files: usize,
    /// The program; else one is built for release.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Watches the memory of a job on many files.
///
/// # Errors
/// When the program cannot be built or fails, or a bound is lost.
pub(crate) fn bulk_memory(args: &BulkMemoryArgs) -> Result<()> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => release_binary("regard-cli", "regard")?,
    };
    println!("{}", watch(&program, args.files)?);
    Ok(())
}

/// Runs a job on so many files with two workers; what its memory was.
fn watch(program: &Path, n_files: usize) -> Result<String> {
    eprintln!("── the memory of a job on {n_files} files");
    let folder = TempDir::new()?;
    let pictures = folder.path().join("in");
    fill(&pictures, n_files)?;
    let table = folder.path().join("faces.parquet");
    let ran = analyze(program, (&pictures, &table), 2)?;
    ensure!(ran.status.success(), "regard analyze: {}", ran.status);
    ensure!(
        !ran.resident_mb.is_empty(),
        "memory is not measured, no /proc"
    );
    let said = format!(
        "{n_files} files in {:.0} s: {:.0} MB resident at most",
        ran.secs, ran.peak_mb
    );
    ensure!(ran.peak_mb <= MAX_MB, "{said}; promised {MAX_MB} MB");
    if ran.secs < LEAST_SECS_TO_GROW {
        return Ok(format!("{said}, too soon over to say how it grows"));
    }
    let growth = growth(&ran)?;
    let said = format!("{said}, {growth:+.0} MB from the second tenth of the run to the last");
    ensure!(
        growth <= MAX_GROWTH_MB,
        "{said}; promised {MAX_GROWTH_MB} MB"
    );
    Ok(said)
}

/// How much more memory there was at most in the last tenth of the run than in the second.
fn growth(ran: &Ran) -> Result<f64> {
    let tenth = ran.resident_mb.len() / 10;
    ensure!(
        tenth > 0,
        "the run was too short to say anything of its memory"
    );
    let most = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
    let last = &ran.resident_mb[ran.resident_mb.len() - tenth..];
    Ok(most(last) - most(&ran.resident_mb[tenth..2 * tenth]))
}

/// Small pictures of noise, each its own, and large photographs among them.
fn fill(folder: &Path, n_files: usize) -> Result<()> {
    let large = LargePhotos::draw()?;
    for number in 0..n_files {
        let inside = folder.join(format!("{:04}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            fs::create_dir_all(&inside)?;
        }
        let bytes = if number % ONE_IN_LARGE == ONE_IN_LARGE / 2 {
            large.jpeg(number)
        } else {
            noise(number as u64)?
        };
        let path = inside.join(format!("{number:06}.jpg"));
        fs::write(&path, bytes).with_context(|| format!("{}", path.display()))?;
    }
    Ok(())
}

/// A small JPEG of noise, its own for each number, coarse enough that no two look alike from afar.
fn noise(number: u64) -> Result<Vec<u8>> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut cells = [[0_u8; 8]; 8];
    for cell in cells.as_flattened_mut() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *cell = (state >> 32) as u8;
    }
    let (width, height) = (24, 24);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            pixels.extend([cells[y / 3][x / 3]; 3]);
        }
    }
    let size = FrameSize {
        width: width as u32,
        height: height as u32,
    };
    let view = RgbView::new(&pixels, size).context("a picture has its pixels")?;
    Ok(encode_photo(view, PhotoFormat::Jpeg)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn growth_is_from_the_second_tenth_to_the_last() {
        let ran = |resident_mb: Vec<f64>| Ran {
            status: Command::new("true").status().unwrap(),
            secs: 1.0,
            resident_mb,
            peak_mb: 0.0,
        };
        let rising: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(growth(&ran(rising)).unwrap(), 80.0);
        // What it takes to start is no growth, and neither is a peak on the way.
        let mut flat = vec![200.0; 100];
        flat[0] = 10.0;
        flat[50] = 300.0;
        assert_eq!(growth(&ran(flat)).unwrap(), 0.0);
        assert!(growth(&ran(vec![1.0; 9])).is_err());
    }

    #[test]
    fn no_two_files_have_the_same_bytes() {
        let all: std::collections::BTreeSet<Vec<u8>> =
            (0..500).map(|i| noise(i).unwrap()).collect();
        assert_eq!(all.len(), 500);
    }
}
