//! A sample of fuzzing that any compiler can run: seeds, and seeds with damage.
#![allow(clippy::print_stdout, reason = "random tests print their seed")]

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use regard_fuzz::{Mutator, TARGETS, Target, seeds};

/// How many times the usual sample is run.
fn factor() -> usize {
    env::var("REGARD_FUZZ_FACTOR").map_or(1, |n| n.parse().expect("a number"))
}

fn seed() -> u64 {
    env::var("REGARD_FUZZ_SEED").map_or(20_271_122, |n| n.parse().expect("a number"))
}

/// Peak of this process's memory in bytes, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kb| kb * 1024)
}

/// Most memory that any of it may take: the largest picture, the room to decode it, and the rest.
const MAX_PEAK_BYTES: u64 = 2 << 30;

fn check(target: &Target) {
    let began_at = Instant::now();
    let seeds = seeds(target.name);
    assert!(!seeds.is_empty(), "{} has no seed", target.name);
    let n_good = seeds.iter().filter(|seed| (target.run)(seed)).count();
    assert!(n_good > 0, "{} takes none of its seeds", target.name);
    (target.run)(&[]);
    let mut n_taken = 0;
    let mut mutator = Mutator::new(seed());
    let n = target.n_sample * factor();
    for i in 0..n {
        let bytes = mutator.damaged(&seeds);
        let Ok(is_taken) = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))) else {
            let file = env::temp_dir().join(format!("regard-fuzz-{}-{}-{i}", target.name, seed()));
            std::fs::write(&file, &bytes).expect("a temporary file");
            panic!(
                "{}, seed {}, input {i}: kept as {}",
                target.name,
                seed(),
                file.display()
            );
        };
        n_taken += usize::from(is_taken);
    }
    println!(
        "{}: seed {}, {n} inputs, {n_taken} of them taken, {:.1} s",
        target.name,
        seed(),
        began_at.elapsed().as_secs_f64()
    );
    if let Some(peak) = peak_bytes() {
        assert!(peak < MAX_PEAK_BYTES, "{}: {peak} bytes", target.name);
    }
}

macro_rules! samples {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            let target = TARGETS.iter().find(|t| t.name == stringify!($name));
            check(target.expect("it is listed"));
        })+

        #[test]
        fn every_target_is_sampled() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

samples! {
    photo jpeg motion_jpeg clip video http_camera model config commitments ledger note papers recording
    campaigns log proof ranking upload frame_message source zones preferences services audit legal_papers credentials manifest learned backup
    tape zipped list job_log remembered
}
