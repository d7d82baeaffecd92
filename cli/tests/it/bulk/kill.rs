//! A job that is killed again and again comes to what it would have come to undisturbed.
//!
//! `REGARD_BULK_FILES` says how many files, `REGARD_BULK_KILLS` how often, `REGARD_KILL_SEED` when.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{TABLES, are_the_same, json_lines, names_in, noise, with_comment};
use crate::program::{program, said_by};

/// Files and kills in every run of the tests.
const SHORT: (u64, u64) = (400, 8);

/// About what the log of a job grows by with each picture that nobody is in.
const BYTES_PER_ITEM: u64 = 550;

/// One file in so many is damaged.
const DAMAGED: u64 = 100;

fn number(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |n| n.parse().expect("a number"))
}

/// Small pictures in folders, as `number` says: noise, a face now and then, copies, what is cut, what is no picture.
fn fill(folder: &Path, n_files: u64) {
    let face = with_comment("somebody");
    for i in 0..n_files {
        let inside = folder.join(format!("{:03}", i / 100));
        fs::create_dir_all(&inside).unwrap();
        let bytes = match i {
            i if i % DAMAGED == 37 => noise(i)[..200].to_vec(),
            i if i % DAMAGED == 50 => with_comment(&format!("somebody, {}", i / 400)),
            i if i % DAMAGED == 51 => face.clone(),
            i if i % 10 == 9 => noise(i / 20),
            i => noise(i),
        };
        fs::write(inside.join(format!("{i:06}.jpg")), bytes).unwrap();
        if i % 60 == 0 {
            fs::write(inside.join(format!("{i:06}.txt")), "notes").unwrap();
        }
    }
}

fn job(pictures: &Path, tables: &Path, workers: &str) -> Command {
    let mut command = program();
    command
        .args(["analyze", "--workers", workers, "--items"])
        .arg(tables.join("items.ndjson"))
        .arg("-o")
        .arg(tables.join("faces.parquet"))
        .arg(pictures);
    command
}

/// Longest that a run takes to begin to work, or to write the tables of a job that is done, about.
const BEGINNING: Duration = Duration::from_millis(1_500);

/// When a run is killed.
enum Moment {
    After(Duration),
    /// When the log is so long.
    Grown(u64),
}

fn len_of(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |metadata| metadata.len())
}

fn wait_for(moment: &Moment, log: &Path, child: &mut Child) {
    match moment {
        Moment::After(wait) => sleep(*wait),
        Moment::Grown(len) => {
            while len_of(log) < *len && child.try_wait().unwrap().is_none() {
                sleep(Duration::from_micros(200));
            }
        }
    }
}

/// The tables are those of an undisturbed run, byte for byte, and nothing lies beside them.
fn is_whole(whole: &Path, killed: &Path) {
    assert_eq!(
        names_in(killed),
        TABLES,
        "nothing is left of what was interrupted"
    );
    are_the_same(whole, killed);
}

#[test]
fn a_job_killed_at_any_moment_comes_to_the_same_rows() {
    let n_files = number("REGARD_BULK_FILES", SHORT.0);
    let n_kills = number("REGARD_BULK_KILLS", SHORT.1);
    let seed = number("REGARD_KILL_SEED", 20_261_130);
    println!("seed {seed}, {n_files} files, {n_kills} kills");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let [pictures, whole, killed] = ["in", "whole", "killed"].map(|name| folder.path().join(name));
    for folder in [&whole, &killed] {
        fs::create_dir(folder).unwrap();
    }
    fill(&pictures, n_files);
    let began = Instant::now();
    let said = said_by(&mut job(&pictures, &whole, "1"));
    let took = began.elapsed();
    assert_eq!(said.code, 2, "{}", said.err);
    let log = killed.join("faces.parquet.job");
    let mut n_interrupted = 0;
    for kill in 0..n_kills {
        let mut child = job(&pictures, &killed, "2")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Most of them while it works, wherever it is then; one in four while it starts, or writes the tables.
        let moment = if kill % 4 == 3 {
            Moment::After(took.min(BEGINNING).mul_f64(rng.random_range(0.0..1.2)))
        } else {
            let most = n_files * BYTES_PER_ITEM * 2 / n_kills;
            Moment::Grown(len_of(&log) + rng.random_range(0..most))
        };
        wait_for(&moment, &log, &mut child);
        n_interrupted += u64::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if killed.join("faces.parquet").exists() && !log.exists() {
            // Done before the last kill: compared, and begun anew.
            is_whole(&whole, &killed);
            fs::remove_dir_all(&killed).unwrap();
            fs::create_dir(&killed).unwrap();
        }
    }
    println!("{n_interrupted} of {n_kills} times killed at work, {took:?} undisturbed");
    assert!(
        n_interrupted > n_kills / 4,
        "killed too late to show anything"
    );
    let said = said_by(&mut job(&pictures, &killed, "2"));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
    is_whole(&whole, &killed);
    let rows = json_lines(&whole.join("items.ndjson"));
    assert_eq!(rows.len() as u64, n_files);
    let n_bad = rows
        .iter()
        .filter(|row| !row["error_kind"].is_null())
        .count() as u64;
    assert_eq!(n_bad, (n_files + DAMAGED - 38) / DAMAGED);
    let n_copies = rows
        .iter()
        .filter(|row| !row["duplicate_of"].is_null())
        .count();
    assert!(n_copies as u64 >= n_files / 25, "{n_copies} copies");
}

#[test]
fn another_job_and_changed_sources_are_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (pictures, tables) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&tables).unwrap();
    fill(&pictures, 12);
    // What a run leaves that was killed after some items: the log, cut.
    let log = tables.join("faces.parquet.job");
    let leave = || {
        let mut child = job(&pictures, &tables, "1")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        loop {
            let done = fs::read_to_string(&log).unwrap_or_default();
            if done.lines().filter(|line| line.starts_with('i')).count() > 1 {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is done");
            if child.try_wait().unwrap().is_some() {
                panic!("it was done before it could be killed");
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(log.exists());
    };
    leave();
    let said = said_by(job(&pictures, &tables, "1").args(["--every", "2"]));
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("--every: nothing, now 2") && said.err.contains("--restart"),
        "{}",
        said.err
    );
    fs::write(pictures.join("000/000000.jpg"), noise(99)).unwrap();
    let said = said_by(&mut job(&pictures, &tables, "1"));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("000000.jpg was changed") && said.err.contains("--restart"),
        "{}",
        said.err
    );
    let said = said_by(job(&pictures, &tables, "1").arg("--restart"));
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(json_lines(&tables.join("items.ndjson")).len(), 12);
    assert!(!log.exists());
}
