//! What one job found out, the next one need not.
//!
//! `REGARD_KILL_SEED` says when the program is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use regard_testkit::clip;

use super::{analyze, are_the_same, collection, names_in, noise, with_comment};
use crate::program::{Said, program, said_by};

/// A job into a folder of its own, with the cache.
fn job(pictures: &Path, tables: &Path, cache: &Path, options: &[&str]) -> Said {
    fs::create_dir_all(tables).unwrap();
    let (items, report) = (tables.join("items.ndjson"), tables.join("report.html"));
    let fixed = [
        "--cache",
        cache.to_str().unwrap(),
        "--items",
        items.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
    ];
    let options = [fixed.as_slice(), options].concat();
    analyze(&[pictures], &tables.join("faces.parquet"), &options)
}

/// How many items a run says that it knew.
fn n_known(said: &Said) -> u64 {
    let summary = said.err.lines().last().unwrap();
    let before = summary.split(" known from the cache").next().unwrap();
    if before == summary {
        return 0;
    }
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The tables that a job makes without a cache.
fn without_cache(pictures: &Path, tables: PathBuf) -> PathBuf {
    fs::create_dir(&tables).unwrap();
    let items = tables.join("items.ndjson");
    let options = ["--items", items.to_str().unwrap()];
    let said = analyze(&[pictures], &tables.join("faces.parquet"), &options);
    // Some are damaged.
    assert_eq!(said.code, 2, "{}", said.err);
    tables
}

#[test]
fn a_second_job_knows_what_the_first_found_and_another_setting_nothing() {
    let (folder, pictures, _) = collection();
    fs::write(pictures.join("f.mjpeg"), clip::frames()[..12].concat()).unwrap();
    fs::write(pictures.join("g.jpg"), &noise(5)[..200]).unwrap();
    let place = |name: &str| folder.path().join(name);
    let cache = place("cache");
    let without = without_cache(&pictures, place("without"));
    let said = job(&pictures, &place("one"), &cache, &[]);
    assert_eq!((said.code, n_known(&said)), (2, 0), "{}", said.err);
    are_the_same(&without, &place("one"));
    // Everything but the copy, which is known within the job; the damaged ones too, and the video.
    let said = job(&pictures, &place("two"), &cache, &[]);
    assert_eq!((said.code, n_known(&said)), (2, 6), "{}", said.err);
    assert!(
        said.err
            .contains("; 1 with the bytes of another; 6 known from the cache; 2 bad"),
        "{}",
        said.err
    );
    assert!(said.err.contains(" 0.0 pictures/s"), "{}", said.err);
    assert_eq!(said.errors().len(), 2, "{}", said.err);
    are_the_same(&without, &place("two"));
    let page = fs::read_to_string(place("two/report.html")).unwrap();
    assert!(
        page.contains("Known from the cache</th><td>6</td>"),
        "{page}"
    );
    let page = fs::read_to_string(place("one/report.html")).unwrap();
    assert!(!page.contains("Known from the cache"));
    // Elsewhere, under other names, in an archive: the bytes count.
    let elsewhere = place("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(pictures.join("c.jpg"), elsewhere.join("z.png")).unwrap();
    fs::write(elsewhere.join("new.jpg"), noise(77)).unwrap();
    let said = job(&elsewhere, &place("three"), &cache, &[]);
    assert_eq!((said.code, n_known(&said)), (0, 1), "{}", said.err);
    for (at, options) in [
        ["--min-face", "30"].as_slice(),
        &["--every", "0.5"],
        &["--gps"],
        &["--mjpeg-fps", "10"],
    ]
    .iter()
    .enumerate()
    {
        let said = job(&pictures, &place(&format!("set {at}")), &cache, options);
        assert_eq!(
            (said.code, n_known(&said)),
            (2, 0),
            "{options:?}: {}",
            said.err
        );
        let said = job(&pictures, &place(&format!("again {at}")), &cache, options);
        assert_eq!(
            (said.code, n_known(&said)),
            (2, 6),
            "{options:?}: {}",
            said.err
        );
    }
    // Whoever reads along is told the same.
    let plain = said_by(program().arg("analyze").arg(&pictures));
    let known = said_by(
        program()
            .arg("analyze")
            .arg(&pictures)
            .arg("--cache")
            .arg(&cache),
    );
    assert_eq!(known.out, plain.out);
    assert_eq!(n_known(&known), 7, "{}", known.err);
    assert_eq!(
        names_in(folder.path())
            .into_iter()
            .filter(|name| name.starts_with("cache"))
            .collect::<Vec<_>>(),
        ["cache"]
    );
}

#[test]
fn what_a_run_found_out_itself_is_not_known() {
    let (folder, pictures, _) = collection();
    let cache = folder.path().join("cache");
    // One worker: the rows of the second of two with the same bytes are there when it comes to it.
    let run = || {
        let mut command = program();
        command
            .args(["analyze", "--workers", "1", "--cache"])
            .arg(&cache)
            .arg(&pictures);
        said_by(&mut command)
    };
    let first = run();
    assert_eq!((first.code, n_known(&first)), (2, 0), "{}", first.err);
    let second = run();
    assert_eq!((second.code, n_known(&second)), (2, 5), "{}", second.err);
    assert_eq!(first.out, second.out);
}

#[test]
fn what_is_damaged_is_told_and_begun_anew_and_what_is_not_ours_left_alone() {
    let (folder, pictures, _) = collection();
    let place = |name: &str| folder.path().join(name);
    let cache = place("cache");
    job(&pictures, &place("one"), &cache, &[]);
    let file = fs::File::options().write(true).open(&cache).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len / 2).unwrap();
    let said = job(&pictures, &place("two"), &cache, &[]);
    assert_eq!((said.code, n_known(&said)), (2, 0), "{}", said.err);
    assert!(
        said.err.contains("was damaged") && said.err.contains("is begun anew"),
        "{}",
        said.err
    );
    are_the_same(&place("one"), &place("two"));
    let said = job(&pictures, &place("three"), &cache, &[]);
    assert_eq!((said.code, n_known(&said)), (2, 4), "{}", said.err);
    assert!(!said.err.contains("damaged)"), "{}", said.err);
    are_the_same(&place("one"), &place("three"));
    let notes = place("notes");
    fs::write(&notes, "somebody's notes\n").unwrap();
    let said = job(&pictures, &place("four"), &notes, &[]);
    assert_eq!((said.code, said.errors().len()), (1, 1), "{}", said.err);
    assert!(
        said.err.contains("is not a store of this program") && said.err.contains("--cache FILE"),
        "{}",
        said.err
    );
    assert_eq!(fs::read(&notes).unwrap(), b"somebody's notes\n");
    assert_eq!(
        names_in(&place("four")),
        Vec::<String>::new(),
        "nothing was begun"
    );
}

#[test]
fn wherever_a_byte_of_the_cache_is_changed_the_rows_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let pictures = place("in");
    fs::create_dir(&pictures).unwrap();
    fs::write(pictures.join("a.jpg"), with_comment("first")).unwrap();
    fs::write(pictures.join("b.jpg"), noise(3)).unwrap();
    let cache = place("cache");
    job(&pictures, &place("whole"), &cache, &[]);
    let whole = fs::read(&cache).unwrap();
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..12 {
        let mut bytes = whole.clone();
        // Past the head, which says whose file it is.
        for _ in 0..40 {
            let at = rng.random_range(100..bytes.len());
            bytes[at] ^= rng.random_range(1..=255_u8);
        }
        fs::write(&cache, bytes).unwrap();
        for beside in ["cache-wal", "cache-shm"] {
            let _ = fs::remove_file(place(beside));
        }
        let tables = place(&format!("{round}"));
        let said = job(&pictures, &tables, &cache, &[]);
        assert_eq!(said.code, 0, "round {round}: {}", said.err);
        are_the_same(&place("whole"), &tables);
    }
}

#[test]
fn two_runs_do_not_use_one_cache_at_once() {
    let (folder, pictures, _) = collection();
    let place = |name: &str| folder.path().join(name);
    let cache = place("cache");
    job(&pictures, &place("one"), &cache, &[]);
    let held = fs::File::open(&cache).unwrap();
    held.lock().unwrap();
    let said = job(&pictures, &place("two"), &cache, &[]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("another process uses") && said.err.contains("wait for it"),
        "{}",
        said.err
    );
}

/// Kills that fall while the cache is made and used. What came of it is what comes of a job without one, and not all has to
/// be looked at again.
#[test]
fn a_cache_whose_program_is_killed_is_whole() {
    let seed = std::env::var("REGARD_KILL_SEED").map_or(11, |n| n.parse().expect("a number"));
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let pictures = place("in");
    fs::create_dir(&pictures).unwrap();
    for i in 0..120 {
        let bytes = match i % 10 {
            3 => with_comment(&format!("{i}")),
            7 => noise(i)[..150].to_vec(),
            _ => noise(i),
        };
        fs::write(pictures.join(format!("{i:03}.jpg")), bytes).unwrap();
    }
    let whole = without_cache(&pictures, place("whole"));
    let cache = place("cache");
    let mut n_killed = 0;
    for round in 0..8 {
        // Always another job, so that all that is known is from the cache.
        let mut child = program()
            .args(["analyze", "--workers", "2", "--cache"])
            .arg(&cache)
            .arg("-o")
            .arg(place(&format!("killed {round}.csv")))
            .arg(&pictures)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(rng.random_range(50..3_000)));
        n_killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    println!("{n_killed} of 8 killed at work");
    let tables: PathBuf = place("after");
    let said = job(&pictures, &tables, &cache, &[]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        !said.err.contains("cache") || n_known(&said) > 0,
        "{}",
        said.err
    );
    are_the_same(&whole, &tables);
    let said = job(&pictures, &place("known"), &cache, &[]);
    // Those that are cut short have the same bytes: known once, and eleven copies.
    assert_eq!((said.code, n_known(&said)), (2, 109), "{}", said.err);
    assert!(
        said.err.contains("; 11 with the bytes of another"),
        "{}",
        said.err
    );
    are_the_same(&whole, &place("known"));
}
