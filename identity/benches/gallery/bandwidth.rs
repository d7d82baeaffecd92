//! How fast memory can be read at all: what a scan of everything cannot beat.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

/// Bytes read: far beyond any cache.
const N_BYTES: usize = 512 << 20;

/// Passes over them; the fastest counts, as nothing else may disturb it.
const N_PASSES: usize = 7;

/// Words of one step: a run of 512 bytes in each stream.
const STEP: usize = 64;

/// What so many threads read together.
#[derive(Clone, Debug)]
pub(crate) struct Bandwidth {
    pub(crate) threads: usize,
    pub(crate) bytes_per_sec: f64,
}

/// The fastest of several ways of reading, on one thread and on two.
pub(crate) fn measure() -> Vec<Bandwidth> {
    let words = words();
    let measured = [1, 2].map(|threads| {
        let ways = [1, 2, 4].map(|n_streams| fastest(&words, threads, n_streams));
        Bandwidth {
            threads,
            bytes_per_sec: ways.into_iter().fold(0.0, f64::max),
        }
    });
    for bandwidth in &measured {
        println!(
            "memory read by {} thread(s): {:.1} GB/s",
            bandwidth.threads,
            bandwidth.bytes_per_sec / 1e9
        );
    }
    measured.into()
}

/// Words in large pages where the system has them, as the templates of a gallery are: small ones are read more slowly.
#[cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "advice about memory")
)]
fn words() -> Vec<u64> {
    let n_words = N_BYTES / size_of::<u64>();
    let mut words: Vec<u64> = Vec::with_capacity(n_words);
    #[cfg(target_os = "linux")]
    {
        /// Bytes of a small page, with which the system wants a piece to begin.
        const PAGE: usize = 4096;
        let start = words.as_mut_ptr().cast::<u8>();
        let n_before = start.align_offset(PAGE);
        // SAFETY: the piece lies within what was allocated, and what it holds is not touched.
        unsafe {
            let start = start.add(n_before).cast();
            libc::madvise(start, N_BYTES - n_before, libc::MADV_HUGEPAGE);
        }
    }
    words.extend(0..n_words as u64);
    words
}

fn fastest(words: &[u64], threads: usize, n_streams: usize) -> f64 {
    let passes = (0..N_PASSES).map(|_| {
        let began = Instant::now();
        thread::scope(|scope| {
            for part in words.chunks(words.len().div_ceil(threads)) {
                scope.spawn(move || black_box(sum(part, n_streams)));
            }
        });
        N_BYTES as f64 / began.elapsed().as_secs_f64()
    });
    passes.fold(0.0, f64::max)
}

/// Reads a part in several streams side by side.
fn sum(part: &[u64], n_streams: usize) -> u64 {
    let length = part.len() / n_streams;
    let streams: Vec<&[u64]> = part.chunks_exact(length).take(n_streams).collect();
    let mut sums = [0_u64; STEP / 2];
    for at in (0..length / STEP).map(|step| step * STEP) {
        for stream in &streams {
            let (low, high) = stream[at..][..STEP].split_at(STEP / 2);
            for ((sum, low), high) in sums.iter_mut().zip(low).zip(high) {
                *sum ^= low ^ high;
            }
        }
    }
    sums.iter().fold(0, |all, sum| all ^ sum)
}
