//! A face that matches nobody is gone from memory when the search is over: looked for in every page of this process.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use regard_commitments::{Grant, Recognition};
use regard_identity::{Embedding, ModelTag};
use zeroize::Zeroizing;

/// What the bytes that are looked for are covered with, so that the search does not find itself.
const COVER: u8 = 0xa5;

/// Bytes of the embedding that are looked for: eight numbers, which no other memory has by chance.
const N_BYTES: usize = 32;

/// An embedding, and the first of its bytes, covered.
fn embedding(rng: &mut ChaCha20Rng) -> (Embedding, Vec<u8>) {
    let raw = (0..128).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5);
    let embedding = Embedding::new(raw.collect(), ModelTag::from_bits(1)).unwrap();
    let numbers = embedding.values().iter().take(N_BYTES / 4);
    let bytes = numbers.flat_map(|value| value.to_le_bytes());
    let covered = bytes.map(|byte| byte ^ COVER).collect();
    (embedding, covered)
}

/// How often the bytes stand in memory that this process can write.
fn n_in_memory(covered: &[u8]) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut n = 0;
    // Wiped in the end: what is read is a copy of what is looked for.
    let mut page = Zeroizing::new(vec![0; 1 << 16]);
    for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
        let (from, to) = line
            .split_whitespace()
            .next()
            .unwrap()
            .split_once('-')
            .unwrap();
        let (mut at, to) = (
            u64::from_str_radix(from, 16).unwrap(),
            u64::from_str_radix(to, 16).unwrap(),
        );
        let own = page.as_ptr() as u64..page.as_ptr() as u64 + page.len() as u64;
        while at < to {
            let len = usize::try_from((to - at).min(page.len() as u64)).unwrap();
            // Pages overlap by what is looked for; one that went since it was listed is passed over.
            let step = (len - (N_BYTES - 1).min(len - 1)) as u64;
            if memory.seek(SeekFrom::Start(at)).is_ok()
                && memory.read_exact(&mut page[..len]).is_ok()
            {
                let found = page[..len].windows(covered.len()).enumerate();
                n += found
                    .filter(|(offset, window)| {
                        !own.contains(&(at + *offset as u64))
                            && window[0] ^ COVER == covered[0]
                            && window.iter().zip(covered).all(|(a, b)| a ^ COVER == *b)
                    })
                    .count();
            }
            at += step;
        }
    }
    n
}

#[test]
fn a_probe_leaves_nothing_in_memory() {
    if !cfg!(target_os = "linux") {
        println!("skipped: a probe leaves nothing in memory: no /proc/self/mem");
        return;
    }
    let key = Grant::<Recognition>::for_evaluation();
    let mut rng = ChaCha20Rng::seed_from_u64(20_261_129);
    let (enrolled, _) = embedding(&mut rng);
    let (probe, covered) = embedding(&mut rng);
    assert!(
        probe.similarity(&enrolled, &key).unwrap().get() < 0.5,
        "nobody"
    );
    assert_eq!(n_in_memory(&covered), 1, "held, it is there once");
    drop(probe);
    assert_eq!(n_in_memory(&covered), 0, "let go of, it is nowhere");
}
